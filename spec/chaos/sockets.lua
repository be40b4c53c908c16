--- A world over real sockets: client (libcurl) -> fault proxy -> sandbox server.

local core = require "locksmith.core"
local curl = require "spec.support.curl"
local faults = require "spec.support.faults"
local json = require "locksmith.sandbox.json"
local locksmith = require "locksmith"
local random = require "spec.chaos.random"
local server = require "spec.support.server"

local sockets = {}

-- Milliseconds and bytes are small: what counts is that it happens, not how long it takes.
sockets.MIX = {
  { "refuse", weight = 3 },
  { "drop_before", weight = 4 },
  { "drop_before", how = "rst", weight = 3 },
  { "drop_after", weight = 8 },
  { "drop_after", how = "rst", weight = 4 },
  { "cut_headers", weight = 5 },
  { "cut_body", weight = 5 },
  { "cut_body", how = "rst", weight = 2 },
  { "wrong_length", by = 7, weight = 2 },
  { "wrong_length", by = -3, weight = 2 },
  { "garbage", weight = 2 },
  { "bad_json", weight = 2 },
  { "gzip_bad", how = "noise", weight = 1 },
  { "gzip_bad", how = "truncated", weight = 1 },
  { "huge", weight = 0.3 },
  { "huge", how = "headers", weight = 0.3 },
  { "stall", weight = 0.5 },
  { "stall", forward = false, weight = 0.5 },
  { "stall_body", weight = 0.5 },
  { "delay", ms = 10, weight = 4 },
  { "delay", ms = 10, before = true, weight = 4 },
  { "trickle", bytes = 50, ms = 1, weight = 4 },
  { "status", status = 429, headers = { ["Retry-After"] = "0.005" }, weight = 6 },
  { "status", status = 429, weight = 2 },
  { "status", status = 503, headers = { ["Retry-After"] = "0.005" }, weight = 4 },
  { "status", status = 500, weight = 2 },
  { "status", status = 502, weight = 2 },
  { "status_after", status = 500, weight = 2 },
  { "status_after", status = 502, weight = 2 },
  { "status_after", status = 503, weight = 2 },
  { "status_after", status = 504, weight = 2 },
  { "idle_close", weight = 6 },
  { "idle_close", how = "rst", ms = 1, weight = 3 },
  { "idle_close_on_next", weight = 5 },
  { "idle_close_on_next", how = "rst", weight = 3 },
}

local BURSTS = {
  { "status", status = 429, headers = { ["Retry-After"] = "0.005" } },
  { "status", status = 503, headers = { ["Retry-After"] = "0.005" } },
  { "status", status = 500 },
  { "drop_after" },
}

local TRULY = { pass = true, delay = true, trickle = true, idle_close = true, idle_close_on_next = true }

local FREE_KEY = (server.LOCKER_KEY:gsub("[^.]+$", "ZnJlZS1wbGFuLXNpZ25hdHVyZQ"))
local TOKENS = { main = server.LOCKER_KEY, free = FREE_KEY }

local function aliases(count)
  local list = {}
  for i = 1, count do list[i] = { description = "alias " .. i } end
  return list
end

-- Seconds. Long enough for an answer on a busy machine, but for the short ones, which are there to be missed.
local LIMITS = { timeout = 4, attempt = 0.5, short = { 0.05, 0.01, 0.003 } }

---Whether all of it can run here.
---@return boolean
function sockets.available()
  return server.available()
end

-- Of the plain statuses only these two are sent with the promise that nothing was done.
local function is_refusal(entry)
  return entry.fault == "status" and (entry.status == 429 or entry.status == 503)
end

---@param options table { seed, rate = share of requests with a fault }
---@return table world
function sockets.new(options)
  local box = server.sandbox { plan = "premium", rate = false, throttle = false, quota = 1e9, log_limit = 1,
    accounts = { { name = "free", plan = "free", token = FREE_KEY, addresses = aliases(20) } } }
  local proxy = faults.start { upstream = box.url, lifetime = 1800 }
  -- Compiled code would pass for growth.
  local jit = rawget(_G, "jit")
  if jit then jit.off() end
  local chance = random.new(options.seed)
  local key, own_requests = server.LOCKPUB_KEY, 0
  local world = { slack = 0.5, limits = LIMITS, now = core.now, box = box, proxy = proxy }

  local function client(service, api_key)
    return assert(locksmith[service] { api_key = api_key, base_url = proxy.url, rate = false,
      slug_secret = service == "lockpub" and "chaos" or nil,
      store = locksmith.memory(), connect_timeout = 2, max_response_bytes = 200000,
      random = function() return chance:unit() * 0.02 end })
  end

  world.accounts = { { name = "main", plan = "premium", client = client("locker", server.LOCKER_KEY) },
    { name = "free", plan = "free", client = client("locker", FREE_KEY) } }
  world.lockpub = client("lockpub", function() return key end)

  -- The log tells times to a tenth of a millisecond; calls are kept further apart than that.
  function world.settle() core.sleep(0.0003) end
  function world.mark() return core.now() - 0.0001 end
  -- What the client has left behind is read after the first look; then the service is to have answered it.
  function world.sync()
    proxy:state()
    local looks = 0
    repeat looks = looks + 1 until proxy:state().busy == 0 or looks == 1000
  end

  function world.calm()
    proxy:chaos { rate = 0 }
    proxy:script {}
  end

  function world.begin_window(seed)
    proxy:chaos { seed = seed, rate = options.rate, kinds = sockets.MIX }
    if not chance:chance(0.5) then return end
    local burst = {}
    for name, value in pairs(chance:pick(BURSTS)) do burst[name] = value end
    burst.times = chance:int(8)
    proxy:script { burst }
  end

  function world.drain()
    local entries = {}
    for i, seen in ipairs(proxy:log()) do
      entries[i] = { at = seen.time, method = seen.method, path = seen.path, fault = seen.fault,
        forwarded = seen.forwarded, status = seen.upstream_status, refused = is_refusal(seen),
        truly = seen.answered and TRULY[seen.fault] }
    end
    proxy:reset()
    return entries
  end

  local function is_in_use(name)
    own_requests = own_requests + 1
    local answer = assert(curl.request { method = "GET", url = box.url .. "/v3/relay/subdomains/use_subdomain",
      headers = { { "Authorization", "Bearer " .. TOKENS[name] } } })
    return json.decode(answer.body).use_relay_subdomain
  end

  function world.truth(name, scope)
    local everything = scope == "everything"
    local truth = {}
    if everything or scope == "addresses" or scope == "both" then truth.addresses = box:call("addresses", name) end
    if everything or scope == "subdomain" or scope == "both" then
      truth.subdomain = box:call("subdomain", name) or false
    end
    if everything or scope == "in_use" then truth.in_use = is_in_use(name) end
    return truth
  end

  function world.links() return box:call "links" end
  function world.rotate() key = box:call "rotate" end
  function world.add_address(name) return box:call("add_address", name) end
  function world.requests_arrived() return box:state().requests - own_requests end

  function world.stop()
    for _, account in ipairs(world.accounts) do account.client:close() end
    world.lockpub:close()
    proxy:stop()
    box.stop()
    if jit then jit.on() end
  end

  return world
end

return sockets
