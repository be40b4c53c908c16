-- Makes one call after another, in each of which another allocation fails, and prints what came of it. Run by
-- spec/curl_memory_spec.lua with allocations.so preloaded.
local allocations = require "allocations"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

-- A memory error in compiled code crashes LuaJIT 2.1 whatever the code does.
if rawget(_G, "jit") then jit.off() end

local where, what = os.getenv "WHERE", os.getenv "WHAT"
local LAST = 5000

local calls = {}

function calls.link(client, name)
  return client.links:create({ type = "url", target_url = "https://example.com/private", memo = name,
    password = "share-this-separately" }, { idempotent = true })
end

function calls.alias(client, name)
  return client.addresses:create { description = name }
end

function calls.list(client)
  return client.addresses:list()
end

local function client_for(url)
  if what == "link" then
    return locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url, store = locksmith.memory(), timeout = 20 }
  end
  return locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url, store = locksmith.memory(), timeout = 20 }
end

local function describe(ok, value, result)
  if not ok then return "raised " .. tostring(value) end
  if value then return "done" end
  return ("%s %s %s"):format(result.kind, result.outcome, tostring(result))
end

-- Modules are loaded and what is made once is made.
assert(calls[what](client_for(os.getenv "BASE_URL"), "warm"))
local n, failed = 0, true
while failed and n < LAST do
  n = n + 1
  local client = client_for(os.getenv "BASE_URL")
  local name = "n" .. n
  allocations.fail(where, n)
  local ok, value, result = pcall(calls[what], client, name)
  failed = allocations.stop()
  print(name, describe(ok, value, result))
  client:close()
end
print "end"
