--- Sends requests to a sandbox in this process and reads the JSON answers.

local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"

local caller = {}

--- A function that sends one request.
---@param box table a Sandbox
---@param defaults? table `{ prefix, key }` put before every path and sent as the bearer key
---@return fun(method: string, path: string, body?: any, headers?: table): table # response; `json` is the decoded body.
--- `body`: a table is sent as JSON, a string as it is; `headers`: name -> value, false drops a default one
function caller.new(box, defaults)
  return function(method, path, body, headers)
    local sent = { Authorization = "Bearer " .. defaults.key }
    if type(body) == "table" then
      body = json.encode(body)
      sent["Content-Type"] = "application/json"
    end
    for name, value in pairs(headers or {}) do sent[name] = value or nil end
    local list = {}
    for name, value in pairs(sent) do list[#list + 1] = { name, value } end
    local response, failure = box:handle {
      method = method, url = defaults.prefix .. path, headers = list, body = body,
    }
    if not response then return { failure = failure } end
    response.json = response.body ~= "" and json.decode(response.body) or nil
    return response
  end
end

--- A caller of the Locker endpoints.
---@param box table
---@param key? string default the main account's
function caller.locker(box, key)
  return caller.new(box, { prefix = "https://api.locker.io/v3/relay", key = key or sandbox.LOCKER_KEY })
end

--- A caller of the LOCK.PUB endpoints.
---@param box table
---@param key? string
function caller.lockpub(box, key)
  return caller.new(box, { prefix = "https://lock.pub/api/v1", key = key or sandbox.LOCKPUB_KEY })
end

return caller
