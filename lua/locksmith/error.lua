--- The one error object: what happened, and whether the service may have acted.

---@class locksmith.Error
---@field kind string one of the kinds of the reference
---@field message string
---@field status integer? HTTP status where the service answered
---@field headers table<string, string>? of that answer, lower-case names
---@field code string? the service's own code, such as "8000"
---@field details any? the service's own details
---@field outcome "not_sent"|"rejected"|"unknown"|"applied"
---@field operation string such as "locker.addresses.create"
---@field attempts table[] one { kind, status, elapsed, wait } per attempt, seconds; of a composition also { step };
---  `resent` counts how often the transport sent a read once more, because a kept connection turned out dead
---@field retry_after number? seconds, where known
---@field retryable boolean? whether the same call may succeed later without a change; whether it may be made again
---  without doing something twice is told by `outcome`
---@field elapsed number? seconds since the call began
---@field value any? what exists in spite of the error
---@field slug string? of a link that was to be made with it
---@field source "local"|"remote"|"transport"
---@field resume table? of an iteration: what to pass to each() or pages() to go on
local ascii = require "locksmith.ascii"
local number = require "locksmith.number"

local Error = {}
Error.__index = Error
Error.__name = "locksmith.Error"

-- Of calls that only read: whatever became of them, nothing was changed.
local ReadError = { __index = Error, __name = Error.__name }

local function replace(text, secret, by)
  local from, parts, first = 1, {}, text:find(secret, 1, true)
  if not first then return text end
  while first do
    parts[#parts + 1] = text:sub(from, first - 1)
    parts[#parts + 1] = by
    from = first + #secret
    first = text:find(secret, from, true)
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts)
end

-- A service may echo what it was sent. Short secrets are left: they would blot out innocent words.
local function redact(value, secrets, depth)
  if type(value) == "string" then
    for i = 1, #secrets do
      if #secrets[i] >= 4 then value = replace(value, secrets[i], "[redacted]") end
    end
    return value
  elseif type(value) == "table" then
    if depth > 50 then return "[too deep]" end
    local copy = {}
    for k, v in pairs(value) do copy[redact(k, secrets, depth + 1)] = redact(v, secrets, depth + 1) end
    return copy
  end
  return value
end

-- The core cuts what a service says at this many bytes, less at most 3 for a UTF-8 sequence: a secret at the end may be
-- there in part.
local CUT = { message = 2048 - 3, code = 64 - 3 }

local function redact_cut(text, limit, secrets)
  if type(text) ~= "string" or #text < limit then return text end
  local most = 0
  for i = 1, #secrets do
    for length = math.min(#secrets[i], #text), math.max(4, most + 1), -1 do
      if text:sub(-length) == secrets[i]:sub(1, length) then most = length break end
    end
  end
  return most > 0 and text:sub(1, -most - 1) .. "[redacted]" or text
end

-- The longest first. There are few; and table.sort of Lua 5.2 tells a lack of memory as a stack overflow.
local function sort_by_length(secrets)
  for i = 2, #secrets do
    local secret, at = secrets[i], i - 1
    while at > 0 and #secrets[at] < #secret do secrets[at + 1], at = secrets[at], at - 1 end
    secrets[at + 1] = secret
  end
end

---@param value any a text, or a table of them, which stays as it is
---@param secrets string[]
---@return any # without the secrets
function Error.redacted(value, secrets)
  sort_by_length(secrets)
  return redact(value, secrets, 0)
end

--- The same for headers. Every answer has some, and next to none holds a secret: they are looked at as one text,
--- which holds whatever one of them does.
---@param headers table<string, string>
---@param secrets string[]
---@return table<string, string> # without the secrets; the given table where it holds none
function Error.redacted_headers(headers, secrets)
  local texts = {}
  for name, value in pairs(headers) do texts[#texts + 1], texts[#texts + 2] = name, value end
  local all = table.concat(texts, "\n")
  for i = 1, #secrets do
    if all:find(secrets[i], 1, true) then return Error.redacted(headers, secrets) end
  end
  return headers
end

---@param fields table the fields of the error; owned by it from now on
---@param secrets string[]? texts that must not appear in it
---@param reads boolean? the call only reads
---@return locksmith.Error
function Error.new(fields, secrets, reads)
  fields.attempts = fields.attempts or {}
  fields.outcome = fields.outcome or "not_sent"
  fields.source = fields.source or "local"
  fields.message = fields.message or fields.kind
  if secrets and #secrets > 0 then
    sort_by_length(secrets)
    for name, limit in pairs(CUT) do fields[name] = redact_cut(fields[name], limit, secrets) end
    for _, name in ipairs { "message", "code", "details", "headers" } do
      fields[name] = redact(fields[name], secrets, 0)
    end
  end
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
