--- How far a long run is: one line on a terminal, drawn over itself.

local progress = {}

-- Seconds between two drawings.
local PAUSE = 0.1

---@class locksmith.cli.Progress
local Progress = {}
Progress.__index = Progress

local function span(seconds)
  if seconds < 1 then return "less than a second" end
  if seconds < 100 then return ("about %.0f s"):format(seconds) end
  if seconds < 6000 then return ("about %.0f min"):format(seconds / 60) end
  return ("about %.1f h"):format(seconds / 3600)
end

--- What a progress of the library says: { done, failed, skipped, total, seconds_left }.
---@param told table
---@param verb string such as "made"
---@return string
function progress.text(told, verb)
  local parts = { told.total and ("%d of %d %s"):format(told.done, told.total, verb) or
    ("%d %s"):format(told.done, verb) }
  for _, name in ipairs { "skipped", "failed" } do
    if (told[name] or 0) > 0 then parts[#parts + 1] = ("%d %s"):format(told[name], name) end
  end
  local left = told.seconds_left
  local finite = left and left == left and left < math.huge
  if finite and left > 0 then parts[#parts + 1] = span(left) .. " left" end
  return table.concat(parts, ", ")
end

-- At most so many characters, so that the line does not wrap: a second one could not be drawn over.
local function cut(text, width)
  return #text < width and text or text:sub(1, width - 1)
end

--- Draws it, unless it was drawn just now.
---@param told table as the library's `on_progress` gets it
function Progress:update(told)
  if not self.drawn_on then return end
  local now = self.now()
  if self.last and now - self.last < PAUSE and now >= self.last and told.done ~= told.total then return end
  self.last = now
  self.drawn_on:write("\r", cut(progress.text(told, self.verb), self.width), "\27[K")
  self.drawn_on:flush()
  self.visible = true
end

--- Takes the line away, before something else is written or when the run has ended.
function Progress:hide()
  if not self.visible then return end
  self.visible = false
  self.drawn_on:write "\r\27[K"
  self.drawn_on:flush()
end

--- For a run of the command.
---@param options { stream: file*, terminal: boolean, quiet: boolean?, verb: string, width: integer?,
---  now: (fun(): number)?, getenv: (fun(name: string): string?)? } terminal: whether `stream` is one, width: its
---  columns; nothing is drawn on another, where there is to be quiet, or where the terminal has no cursor to move
---  (TERM=dumb, or none)
---@return locksmith.cli.Progress
function progress.new(options)
  local getenv = options.getenv or os.getenv
  local kind = getenv "TERM"
  local can = options.terminal and not options.quiet and kind and kind ~= "" and kind ~= "dumb"
  local width = options.width or tonumber((getenv "COLUMNS" or ""):match "^%d+$") or 80
  return setmetatable({ drawn_on = can and options.stream or nil, verb = options.verb, width = math.max(width, 20),
    now = options.now or os.time }, Progress)
end

return progress
