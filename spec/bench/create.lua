-- usage: create.lua URL CALLS
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local lockpub = assert(locksmith.lockpub {
  api_key = sandbox.LOCKPUB_KEY, base_url = arg[1], rate = { { 10000, 1e-3 } },
})
local fields = { type = "url", target_url = "https://example.com/private", password = "share-this-separately",
  memo = "Client contract", redirect_limit = 3 }
for _ = 1, tonumber(arg[2]) do
  assert(lockpub.links:create(fields))
end
