--- A stand-in for LOCK.PUB and Locker in one process: no network, no account, virtual time if wanted.
--
--     local sandbox = require "locksmith.sandbox"
--     local box = sandbox.new { plan = "free" }
--     local locker = box:locker()

local accounts = require "locksmith.sandbox.locker.accounts"
local ascii = require "locksmith.ascii"
local faults = require "locksmith.sandbox.faults"
local http = require "locksmith.sandbox.http"
local json = require "locksmith.sandbox.json"
local locker = require "locksmith.sandbox.locker"
local lockpub = require "locksmith.sandbox.lockpub"
local log = require "locksmith.sandbox.log"
local options = require "locksmith.sandbox.options"
local reply = require "locksmith.sandbox.locker.reply"

---@class locksmith.SandboxModule
local sandbox = {}

--- A valid LOCK.PUB key.
sandbox.LOCKPUB_KEY = "ll_live_sandbox0123456789abcdefghijklm"

--- A valid Locker key, of an account named "main": a JWT that expires in the year 2100.
sandbox.LOCKER_KEY = "cs.eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
  .. ".eyJ1c2VyIjoiMUBzYW5kYm94LmxvY2tlci5pbyIsImNyZWF0ZWRfdGltZSI6MTc2NzIyNTYwMCwiZXhwaXJlZF90aW1lIjo0MTAyNDQ0ODAw"
  .. "LCJ0b2tlbl90eXBlIjoiYXV0aGVudGljYXRpb24iLCJzY29wZSI6ImFwaSJ9.c2FuZGJveC1zaWduYXR1cmUtb2Ytbm8tdmFsdWUtMDA"

--- JSON null in values the sandbox hands out or takes.
sandbox.null = json.null

---@class locksmith.Sandbox
local Sandbox = {}
Sandbox.__index = Sandbox

local MAIN = "main"

