local check = require "spec.support.pace_check"
local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local shared_dict = require "spec.support.shared_dict"
local shell = require "spec.support.shell"
local table_store = require "spec.support.table_store"
local virtual = require "spec.support.virtual"

local RATE = { { 20, 10 }, { 60, 60 } }
local MARGIN = 0.05
local FIELDS = clients.link_fields()
-- A Monday, 12:00:00 UTC; the month ends on 1 December 2026, 00:00:00 UTC.
local NOON, MONTH_END = 1795435200, 1796083200

local function near(expected, actual)
  if math.abs(expected - actual) >= 1e-4 then error(("%.6f is not about %.6f"):format(actual, expected), 2) end
end

local folders = {}

--- What a client meets: a virtual clock, a service that accepts everything, and the times of what reached it.
local function scene(kind)
  local clock = virtual.clock(NOON)
  local self = { clock = clock, sent = {}, sleep = clock.sleep }
  clock.sleep = function(seconds) return self.sleep(seconds) end -- a spec may let something happen meanwhile
  function self.answer() return clients.CREATED end
  local function transport(request)
    self.sent[#self.sent + 1] = clock.now()
    local answer = self.answer(request, #self.sent)
    if answer.kind then return nil, answer end
    return { status = answer.status, headers = answer.headers or {}, body = answer.body or "" }
  end
  if kind == "shdict" then
    self.dict = shared_dict.new { clock = clock.now }
    _G.ngx = { shared = { pacing = self.dict } }
    self.store = locksmith.shdict "pacing"
    _G.ngx = nil
  elseif kind == "table" then
    self.store = table_store.new({}, clock.now)
  elseif kind == "file" then
    folders[#folders + 1] = shell.folder "pacing"
    self.store = locksmith.file { path = folders[#folders] .. "/state" }
  else
    self.store = locksmith.memory()
  end
  --- Makes another client of the same store.
  function self.client(options, service)
    local own = { store = self.store, clock = clock, transport = transport, random = function() return 0.5 end,
      api_key = service == "locker" and sandbox.LOCKER_KEY or sandbox.LOCKPUB_KEY }
    for name, value in pairs(options or {}) do own[name] = value end
    return assert(locksmith[service or "lockpub"](own))
  end
  return self
end

local function quota(remaining, reset)
  return { status = 201, body = clients.CREATED.body, headers = { ["x-api-quota-limit"] = "1000",
    ["x-api-quota-remaining"] = tostring(remaining), ["x-api-quota-reset"] = reset } }
end

local function refused(retry_after)
  return { status = 429, headers = { ["retry-after"] = tostring(retry_after) }, body = "{}" }
end

for _, kind in ipairs { "memory", "shdict", "file", "table" } do
  describe("pacing with a " .. kind .. " store", function()
    local here
    before_each(function() here = scene(kind) end)
    after_each(function()
      while #folders > 0 do os.execute("rm -rf " .. shell.quote(table.remove(folders))) end
    end)

    it("sends exactly as many requests as the windows allow", function()
      local lockpub = here.client()
      for _ = 1, 300 do assert(lockpub.links:create(FIELDS)) end
      assert.is_nil(check.broken(here.sent, RATE))
      for i, at in ipairs(here.sent) do
        local minute, burst = math.floor((i - 1) / 60), math.floor((i - 1) % 60 / 20)
        near(NOON + minute * (60 + MARGIN) + burst * (10 + MARGIN), at)
      end
    end)

    it("holds clients that share the store to the windows together", function()
      local one, other = here.client(), here.client()
      for i = 1, 150 do assert((i % 3 == 0 and one or other).links:create(FIELDS)) end
      assert.is_nil(check.broken(here.sent, RATE))
      near(NOON + 2 * (60 + MARGIN) + 10 + MARGIN, here.sent[150])
    end)

    it("has windows for each key", function()
      local one = here.client()
      local other = here.client { api_key = sandbox.LOCKPUB_KEY:sub(1, -2) .. "x" }
      for _ = 1, 20 do assert(one.links:create(FIELDS)) end
      for _ = 1, 20 do assert(other.links:create(FIELDS)) end
      assert.same({}, here.clock.slept)
    end)

    it("takes windows of the user's own, or none", function()
      local lockpub = here.client { rate = { { 2, 1 } }, pacing_margin = 0 }
      for _ = 1, 5 do assert(lockpub.links:create(FIELDS)) end
      near(NOON + 2, here.sent[5])
      local free = here.client { rate = false }
      for _ = 1, 200 do assert(free.links:create(FIELDS)) end
      near(NOON + 2, here.clock.now())
    end)

    it("refuses what cannot be sent before the deadline, and sends nothing", function()
      local lockpub = here.client()
      for _ = 1, 20 do assert(lockpub.links:create(FIELDS)) end
      local link, err = lockpub.links:create(FIELDS, { timeout = 10 })
      assert.is_nil(link)
      assert.equal("would_wait", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal("local", err.source)
      near(10 + MARGIN, err.retry_after)
      assert.same({}, err.attempts)
      assert.equal(20, #here.sent)
      assert.same({}, here.clock.slept)
      assert(lockpub.links:create(FIELDS, { timeout = 10 + 2 * MARGIN }))
    end)

    it("refuses any wait with pacing \"fail\"", function()
      local lockpub = here.client { pacing = "fail" }
      for _ = 1, 20 do assert(lockpub.links:create(FIELDS)) end
      local _, err = lockpub.links:create(FIELDS)
      assert.equal("would_wait", err.kind)
      near(10 + MARGIN, err.retry_after)
      here.clock.sleep(err.retry_after)
      assert(lockpub.links:create(FIELDS))
    end)

    it("never waits with pacing \"off\", but counts", function()
      local lockpub = here.client()
      for _ = 1, 25 do assert(lockpub.links:create(FIELDS, { pacing = "off" })) end
      assert.same({}, here.clock.slept)
      local _, err = lockpub.links:create(FIELDS, { pacing = "fail" })
      near(10 + MARGIN, err.retry_after)
    end)

    it("gives back the slot of a request that never left", function()
      local lockpub = here.client { max_retries = 0 }
      here.answer = function() return { kind = "connect", sent = false } end
      for _ = 1, 100 do assert.equal("connect", select(2, lockpub.links:create(FIELDS)).kind) end
      assert.same({}, here.clock.slept)
      here.answer = function() return { kind = "network", sent = true } end
      for _ = 1, 20 do assert.equal("network", select(2, lockpub.links:create(FIELDS)).kind) end
      assert.equal("would_wait", select(2, lockpub.links:create(FIELDS, { pacing = "fail" })).kind)
    end)

    it("makes everyone wait as long as a 429 says", function()
      for _, service in ipairs { "lockpub", "locker" } do
        here = scene(kind)
        local one, other = here.client({ max_retries = 0 }, service), here.client(nil, service)
        local function call(client)
          if service == "locker" then return client.addresses:get(7) end
          return client.links:create(FIELDS)
        end
        here.answer = function(_, n)
          if n == 1 then return refused(7) end
          return service == "locker" and clients.address() or clients.CREATED
        end
        assert.is_nil((call(one)))
        assert(call(other))
        near(NOON + 7, here.sent[2])
        assert.equal(2, #here.sent)
      end
    end)

    it("makes nobody of the other service wait", function()
      local locker, lockpub = here.client({ max_retries = 0 }, "locker"), here.client()
      here.answer = function(_, n) return n == 1 and refused(7) or clients.CREATED end
      locker.addresses:get(7)
      assert(lockpub.links:create(FIELDS))
      near(NOON, here.sent[2])
    end)

    it("moves a waiter too, when a 429 comes while it waits", function()
      local lockpub, other = here.client(), here.client { max_retries = 0, pacing = "off" }
      for _ = 1, 20 do assert(lockpub.links:create(FIELDS)) end
      local sleep, slept = here.sleep, 0
      here.sleep = function(seconds)
        slept = slept + 1
        if slept > 1 then return sleep(seconds) end
        sleep(1)
        here.answer = function() return refused(30) end
        other.links:create(FIELDS)
        here.answer = function() return clients.CREATED end
        sleep(seconds - 1)
      end
      assert(lockpub.links:create(FIELDS))
      near(NOON + 1 + 30, here.sent[#here.sent])
    end)

    it("gives back the slot of a waiter whose time ran out in its sleep", function()
      local lockpub = here.client { rate = { { 1, 10 } }, pacing_margin = 0 }
      assert(lockpub.links:create(FIELDS))
      local sleep = here.sleep
      here.sleep = function(seconds) sleep(seconds + 20) end
      local _, err = lockpub.links:create(FIELDS, { timeout = 15 })
      assert.equal("timeout", err.kind)
      here.sleep = sleep
      assert(lockpub.links:create(FIELDS))
      near(NOON + 30, here.sent[2])
    end)

    it("does not ask for what the quota does not hold", function()
      local one, other = here.client(), here.client()
      here.answer = function() return quota(0, nil) end
      assert(one.links:create(FIELDS))
      for _, lockpub in ipairs { one, other } do
        local _, err = lockpub.links:create(FIELDS)
        assert.equal("quota_exceeded", err.kind)
        assert.equal("not_sent", err.outcome)
        near(MONTH_END - NOON, err.retry_after) -- computed: nobody told
      end
      assert.equal(1, #here.sent)
      here.answer = function() return { status = 200, body = "{}" } end
      assert(one:request { method = "GET", path = "links/abc" }) -- uses up none
      assert(other.links:create(FIELDS, { pacing = "off" })) -- is never refused
      assert.equal(3, #here.sent)
    end)

    it("asks once after the reset, and everyone when that was allowed", function()
      local one, other = here.client(), here.client()
      here.answer = function() return quota(0, ("%.0f"):format(NOON + 100)) end
      assert(one.links:create(FIELDS))
      here.clock.sleep(101)
      local during
      here.answer = function(_, n)
        if n == 2 then during = select(2, other.links:create(FIELDS, { timeout = 5 })) end
        return quota(1000 - n, ("%.0f"):format(MONTH_END))
      end
      assert(one.links:create(FIELDS))
      assert.equal("quota_exceeded", during.kind)
      near(30, during.retry_after)
      assert(other.links:create(FIELDS))
      assert.equal(3, #here.sent)
    end)

    it("lets another ask when the one who should could not", function()
      local lockpub = here.client { max_retries = 0 }
      here.answer = function() return quota(0, ("%.0f"):format(NOON + 100)) end
      assert(lockpub.links:create(FIELDS))
      here.clock.sleep(101)
      here.answer = function() return { kind = "connect", sent = false } end
      assert.equal("connect", select(2, lockpub.links:create(FIELDS)).kind)
      assert.equal("connect", select(2, lockpub.links:create(FIELDS)).kind)
    end)

    it("shows the quota, and what a run would take", function()
      local one, other = here.client(), here.client()
      assert.is_nil(one:quota())
      local plan = one:plan(61)
      assert.is_nil(plan.fits)
      near(60 + MARGIN, plan.seconds)
      assert.equal(MONTH_END, plan.reset)
      here.answer = function() return quota(40, ("%.0f"):format(MONTH_END)) end
      assert(one.links:create(FIELDS))
      assert.same({ limit = 1000, remaining = 40, reset = MONTH_END, as_of = NOON }, other:quota())
      plan = other:plan(50)
      assert.same({ 50, 40, MONTH_END }, { plan.n, plan.fits, plan.reset })
      near(2 * (10 + MARGIN), plan.seconds)
      assert.equal(0, other:plan(0).seconds)
      assert.equal(1, #here.sent)
    end)
  end)
end

describe("pacing with a store outside the process", function()
  local here
  before_each(function() here = scene "shdict" end)

  it("keeps the key out of the store", function()
    local lockpub, locker = here.client(), here.client(nil, "locker")
    here.answer = function() return quota(5, "") end
    assert(lockpub.links:create(FIELDS))
    here.answer = function() return refused(1) end
    locker.addresses:get(7)
    local states = 0
    for key, item in pairs(here.dict.items) do
      for _, secret in ipairs { sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY } do
        assert.is_nil(key:find(secret, 1, true))
        assert.is_nil(tostring(item.value):find(secret, 1, true))
      end
      assert.truthy(key:match "lockpub:%x+" or key:match "locker:%x+")
      states = states + 1
    end
    assert.is_true(states >= 4)
  end)
end)

describe("a store out of reach", function()
  --- A store that answers as another one does, until it is said to be away.
  local function away(inner)
    local store = { gone = true, asked = 0, inner = inner }
    for _, name in ipairs { "read", "swap" } do
      store[name] = function(...)
        store.asked = store.asked + 1
        if store.gone then return nil, "no connection" end
        return inner[name](...)
      end
    end
    return store
  end

  local here, store, events
  before_each(function()
    here = scene "shdict"
    store, events = away(here.store), {}
    here.store = store
  end)

  local function client(options)
    local own = { on_event = function(event) events[#events + 1] = event end }
    for name, value in pairs(options or {}) do own[name] = value end
    return here.client(own)
  end

  local function count(type)
    local n = 0
    for _, event in ipairs(events) do if event.type == type then n = n + 1 end end
    return n
  end

  it("is replaced by a limiter of the process, and each call says so once", function()
    local lockpub = client()
    here.answer = function(_, n) return n == 5 and refused(3) or quota(7, "") end
    for _ = 1, 30 do assert(lockpub.links:create(FIELDS)) end
    assert.is_nil(check.broken(here.sent, RATE))
    assert.equal(30, count "store_error")
    assert.equal(7, lockpub:quota().remaining)
    assert.equal(7, lockpub:plan(100).fits)
    near(10, here.sent[21] - here.sent[1] - MARGIN)
  end)

  it("has the limiter know what was sent before", function()
    store.gone = false
    local lockpub = client()
    here.answer = function(_, n) return quota(100 - n, "") end
    for _ = 1, 20 do assert(lockpub.links:create(FIELDS)) end
    store.gone = true
    local _, err = lockpub.links:create(FIELDS, { pacing = "fail" })
    assert.equal("would_wait", err.kind)
    near(10 + MARGIN, err.retry_after)
    assert.equal(80, lockpub:quota().remaining)
  end)

  it("is asked again while a call waits", function()
    local lockpub = client()
    for _ = 1, 20 do assert(lockpub.links:create(FIELDS)) end
    local other = here.client { store = store.inner, max_retries = 0 }
    here.answer = function() return refused(40) end
    assert.is_nil((other.links:create(FIELDS)))
    here.answer = function() return clients.CREATED end
    local sleep = here.sleep
    here.sleep = function(seconds)
      sleep(seconds)
      if here.clock.now() > NOON + 3 then store.gone = false end
    end
    assert(lockpub.links:create(FIELDS)) -- the store knows of the pause
    near(NOON + 40, here.sent[22])
  end)

  it("gives back the slot of a request that never left", function()
    local lockpub = client { max_retries = 0 }
    here.answer = function() return { kind = "connect", sent = false } end
    for _ = 1, 50 do assert.equal("connect", select(2, lockpub.links:create(FIELDS)).kind) end
    assert.same({}, here.clock.slept)
  end)

  it("ends the call with on_store_error = \"fail\"", function()
    local lockpub = client { on_store_error = "fail" }
    local _, err = lockpub.links:create(FIELDS)
    assert.equal("store", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal("the pacing store is out of reach: no connection", err.message)
    assert.equal(0, #here.sent)
    assert.equal(1, count "store_error")
    for _, method in ipairs { "quota", "plan" } do
      local value, problem = lockpub[method](lockpub, 5)
      assert.is_nil(value)
      assert.equal("store", problem.kind)
    end
  end)
end)
