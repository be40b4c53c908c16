--- The one error object: what happened, and whether the service may have acted.

local ascii = require "locksmith.ascii"
local number = require "locksmith.number"

local Error = {}
Error.__index = Error
Error.__name = "locksmith.Error"

-- Of calls that only read: whatever became of them, nothing was changed.
local ReadError = { __index = Error, __name = Error.__name }

---@param fields table the fields of the error; owned by it from now on
---@param reads boolean? the call only reads
---@return locksmith.Error
function Error.new(fields, reads)
  fields.attempts = fields.attempts or {}
  fields.outcome = fields.outcome or "not_sent"
  fields.source = fields.source or "local"
  fields.message = fields.message or fields.kind
  return setmetatable(fields, reads and ReadError or Error)
end

--- An error about what was answered: it takes over what is known of the answer.
---@param response locksmith.Response|locksmith.Error
---@param fields table the other fields; owned by the error from now on
---@return locksmith.Error
function Error.about(response, fields)
  fields.source, fields.status, fields.headers = "remote", response.status, response.headers
  fields.attempts, fields.elapsed = response.attempts, response.elapsed
  return Error.new(fields)
end

---@param kind string
---@param message string
---@param operation string
---@return locksmith.Error # refused here; nothing was sent
function Error.refused(kind, message, operation)
  return Error.new { kind = kind, message = message, operation = operation }
end

---@param value any
---@return boolean # whether it is an error object of this library
function Error.is(value)
  local class = getmetatable(value)
  return class == Error or class == ReadError
end

---@param value any
---@return boolean # whether it is the error of a call that only reads: also where its outcome is unknown, nothing was
---  changed
function Error.is_of_read(value)
  return getmetatable(value) == ReadError
end

--- What a step only read may be part of something that writes.
---@param err locksmith.Error
---@return locksmith.Error
function Error.of_write(err)
  return setmetatable(err, Error)
end

--- Ends the program, or the nearest pcall, with this error as a text that begins with the caller's line: what every
--- interpreter prints well. To hand on the object itself: error(err, 0).
---@param level integer? 1 (default): the line that called raise; 2: the line that called that function; …
function Error:raise(level)
  error(tostring(self), (level or 1) + 1)
end

local OUTCOME = {
  unknown = "it may have been carried out",
  applied = "it was carried out in part",
}

-- Services count some problems twice, in two languages: the first is enough.
local function first_text(value, depth)
  if type(value) == "string" then return value end
  if type(value) ~= "table" or depth > 4 then return nil end
  if value[1] ~= nil then return first_text(value[1], depth + 1) end
  if type(value.message) == "string" then return value.message end
  local names = {}
  for name in pairs(value) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names, ascii.before)
  for _, name in ipairs(names) do
    local text = first_text(value[name], depth + 1)
    if text then return name .. ": " .. text end
  end
end

local function seconds_text(value)
  return type(value) == "number" and number.text(value) or tostring(value)
end

local DETAIL_MAX = 300

---@param text string
---@param most integer bytes
---@return string # its beginning where it is longer, cut between characters
function Error.cut(text, most)
  if #text <= most then return text end
  return text:sub(1, most):gsub("[\128-\191]*$", ""):gsub("[\192-\255]$", "") .. "…"
end

local function reason(self)
  local text = first_text(self.details, 0)
  if not text or tostring(self.message):find(text, 1, true) then return nil end
  return Error.cut(text, DETAIL_MAX)
end

local function describe(self, outcome)
  local parts = { self.operation and self.operation .. ": " or "", self.kind }
  local told = {}
  if self.status then told[#told + 1] = "HTTP " .. self.status end
  if self.code then told[#told + 1] = "code " .. tostring(self.code) end
  if #told > 0 then parts[#parts + 1] = " (" .. table.concat(told, ", ") .. ")" end
  parts[#parts + 1] = ": " .. tostring(self.message)
  local detail = reason(self)
  if detail then parts[#parts + 1] = " (" .. detail .. ")" end
  if self.retry_after then parts[#parts + 1] = ("; retry_after %s s"):format(seconds_text(self.retry_after)) end
  if outcome then parts[#parts + 1] = "; " .. outcome end
  local count = #self.attempts
  parts[#parts + 1] = count == 1 and " [1 attempt]" or (" [%d attempts]"):format(count)
  return (table.concat(parts):gsub("[%z\1-\31\127]+", " "))
end

function Error:__tostring()
  return describe(self, OUTCOME[self.outcome])
end

function ReadError:__tostring()
  return describe(self, self.outcome == "unknown" and "nothing was changed" or OUTCOME[self.outcome])
end

function Error.__concat(left, right)
  if Error.is(left) then left = tostring(left) end
  if Error.is(right) then right = tostring(right) end
  return left .. right
end
ReadError.__concat = Error.__concat

return Error
