--- A transport the user wrote: function(request) -> response | nil, failure.

local answer_headers = require "locksmith.transport.answer_headers"
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

local function fail(kind, message)
  return nil, { kind = kind, sent = true, message = message }
end

local function failed(given)
  if type(given) ~= "table" then
    return fail("network", type(given) == "string" and given or "the transport gave no answer")
  end
  local kind, sent, message = KINDS[given.kind] and given.kind or "network", given.sent, given.message
  if sent == nil then sent = not BEFORE[kind] end
  return nil, { kind = kind, sent = sent and true, message = type(message) == "string" and message or nil,
    permanent = given.permanent and true }
end

-- By the caller's function, or by the tables that it returns.
local function raised(reason, noted)
  if not noted.sending then error(reason, 0) end
  local ok, text = pcall(tostring, reason)
  local message = "the transport raised an error"
  if reason ~= nil and ok and type(text) == "string" then message = message .. ": " .. text end
  return fail("network", message)
end

local function exchange(self, call, limit, noted)
  local method, url, given, body = call:request()
  local request = { method = method, url = url, headers = given, body = body, timeout = limit }
  noted.sending = true
  local response, failure = self.carry(request)
  if not response then return failed(failure) end
  local answer = type(response) == "table" and response or {}
  local status, headers, text = answer.status, answer.headers or {}, answer.body
  if not is_status(status) then
    return fail("bad_response", "the transport returned no status that an answer can have")
  end
  if not is_headers(headers) then
    return fail("bad_response", "the transport returned headers that are no table of texts")
  end
  if text == nil then text = "" end
  if type(text) ~= "string" then return fail("bad_response", "the transport returned a body that is no string") end
  if #text > self.limit then return fail "too_large" end
  return { status = status, headers = answer_headers.lower(headers), body = text }
end

local function settled(noted, ok, response, failure)
  if not ok then return raised(response, noted) end
  return response, failure
end

--- Carries out one attempt.
---@param call userdata
---@param limit number seconds
---@param noted locksmith.Task
---@return locksmith.Answer?
---@return locksmith.Failure?
function custom:send(call, limit, noted)
  return settled(noted, try(exchange, self, call, limit, noted))
end

return custom
