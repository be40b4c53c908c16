--- Reads from a socket within bounds. A line or a piece may come in as many parts as the peer likes: what it may take
--- in bytes is set here, what it may take in time is up to `pull`.

local wire = {}

local CHUNK = 65536

---@class locksmith.Wire
---@field left number bytes that may still be read; more is an error
---@field too_much string that error
local Wire = {}
Wire.__index = Wire

---@param pull fun(most: integer): string|nil, string|nil gives what has come, at least one byte, or nil and the error
---@param left number
---@param too_much string
---@return locksmith.Wire
function wire.new(pull, left, too_much)
  return setmetatable({ pull = pull, left = left, too_much = too_much, buffer = "", at = 1 }, Wire)
end

---@return integer # bytes that have come and were not asked for
function Wire:pending()
  return #self.buffer - self.at + 1
end

local function spend(self, size, data)
  if size > self.left then return nil, self.too_much end
  self.left = self.left - size
  return data
end

local function without_end(line)
  return line:sub(1, line:byte(-2) == 13 and -3 or -2)
end

--- The next line, of which only a part has come.
local function rest_of_line(self)
  local parts, size = {}, 0
  while true do
    local last = self.buffer:find("\n", self.at, true)
    local part = self.buffer:sub(self.at, last)
    parts[#parts + 1], size = part, size + #part
    self.at = self.at + #part
    if last then return spend(self, size, without_end(table.concat(parts))) end
    if size >= self.left then return nil, self.too_much end
    local more, message = self.pull(CHUNK)
    if not more then return nil, message, table.concat(parts) end
    self.buffer, self.at = more, 1
  end
end

--- The next line without its end.
---@return string?
---@return string? message
---@return string? partial what came before the error
function Wire:line()
  local at = self.at
  local last = self.buffer:find("\n", at, true)
  if not last then return rest_of_line(self) end
  self.at = last + 1
  return spend(self, self.at - at, without_end(self.buffer:sub(at, last)))
end

--- The next bytes.
---@param size integer
---@return string?
---@return string? message
---@return string? partial what came before the error
function Wire:exactly(size)
  if size > self.left then return nil, self.too_much end
  local at = self.at
  if at + size - 1 <= #self.buffer then
    self.at = at + size
    return spend(self, size, self.buffer:sub(at, at + size - 1))
  end
  local parts, missing = {}, size
  while true do
    local part = self.buffer:sub(self.at, self.at + missing - 1)
    parts[#parts + 1], missing = part, missing - #part
    self.at = self.at + #part
    if missing == 0 then return spend(self, size, table.concat(parts)) end
    local more, message = self.pull(math.min(missing, CHUNK))
    if not more then return nil, message, table.concat(parts) end
    self.buffer, self.at = more, 1
  end
end

return wire
