--- What is known of a successful call beside its value.

local Response = { __name = "locksmith.Response" }

local response = {}

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