--- The same numbers on every Lua: Lehmer's generator, whose products a double holds exactly.
local function seeded(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = state * 48271 % 2147483647
    return state % n + 1
  end
end

local function default_now()
  local nginx = rawget(_G, "ngx")
  return nginx and nginx.now or os.time
end

--- Makes a sandbox. Wrong or unknown options raise at the caller's line.
---@param given? locksmith.SandboxOptions
---@return locksmith.Sandbox
function sandbox.new(given)
  local opts = options.read(given, 2)
  local self = setmetatable({
    options = opts, offset = 0, delay = opts.delay, faults = faults.new(), arrived = log.new(opts.log_limit),
  }, Sandbox)
  self.base = opts.start_time and function() return opts.start_time end
    or (opts.clock and opts.clock.now) or default_now()
  self.clock_now = function() return self.base() + self.offset end
  local random = opts.random or (opts.seed and seeded(opts.seed)) or math.random
  self.store = accounts.new { random = random, now = self.clock_now, same_second = opts.same_second }
  self.store:add { name = MAIN, plan = opts.plan, token = sandbox.LOCKER_KEY }
  for _, account in ipairs(opts.accounts or {}) do self.store:add(account) end
  self.locker_service = locker.new {
    store = self.store, now = self.clock_now, throttle = opts.throttle, allowed_hosts = opts.allowed_hosts,
    quirks = { ignore_size = opts.ignore_size, page_size_leak = opts.page_size_leak },
  }
  local lockpub_options = { now = self.clock_now, random = random, key = sandbox.LOCKPUB_KEY }
  for _, name in ipairs {
    "rate", "quota", "quota_used", "quota_status", "quota_retry_after", "reset_format", "error_shape",
    "created_status", "slug_pattern",
  } do lockpub_options[name] = opts[name] end
  self.lockpub_service = lockpub.new(lockpub_options)
  return self
end

local function service_of(path)
  if lockpub.owns(path) then return "lockpub" end
  return locker.rest_of(path) and "locker" or "other"
end

local function answer(self, request, service)
  if service == "lockpub" then return self.lockpub_service:handle(request) end
  -- Whatever is nobody's path is answered by the Locker server, the way it words a 404.
  return self.locker_service:handle(request)
end

local function fault_of(self, raw, request, service, n)
  local fault = self.faults:take(request, service)
  if fault == nil and self.options.faults then fault = faults.read(self.options.faults(raw, n)) end
  return fault
end

local function planted(fault, request)
  if fault.inside then
    return locker.finish(reply.through_middleware(fault), request)
  end
  local headers = {}
  for name, value in pairs(fault.headers or {}) do headers[ascii.lower(name)] = tostring(value) end
  return { status = fault.status, headers = headers, body = fault.body or "" }
end

--- Handles one request and says all there is to say about it; `:handle` and `:transport` are made of it.
---@param raw table a request of the transport contract; `url` may be a path
---@return table # `{ response, failure, delay, cut }`: one of response and failure; `delay` seconds before it arrives
--- (nil with failure "timeout": the client's patience); `cut` when the body breaks off half-way
function Sandbox:perform(raw)
  local request = http.parse(raw)
  local service = service_of(request.path)
  local entry = self.arrived:add(request, raw.headers, service, self.clock_now())
  local fault = fault_of(self, raw, request, service, entry.n) or {}
  entry.fault = next(fault) ~= nil
  local outcome = { delay = fault.delay or self.delay, cut = fault.cut }
  if fault.after or not (fault.status or fault.kind) then
    entry.acted = true
    outcome.response = answer(self, request, service)
    entry.status = outcome.response.status
  end
  if fault.status then
    outcome.response = planted(fault, request)
    entry.status = outcome.response.status
  elseif fault.kind then
    outcome.response, outcome.failure = nil, faults.failure(fault)
    if fault.kind == "timeout" then outcome.delay = fault.delay end
  end
  return outcome
end

--- Handles one request without waiting.
---@param request table `{ method, url, headers = { {name, value}, ... }, body, peer }`; `url` absolute or a path,
--- `peer` the address it comes from (default "127.0.0.1")
---@return locksmith.TransportResponse? response
---@return locksmith.TransportFailure? failure where a fault says so
function Sandbox:handle(request)
  local outcome = self:perform(request)
  if outcome.cut and outcome.response then
    return nil, { kind = "network", sent = true, message = "sandbox fault: answer cut short" }
  end
  return outcome.response, outcome.failure
end

--- A transport for `locksmith.lockpub` and `locksmith.locker`. Delays go through `clock.sleep` where there is one; an
--- answer that takes longer than the request's `timeout` is a timeout, though the request was acted upon.
---@return locksmith.Transport
function Sandbox:transport()
  return function(request)
    local outcome = self:perform(request)
    local delay = outcome.delay
    local late = request.timeout and delay and delay > request.timeout
    if late or (delay == nil and request.timeout) then delay = request.timeout end
    local clock = self.wired_clock or self.options.clock
    local sleep = clock and clock.sleep
    if sleep and delay and delay > 0 then sleep(delay) end
    if late then return nil, { kind = "timeout", sent = true, message = "no answer in time" } end
    if outcome.cut and outcome.response then
      return nil, { kind = "network", sent = true, message = "sandbox fault: answer cut short" }
    end
    return outcome.response, outcome.failure
  end
end

--- Plants a fault. Rules go before the `faults` option; the first that fits is taken. A word alone is a rule for the
--- next request; the fields of a fault may stand in the rule itself.
---@param rule locksmith.SandboxRule|locksmith.SandboxFaultWord
function Sandbox:fault(rule)
  local problem = self.faults:add(rule)
  if problem then error(problem, 2) end
end

--- Drops all rules of `:fault`.
function Sandbox:clear_faults()
  self.faults:clear()
end

---@return number # Unix seconds by the sandbox's clock
function Sandbox:now()
  return self.clock_now()
end

--- Moves the sandbox's clock.
---@param seconds number
---@return number # the new time
function Sandbox:advance(seconds)
  self.offset = self.offset + seconds
  return self.clock_now()
end

--- Starts Locker's throttle anew.
---@param limit number|false requests a minute and address
function Sandbox:set_throttle(limit)
  self.locker_service:set_throttle(limit)
end

---@param seconds number before every answer from now on
function Sandbox:set_delay(seconds)
  self.delay = seconds
end

--- Requests so far.
---@return locksmith.SandboxRequest[] # oldest first
function Sandbox:log()
  return self.arrived:list()
end

function Sandbox:clear_log()
  self.arrived:clear()
end

--- How many logged requests have all the given fields; `path` is found anywhere in the path.
---@param filter? table e.g. `{ service = "lockpub", status = 201 }`
---@return integer
function Sandbox:count(filter)
  return self.arrived:count(filter)
end

--- What the services were asked, oldest first: the same as `:log()`.
---@return locksmith.SandboxRequest[]
function Sandbox:requests()
  return self:log()
end

for _, part in ipairs { "people", "clients" } do
  for name, method in pairs(require("locksmith.sandbox." .. part)) do Sandbox[name] = method end
end

return sandbox
