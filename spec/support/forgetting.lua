-- Uses clients, closes them, and prints lines "WHEN SECRET COUNT": in how many places of this process's memory each
-- secret stands. Run by spec/secrets_spec.lua with the secrets in a form that nobody finds (see memory_scan.c).
local scan = require "memory_scan"
scan.wipe()

local locksmith = require "locksmith"

local url = os.getenv "BASE_URL"
local NAMES = { "LOCKPUB", "LOCKER", "PROXY" }
local hidden = {}
for _, name in ipairs(NAMES) do hidden[name] = os.getenv(name) end

local function report(when)
  collectgarbage()
  collectgarbage()
  for _, name in ipairs(NAMES) do print(when, name, ("%d"):format(scan.count(hidden[name]))) end
end

local function use()
  local function key(name)
    return function() return scan.reveal(hidden[name]) end
  end
  local lockpub = assert(locksmith.lockpub { api_key = key "LOCKPUB", base_url = url, timeout = 5 })
  local locker = assert(locksmith.locker { api_key = key "LOCKER", base_url = url, timeout = 5 })
  local fields = { type = "url", target_url = "https://example.com/", memo = "m", password = "1234" }
  for i = 1, 5 do
    fields.custom_slug = "forget" .. i
    lockpub.links:create(fields)
    locker.addresses:list()
    locker.addresses:create { description = "d" }
  end
  local tunnelled = assert(locksmith.locker { api_key = scan.reveal(hidden.LOCKER), base_url = "https://api.invalid",
    timeout = 5, max_retries = 0, proxy = "http://user:" .. scan.reveal(hidden.PROXY) .. "@" .. url:match "//(.*)" })
  tunnelled.addresses:list()
  report "open"
  lockpub:close()
  locker:close()
  tunnelled:close()
end

use()
report "closed"
os.exit(0) -- without closing the state, which would unload the allocator under it
