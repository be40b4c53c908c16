-- What locksmith does, on a sandbox (LOCKSMITH_SANDBOX = its address) or, with LIVE=1, the harmless part on the real
-- services with the keys of the environment.

local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local url = os.getenv "LOCKSMITH_SANDBOX"
local live = os.getenv "LIVE" ~= nil

local function say(text, ...) print(select("#", ...) > 0 and text:format(...) or text) end
local function title(text) say("\n%s\n%s", text, ("-"):rep(#text)) end
local function day(time) return os.date("!%Y-%m-%d %H:%M UTC", math.floor(time)) end

local function show(address)
  say("  %-24s %-9s %-12s %d forwarded", address.full_address, address.enabled and "enabled" or "disabled",
    address.description == "" and "-" or address.description, address.num_forwarded)
end

-- Every call returns nil and an error object when it fails.
local function must(value, err)
  if value ~= nil then return value end
  io.stderr:write("stopped: ", tostring(err), "\n")
  os.exit(1)
end

local function run_live()
  local locker, missing = locksmith.locker()
  if locker then
    title "Locker Private Email"
    local info = must(locker:key_info())
    say("The key is %s's and good until %s.", tostring(info.user), info.expired_time and day(info.expired_time) or "?")
    local count = 0
    for address in locker.addresses:each() do
      count = count + 1
      if count <= 10 then show(address) end
    end
    say("%d aliases.", count)
  else
    say("Locker is left out: %s", missing.message)
  end
  local lockpub
  lockpub, missing = locksmith.lockpub()
  if lockpub then
    title "LOCK.PUB"
    say "Every request there makes a link, so none is sent."
    local plan = must(lockpub:plan(100))
    say("100 links would take %.1f s; the quota resets on %s.", plan.seconds, day(plan.reset))
  else
    say("LOCK.PUB is left out: %s", missing.message)
  end
end

local function lockpub_part()
  title "LOCK.PUB: links that open with a password"
  local lockpub = must(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url })
  local link = must(lockpub.links:create {
    type = "url", target_url = "https://example.com/private", password = "share-this-separately",
    memo = "Client contract", redirect_limit = 3, expire_time = os.time() + 86400, custom_slug = "client-contract",
  })
  say("A link:        %s  (%d openings, until %s)", link.short_url, link.redirect_limit, link.expire_time)
  local memo = must(lockpub.links:create {
    type = "memo", secret_memo = "The safe is behind the painting.", password = "share-this-separately",
    memo = "Internal note",
  })
  say("A secret memo: %s", memo.short_url)
  local quota, plan = lockpub:quota(), must(lockpub:plan(200))
  say("Quota:         %d of %d left until %s", quota.remaining, quota.limit, day(quota.reset))
  say("200 more links would take %.0f s within the limits; %d of them fit this month.", plan.seconds, plan.fits)

  local _, err = lockpub.links:create {
    type = "url", target_url = "https://example.com/other", password = "another-password", memo = "Second try",
    custom_slug = "client-contract",
  }
  say("The same slug again:\n  %s", tostring(err))
  lockpub:close()
end

local function locker_part()
  title "Locker: e-mail aliases"
  local locker = must(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url })
  local made = {}
  for _, purpose in ipairs { "newsletter", "shop", "forum", "bank", "travel" } do
    made[#made + 1] = must(locker.addresses:create { description = purpose })
  end
  say "Five aliases, page by page:"
  for page in locker.addresses:pages { size = 2 } do
    say(" page %d of %d aliases", page.page, page.count)
    for _, address in ipairs(page) do show(address) end
  end
  must(locker.addresses:update(made[2].id, { description = "old shop" }))
  must(locker.addresses:set_enabled(made[2].id, false))
  must(locker.addresses:delete(made[3].id))
  say "One changed and disabled, one deleted; now by iterator:"
  for address in locker.addresses:each() do show(address) end

  -- Another account, on the free plan, which may have one alias.
  local key = "cs.eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiZnJlZUBleGFtcGxlLmNvbSIsInNjb3BlIjoiYXBpIn0.c2lnbmF0dXJl"
  must(locker:request { method = "POST", path = "/__sandbox__/call",
    body = { method = "add_account", args = { { name = "free", plan = "free", token = key } } } })
  local free = must(locksmith.locker { api_key = key, base_url = url })
  must(free.addresses:create())
  local _, err = free.addresses:create()
  say("A second alias on the free plan:\n  %s", tostring(err))
  free:close()
  locker:close()
end

if live then
  run_live()
else
  if not url then error("set LOCKSMITH_SANDBOX, or use make demo", 0) end
  lockpub_part()
  locker_part()
end
