--- A transport the user wrote: function(request) -> response | nil, failure.

local fields = require "locksmith.transport.fields"
local try = require "locksmith.try"

local custom = {}
custom.__index = custom
custom.tells = true

local KINDS = { connect = true, tls = true, network = true, timeout = true, too_large = true, bad_response = true,
  phase = true, config = true }
-- Kinds that by their nature come before the first byte.
local BEFORE = { connect = true, tls = true, phase = true, config = true }

---@param send function
---@param options table the client's options
function custom.new(send, options)
  return setmetatable({ carry = send, limit = options.max_response_bytes }, custom)
end

local function is_status(value)
  return type(value) == "number" and value >= 200 and value <= 999 and value % 1 == 0
end

-- Names to texts, or to lists of them.
local function is_headers(value)
  if type(value) ~= "table" then return false end
  for _, text in pairs(value) do
    for _, part in ipairs(type(text) == "table" and text or { text }) do
      if type(part) ~= "string" and type(part) ~= "number" then return false end
    end
  end
  return true
end

local function failed(failure)
  if type(failure) ~= "table" then
    return nil, "network", true, type(failure) == "string" and failure or "the transport gave no answer"
  end
  local kind = KINDS[failure.kind] and failure.kind or "network"
  local sent = failure.sent
  if sent == nil then sent = not BEFORE[kind] end
  local message = failure.message
  if type(message) ~= "string" then message = nil end
  return nil, kind, sent, message, failure.permanent
end

-- By the caller's function, or by the tables that it returns.
local function raised(reason, noted)
  if not noted.sending then error(reason, 0) end
  local ok, text = pcall(tostring, reason)
  local message = "the transport raised an error"
  if reason ~= nil and ok and type(text) == "string" then message = message .. ": " .. text end
  return nil, "network", true, message, false
end

local function exchange(self, call, limit, noted)
  local method, url, given, body = call:request()
  local request = { method = method, url = url, headers = given, body = body, timeout = limit }
  noted.sending = true
  local response, failure = self.carry(request)
  if not response then return failed(failure) end
  local answer = type(response) == "table" and response or {}
  local status = answer.status
  if not is_status(status) then
    return nil, "bad_response", true, "the transport returned no status that an answer can have"
  end
  local headers, text = answer.headers or {}, answer.body
  if not is_headers(headers) then
    return nil, "bad_response", true, "the transport returned headers that are no table of texts"
  end
  if text == nil then text = "" end
  if type(text) ~= "string" then return nil, "bad_response", true, "the transport returned a body that is no string" end
  if #text > self.limit then return nil, "too_large", true end
  return status, fields.lower(headers), text, 0
end

local function settled(noted, ok, status, ...)
  if not ok then return raised(status, noted) end
  return status, ...
end

--- Carries out one attempt.
---@param call userdata
---@param limit number seconds
---@param noted locksmith.Task
---@return integer? status nil when there is no answer
---@return table|string headers, or the kind of the failure
---@return string|boolean body, or whether something was sent
---@return number|string? connected seconds, or the message
---@return boolean? permanent
function custom:send(call, limit, noted)
  return settled(noted, try(exchange, self, call, limit, noted))
end

return custom
