--- The one error object: what happened, and whether the service may have acted.

---@class locksmith.Error
---@field kind string one of the kinds of the reference
---@field message string
---@field status integer? HTTP status where the service answered
---@field code string? the service's own code, such as "8000"
---@field details any? the service's own details
---@field outcome "not_sent"|"rejected"|"unknown"|"applied"
---@field operation string such as "locker.addresses.create"
---@field attempts table[] one { kind, status, elapsed, wait } per attempt, seconds
---@field retry_after number? seconds, where known
---@field elapsed number? seconds since the call began
---@field value any? what exists in spite of the error
---@field source "local"|"remote"|"transport"
---@field resume table? of an iteration: what to pass to each() or pages() to go on
local Error = {}
Error.__index = Error
Error.__name = "locksmith.Error"

local STANDARD = {
  rate_limited = "the service asked for fewer requests",
  server_error = "the service failed",
  connect = "no connection could be made",
  tls = "no trusted connection could be made",
  network = "the connection was cut",
  timeout = "no answer came in time",
  bad_response = "the answer is not what this service sends",
  too_large = "the answer is larger than max_response_bytes",
  not_found = "the requested resource does not exist",
  unauthenticated = "the key was refused",
  forbidden = "the service does not allow this",
  conflict = "it exists already",
  plan_required = "the account's plan does not include this",
  limit_reached = "the account's limit is reached",
  quota_exceeded = "the monthly quota is used up",
}

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

local function by_length(a, b) return #a > #b end

---@param fields table the fields of the error; owned by it from now on
---@param secrets string[]? texts that must not appear in it
---@return locksmith.Error
function Error.new(fields, secrets)
  fields.attempts = fields.attempts or {}
  fields.outcome = fields.outcome or "not_sent"
  fields.source = fields.source or "local"
  local status = fields.status and "HTTP " .. fields.status
  fields.message = fields.message or STANDARD[fields.kind] or status or fields.kind
  if secrets and #secrets > 0 then
    table.sort(secrets, by_length)
    for name, limit in pairs(CUT) do fields[name] = redact_cut(fields[name], limit, secrets) end
    for _, name in ipairs { "message", "code", "details" } do
      fields[name] = redact(fields[name], secrets, 0)
    end
  end
  return setmetatable(fields, Error)
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
  return getmetatable(value) == Error
end

local OUTCOME = {
  unknown = "it may have been carried out",
  applied = "it was carried out in part",
}

function Error:__tostring()
  local parts = { self.operation and self.operation .. ": " or "", self.kind }
  local told = {}
  if self.status then told[#told + 1] = "HTTP " .. self.status end
  if self.code then told[#told + 1] = "code " .. tostring(self.code) end
  if #told > 0 then parts[#parts + 1] = " (" .. table.concat(told, ", ") .. ")" end
  parts[#parts + 1] = ": " .. tostring(self.message)
  if OUTCOME[self.outcome] then parts[#parts + 1] = "; " .. OUTCOME[self.outcome] end
  local count = #self.attempts
  parts[#parts + 1] = count == 1 and " [1 attempt]" or (" [%d attempts]"):format(count)
  return (table.concat(parts):gsub("[%c]+", " "))
end

return Error
