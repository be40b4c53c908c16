--- Clients for specs: virtual clock, scripted transport, a pacing store of their own.

local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local virtual = require "spec.support.virtual"

local clients = {}

local function make(service, key, script, options)
  local own = { api_key = key, store = locksmith.memory(), random = function() return 0.5 end }
  local clock = virtual.clock()
  local requests
  own.transport = script
  if type(script) == "table" then own.transport, requests = virtual.transport(script, clock) end
  own.clock = clock
  for name, value in pairs(options or {}) do own[name] = value end
  return assert(locksmith[service](own)), requests, clock
end

---@param script table|function see virtual.transport
---@param options table? more client options
---@return table client
---@return table[] requests
---@return table clock
function clients.lockpub(script, options)
  return make("lockpub", sandbox.LOCKPUB_KEY, script, options)
end

---@param script table|function
---@param options table?
---@return table client
---@return table[] requests
---@return table clock
function clients.locker(script, options)
  return make("locker", sandbox.LOCKER_KEY, script, options)
end

--- Fields of a valid link of type url, changed by `with`; false takes a field away.
function clients.link_fields(with)
  local fields = { type = "url", target_url = "https://example.com/private", password = "share-this-separately",
    memo = "Client contract" }
  for name, value in pairs(with or {}) do
    if value == false then fields[name] = nil else fields[name] = value end
  end
  return fields
end

--- An answer of LOCK.PUB to a creation.
clients.CREATED = { status = 201, headers = { ["content-type"] = "application/json", ["x-api-quota-limit"] = "1000",
  ["x-api-quota-remaining"] = "999", ["x-api-quota-reset"] = "1782864000" },
  body = '{"id":"lnk_1","type":"url","slug":"k3x9","shortUrl":"https://lock.pub/k3x9","redirectLimit":3,"note":null}' }

--- The same, and what remains of the quota then.
---@param remaining integer
function clients.created(remaining)
  local headers = {}
  for name, value in pairs(clients.CREATED.headers) do headers[name] = value end
  headers["x-api-quota-remaining"] = ("%d"):format(remaining)
  return { status = 201, headers = headers, body = clients.CREATED.body }
end

--- An alias as Locker shows it.
function clients.address(with)
  local json = require "locksmith.json"
  local address = { id = 7, address = "abc123", domain = "maily.org", full_address = "abc123@maily.org", enabled = true,
    block_spam = false, description = "", created_time = 1795189533, num_forwarded = 0, num_blocked = 0,
    num_replied = 0, num_spam = 0 }
  for name, value in pairs(with or {}) do address[name] = value end
  return { status = 200, body = json.encode(address) }
end

return clients
