--- What is known of a successful call beside its value.

---@class locksmith.Response
---@field status integer nil only of what is journaled
---@field headers table<string, string> lower-case names
---@field quota table? { limit, remaining, reset, as_of }, times in Unix seconds
---@field attempts table[] one { kind, status, elapsed, wait } per attempt, seconds; of a composition also { step };
---  `resent` counts how often the transport sent a read once more, because a kept connection turned out dead
---@field elapsed number seconds of the whole call
---@field journaled boolean? of create_each: the link is from the journal, and there was no request
---@field recovered boolean a repeat showed that an attempt whose answer was lost had been applied
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
