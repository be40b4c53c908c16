-- What locksmith does where things go wrong, on a sandbox (LOCKSMITH_SANDBOX = its address) or, with LIVE=1, the
-- harmless part on the real services with the keys of the environment.

local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local url = os.getenv "LOCKSMITH_SANDBOX"
local live = os.getenv "LIVE" ~= nil

local function say(text, ...) print(select("#", ...) > 0 and text:format(...) or text) end
local function title(text) say("\n%s\n%s", text, ("-"):rep(#text)) end
local function day(time) return os.date("!%Y-%m-%d", math.floor(time)) end

-- Every call returns nil and an error object when it fails.
local function must(value, err, ...)
  if value ~= nil then return value, err, ... end
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
      if count <= 10 then say("  %-32s %s", address.full_address, address.enabled and "enabled" or "disabled") end
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

-- The sandbox's own surface, which no real service has: faults are planted there, and what it holds is counted.
local stage = not live and url and must(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url })

local function control(path, body)
  return must(stage:request { method = body and "POST" or "GET", path = "/__sandbox__/" .. path, body = body })
end

local function call(method, ...) return control("call", { method = method, args = { ... } }).result end

local function lockpub_with(options)
  options.api_key, options.base_url, options.store = sandbox.LOCKPUB_KEY, url, locksmith.memory()
  return must(locksmith.lockpub(options))
end

local function link_to(number)
  return { type = "url", target_url = "https://example.com/private/" .. number, password = "share-this-separately",
    memo = "Client " .. number }
end

local function lost_answer()
  title "1. A link was made, and the answer got lost"
  control("reset", { seed = 1 })
  control("fault", { fault = "drop_after", service = "lockpub" })
  local lockpub = lockpub_with {}
  local link, response = must(lockpub.links:create(link_to(4711), { idempotent = "invoice-4711" }))
  for i, attempt in ipairs(response.attempts) do say("attempt %d: %s", i, attempt.status or attempt.kind) end
  say("The link %s is ours: recovered = %s.", link.slug, tostring(response.recovered))
  must(lockpub.links:create(link_to(4711), { idempotent = "invoice-4711" }))
  say("Asked for again by the same name. Links the sandbox has made: %d", #call "links")
end

local function rate_window()
  title "2. A rate window is kept"
  control("reset", { seed = 1, rate = { { 10, 1 } } })
  local lockpub = lockpub_with { rate = { { 10, 1 } } }
  local rows = {}
  for i = 1, 25 do rows[i] = link_to(i) end
  say("LOCK.PUB lets 20 requests pass in 10 s; here 10 in 1 s, so that you need not wait.")
  say("25 links will take %.0f s, says plan(25).", must(lockpub:plan(25)).seconds)
  local made = 0
  for _, link, err in lockpub.links:create_each(rows, { concurrency = 8 }) do
    must(link, err)
    made = made + 1
  end
  say("%d links made, 8 at a time; requests that the sandbox refused with 429: %d", made, call("count",
    { service = "lockpub", status = 429 }))
end

local function quota()
  title "3. The month's quota is no rate limit"
  control("reset", { seed = 1, quota = 1000, quota_used = 998 })
  local lockpub = lockpub_with {}
  for i = 1, 4 do
    local link, err = lockpub.links:create(link_to(i))
    local known = lockpub:quota()
    say("link %d: %s", i, link and ("made, %d of %d left"):format(known.remaining, known.limit)
      or ("%s until %s, %d requests"):format(err.kind, day(known.reset), #err.attempts))
  end
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function interpreter()
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

local function killed_batch()
  local script = (arg[0]:match "^.*/" or "") .. "links_from_csv.lua"
  title "4. A batch is killed, and started again"
  control("reset", { seed = 1, rate = false, delay = 0.04 })
  local csv = os.tmpname()
  local file = assert(io.open(csv, "w"))
  file:write "target_url,memo,password\n"
  for i = 1, 18 do file:write(("https://example.com/private/%d,Client %d,share-this-separately\n"):format(i, i)) end
  file:close()
  local job = ("LOCKPUB_API_KEY=%s LOCKPUB_URL=%s exec %s %s %s"):format(quoted(sandbox.LOCKPUB_KEY), quoted(url),
    quoted(interpreter()), quoted(script), quoted(csv))
  local pipe = assert(io.popen("echo $$; " .. job))
  local pid = pipe:read():match "^%d+$"
  local patience = os.time() + 10
  repeat until #call "links" >= 8 or os.time() > patience
  os.execute("kill -9 " .. pid)
  pipe:close()
  say("%s with a CSV of 18 rows. Killed when there were 8 links.", script)
  pipe = assert(io.popen(job))
  local done = 0
  for line in pipe:lines() do
    if line:find "\thttps://lock%.pub/" then done = done + 1 end
  end
  pipe:close()
  os.remove(csv)
  os.remove(csv .. ".journal")
  say("Started again: %d of 18 rows have their link. Links the sandbox has made: %d", done, #call "links")
end

local function many_aliases()
  title "5. Sixty aliases are changed at once"
  control("reset", { seed = 1 })
  for i = 1, 70 do
    call("add_address", "main", { address = ("alias%02d.shop"):format(i), num_spam = i <= 60 and 50 + i or 0,
      num_forwarded = i })
  end
  local locker = must(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url })
  local function disable_spammed(address)
    if address.num_spam > 50 then return { enabled = false } end
  end
  local plan = must(locker.addresses:plan(disable_spammed))
  local shown = 0
  for line in tostring(plan):gmatch "[^\n]+" do
    shown = shown + 1
    if shown <= 4 then say("%s", line) end
  end
  say("  …")
  local report = must(plan:apply())
  say("%d applied and seen to be so, %d failed, %d skipped; %d requests", #report.applied, #report.failed,
    #report.skipped, report.requests)
  say("Planned again: %s", tostring(must(locker.addresses:plan(disable_spammed))))
end

if live then return run_live() end
if not url then error("set LOCKSMITH_SANDBOX, or use make demo", 0) end
say("This is %s, on a sandbox of both services at %s.", arg[0], url)
say "Addresses and links that it prints are the sandbox's; nothing leaves this machine."
lost_answer()
rate_window()
quota()
killed_batch()
many_aliases()
