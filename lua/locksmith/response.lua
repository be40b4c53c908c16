--- What is known of a successful call beside its value.

local Response = { __name = "locksmith.Response" }

local response = {}

--- What came of a successful call, and its headers. Most succeed with their first attempt, and that is put together
--- here: Lua makes tables more cheaply than C does.
---@param call userdata
---@return table fields
function response.fields(call)
  local status, elapsed, spent, wait, recovered, limit, remaining, reset, as_of = call:success()
  if not status then return call:result() end
  return {
    status = status, elapsed = elapsed, recovered = recovered, headers = false,
    attempts = { { status = status, elapsed = spent, wait = wait } },
    quota = remaining and { limit = limit, remaining = remaining, reset = reset, as_of = as_of },
  }
end

---@param fields table of the finished call
---@param headers table<string, string>
---@param quota table? as the store knows it
---@return locksmith.Response
function response.new(fields, headers, quota)
  fields.headers = headers
  fields.quota = quota or fields.quota
  return setmetatable(fields, Response)
end

return response
