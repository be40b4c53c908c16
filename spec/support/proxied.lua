-- Creates a link at BASE_URL, through PROXY if that is set, and prints what came of it. Run by spec/curl_proxy_spec.lua
-- with an environment that names a proxy.
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = os.getenv "BASE_URL",
  proxy = os.getenv "PROXY", store = locksmith.memory(), max_retries = 0, timeout = 5 })
local link, err = lockpub.links:create { type = "url", target_url = "https://example.com/private", memo = "m",
  password = "share-this-separately" }
print(link and "created" or err.kind .. " " .. err.outcome .. " " .. err.message)
