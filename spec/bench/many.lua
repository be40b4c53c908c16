-- Many calls at once against a sandbox that takes 50 ms for each answer. Each line tells a ratio and what it may be.
-- usage: many.lua PARTS...
--   apply      disables 700 aliases, 8 at once; next to 700 / 8 delays
--   throttle   the same against a service that lets 600 requests a minute pass; next to what that leaves
--   journal    400 links with a journal; next to the same without, each three times in turn
local core = require "locksmith.core"
local locksmith = require "locksmith"
local server = require "spec.support.server"

local DELAY, ALIASES, AT_ONCE, LINKS = 0.05, 700, 8, 400
local THROTTLE, WINDOW = 600, 60

local box = server.sandbox()
local program = rawget(_G, "jit") and rawget(_G, "jit").version or _VERSION
local exceeded = false

local function tell(what, value, most)
  local fits = value <= most
  exceeded = exceeded or not fits
  print(("%s, %s: ratio %.3f, at most %.2f%s"):format(program, what, value, most, fits and "" or ": TOO MUCH"))
end

local function reset(throttle, accounts)
  box:reset { rate = false, throttle = throttle, quota = 1000000, delay = DELAY, log_limit = 1, accounts = accounts }
end

local function client(service, key)
  local options = { api_key = key, base_url = box.url, store = locksmith.memory(), timeout = 300 }
  if service == "lockpub" then options.rate = false end
  return assert(locksmith[service](options))
end

local function disable(throttle)
  local addresses = {}
  for i = 1, ALIASES do addresses[i] = { description = "alias " .. i } end
  local key = server.LOCKER_KEY:gsub("[^.]+$", "bWFueS1jYWxscw")
  reset(throttle, { { name = "many", plan = "premium", addresses = addresses, token = key } })
  local locker = client("locker", key)
  local requests = box:state().requests
  local began = core.now()
  local plan = assert(locker.addresses:plan(function() return { enabled = false } end))
  local writing = core.now()
  local report = assert(plan:apply { concurrency = AT_ONCE })
  local now = core.now()
  assert(#report.applied == ALIASES, tostring(report))
  locker:close()
  return now - writing, now - began, box:state().requests - requests
end

local parts = {}

function parts.apply()
  local seconds, _, requests = disable(false)
  print(("%s, %d aliases disabled: %d requests, at most %d"):format(program, ALIASES, requests, ALIASES + 2))
  exceeded = exceeded or requests > ALIASES + 2
  tell(("%d aliases disabled, %d at once, in %.2f s, next to the delays"):format(ALIASES, AT_ONCE, seconds), seconds /
    (ALIASES / AT_ONCE * DELAY), 1.15)
end

function parts.throttle()
  local _, seconds, requests = disable(THROTTLE)
  local needed = WINDOW + (ALIASES + 2 - THROTTLE) / AT_ONCE * DELAY
  tell(("the same against %d a minute in %.2f s and %d requests, next to what %d need"):format(THROTTLE, seconds,
    requests, ALIASES + 2), seconds / needed, 1.1)
end

local function rows_of()
  local rows = {}
  for i = 1, LINKS do
    rows[i] = { type = "url", target_url = "https://example.com/private/" .. i, password = "share-this-separately",
      memo = "Client contract" }
  end
  return rows
end

local function iterator_of(rows)
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

local function make_links(rows, journal)
  reset(false)
  local lockpub, made = client("lockpub", server.LOCKPUB_KEY), 0
  local began = core.now()
  for _, link, err in lockpub.links:create_each(rows, { journal = journal }) do
    assert(link, err)
    made = made + 1
  end
  local seconds = core.now() - began
  assert(made == LINKS)
  lockpub:close()
  if journal then os.remove(journal) end
  return seconds
end

function parts.journal()
  local path = os.tmpname()
  for _, kind in ipairs { "array", "iterator" } do
    local with, without = 0, 0
    for _ = 1, 3 do
      local function rows() return kind == "array" and rows_of() or iterator_of(rows_of()) end
      os.remove(path)
      without = without + make_links(rows())
      with = with + make_links(rows(), path)
    end
    tell(("%d links of an %s, %.2f s with a journal, next to none"):format(LINKS, kind, with / 3), with / without, 1.05)
  end
end

for _, name in ipairs(arg) do parts[name]() end
box.stop()
os.exit(exceeded and 1 or 0)
