--- A world in one process and in virtual time: the sandbox as transport, faults from its hook.

local locksmith = require "locksmith"
local random = require "spec.chaos.random"
local sandbox = require "locksmith.sandbox"

local virtual = {}

local BUSY = { ["retry-after"] = "0.3" }

-- Each is the fault as the sandbox takes it; see spec/chaos/trace.lua for what it makes of the log entry.
local FAULTS = {
  { weight = 4, name = "connect", absent = true, fault = { kind = "connect" } },
  { weight = 2, name = "tls", absent = true, fault = { kind = "tls" } },
  { weight = 6, name = "drop_before", fault = "drop_before" },
  { weight = 10, name = "drop_after", fault = "drop_after" },
  { weight = 6, name = "cut", fault = "cut" },
  { weight = 5, name = "timeout", fault = { kind = "timeout", after = true } },
  { weight = 3, name = "timeout_before", fault = { kind = "timeout" } },
  { weight = 6, name = "429", refused = true, fault = { status = 429, headers = BUSY } },
  { weight = 2, name = "429 without Retry-After", refused = true, fault = { status = 429 } },
  { weight = 4, name = "503 with Retry-After", refused = true, fault = { status = 503, headers = BUSY } },
  { weight = 3, name = "503", fault = { status = 503 } },
  { weight = 3, name = "500", fault = { status = 500 } },
  { weight = 3, name = "500_after", fault = { status = 500, after = true } },
  { weight = 3, name = "502_after", fault = { status = 502, after = true } },
  { weight = 3, name = "504_after", fault = { status = 504, after = true } },
  { weight = 3, name = "bad_json", fault = { status = 200, body = '{"id": 1, "add', after = true } },
  { weight = 2, name = "page", fault = { status = 200, body = "<html>welcome</html>", after = true } },
  { weight = 8, name = "delay", truly = true },
}

-- Of these the sandbox's log tells the status that was planted, not its own.
local PLANTED = { ["500_after"] = true, ["502_after"] = true, ["504_after"] = true, bad_json = true, page = true }

local FREE_KEY = (sandbox.LOCKER_KEY:gsub("[^.]+$", "ZnJlZS1wbGFuLXNpZ25hdHVyZQ"))

local function aliases(count)
  local list = {}
  for i = 1, count do list[i] = { description = "alias " .. i } end
  return list
end

---@param options table { seed, rate = share of requests with a fault }
---@return table world
function virtual.new(options)
  local chance = random.new(options.seed)
  local time, requests, entries = 1780000000, 0, {}
  local clock = { now = function() return time end, sleep = function(seconds) time = time + seconds end }
  local rate, burst, current = 0, 0, nil
  local world = { in_process = true, slack = 1e-5, logs_connects = true,
    limits = { timeout = 20, attempt = 2, short = { 0.01, 0.1, 1 } } }

  local function plan()
    if burst > 0 then
      burst = burst - 1
      return FAULTS[8]
    end
    if chance:chance(rate) then return chance:weighted(FAULTS) end
  end

  -- The service hands out pages of a size that somebody else asked for.
  local function leak() if chance:chance(0.2) then return chance:int(15) end end

  local box = sandbox.new { plan = "premium", clock = clock, seed = options.seed, rate = false, throttle = false,
    quota = 1e9, log_limit = 1e6, ignore_size = options.seed % 4 == 1,
    page_size_leak = options.seed % 4 == 2 and leak or nil,
    accounts = { { name = "free", plan = "free", token = FREE_KEY, addresses = aliases(20) } },
    faults = function()
      local chosen = plan()
      current.fault = chosen and chosen.name or "pass"
      current.refused, current.absent = chosen and chosen.refused, chosen and chosen.absent
      current.truly = not chosen or chosen.truly
      if chosen and chosen.name == "delay" then return { delay = chance:unit() * 3 } end
      return chosen and chosen.fault
    end }
  local inner = box:transport()

  local function transport(request)
    requests = requests + 1
    current = { at = requests, method = request.method, path = request.url:match "^%w+://[^/]+([^?]*)" }
    entries[#entries + 1] = current
    -- A little time passes on the way, never more than the attempt has.
    local way = math.min(request.timeout, 0.001 + chance:unit() * 0.01)
    time = time + way
    request.timeout = request.timeout - way
    local response, failure = inner(request)
    current.truly = current.truly and response ~= nil
    return response, failure
  end

  local function client(service, key)
    return assert(locksmith[service] { api_key = key, transport = transport, clock = clock, rate = false,
      slug_secret = service == "lockpub" and "chaos" or nil,
      store = locksmith.memory(), random = function() return chance:unit() end })
  end

  world.now = clock.now
  world.accounts = { { name = "main", plan = "premium", client = client("locker", sandbox.LOCKER_KEY) },
    { name = "free", plan = "free", client = client("locker", FREE_KEY) } }
  world.lockpub = client("lockpub", function() return box:key() end)

  function world.mark() return requests + 0.5 end
  function world.settle() end
  function world.sync() end
  function world.calm() rate, burst = 0, 0 end
  function world.begin_window()
    rate = options.rate
    if chance:chance(0.5) then burst = chance:int(8) end
  end

  function world.drain()
    local drained = entries
    for i, seen in ipairs(box:log()) do
      drained[i].forwarded = seen.acted
      if not PLANTED[drained[i].fault] then drained[i].status = seen.status end
    end
    box:clear_log()
    entries = {}
    return drained
  end

  function world.truth(name, scope)
    local everything = scope == "everything"
    local truth = {}
    if everything or scope == "addresses" or scope == "both" then truth.addresses = box:addresses(name) end
    if everything or scope == "subdomain" or scope == "both" then truth.subdomain = box:subdomain(name) or false end
    if everything or scope == "in_use" then truth.in_use = box:state().accounts[name].use_subdomain end
    return truth
  end

  function world.links() return box:links() end
  function world.rotate() box:rotate() end
  function world.add_address(name) return box:add_address(name) end
  function world.stop() end
  return world
end

return virtual
