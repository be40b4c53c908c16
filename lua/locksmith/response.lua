--- What is known of a successful call beside its value.

local core = require "locksmith.core"
local answer_headers = require "locksmith.transport.answer_headers"

local Response = { __name = "locksmith.Response" }

local response = {}

-- Headers as they came, by response: few callers look at them, and the table of them is made when one does. Nothing in
-- them leads back to a response.
local unread = setmetatable({}, { __mode = "k" })

local function table_of(headers)
  if type(headers) == "string" then return core.headers(headers) end
  return headers and answer_headers.lower(headers)
end

--- Makes the table of the headers, where it is not made yet.
---@param fields table of a call that succeeded
function response.read_headers(fields)
  local headers = table_of(unread[fields])
  if headers then fields.headers, unread[fields] = headers, nil end
end

function Response:__index(name)
  if name ~= "headers" then return nil end
  response.read_headers(self)
  self.headers = rawget(self, "headers") or {}
  return self.headers
end

function Response:__pairs()
  local _ = self.headers
  return next, self
end

--- The headers of an answer without what is secret in its call.
---@param call userdata
---@param headers table|string|nil as a transport gave them
---@return table<string, string>? # by lower-case names
function response.redacted(call, headers)
  if type(headers) == "table" then headers = answer_headers.lower(headers) end
  return call:headers(headers)
end

--- What came of a successful call. Most succeed with their first attempt, and that is put together here: Lua makes
--- tables more cheaply than C does.
---@param call userdata
---@param headers table|string|nil of its answer
---@return table fields
function response.fields(call, headers)
  local status, open, elapsed, spent, wait, recovered, limit, remaining, reset, as_of = call:success()
  if not open then
    local fields = call:result()
    fields.headers = response.redacted(call, headers) or {}
    return fields
  end
  local fields = {
    status = status, elapsed = elapsed, recovered = recovered,
    attempts = { { status = status, elapsed = spent, wait = wait } },
    quota = remaining and { limit = limit, remaining = remaining, reset = reset, as_of = as_of },
  }
  unread[fields] = headers
  return fields
end

---@param fields table of the finished call
---@param quota table? as the store knows it
---@return locksmith.Response
function response.new(fields, quota)
  fields.quota = quota or fields.quota
  return setmetatable(fields, Response)
end

return response
