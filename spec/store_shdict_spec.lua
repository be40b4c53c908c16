local check = require "spec.support.pace_check"
local shared_dict = require "spec.support.shared_dict"
local locksmith = require "locksmith"

local START = 1780000000
local NAME = "lockpub:test"

describe("a shdict store", function()
  local time, dict
  local clock = { now = function() return time end, set = function(to) time = math.floor(to * 1e6 + 0.5) / 1e6 end }

  local function provide(options)
    options = options or {}
    options.clock = clock.now
    dict = shared_dict.new(options)
    _G.ngx.shared = { pacing = dict }
  end

  local real
  setup(function()
    real = rawget(_G, "ngx")
    _G.ngx = {}
  end)
  teardown(function() _G.ngx = real end)
  before_each(function()
    time = START
    provide()
  end)

  it("does what the core's own history does", function()
    for seed = 1, 60 do
      provide()
      local stores = { locksmith.shdict "pacing", locksmith.shdict "pacing", locksmith.shdict "pacing" }
      assert.is_nil(check.compare(stores, clock, seed, 300, true))
    end
  end)

  it("does what the core does with the quota", function()
    for seed = 1, 60 do
      provide()
      local stores = { locksmith.shdict "pacing", locksmith.shdict "pacing" }
      assert.is_nil(check.compare_quota(stores, clock, seed, 200))
    end
  end)

  --- Runs workers as coroutines that meet at every step of the dict, and ends some of them there.
  local function race(seed, windows, workers, turns, deaths)
    local random, sent, running, steps = check.random(seed), {}, {}, 0
    provide { step = function() if coroutine.running() then coroutine.yield() end end }
    for n = 1, workers do
      running[n] = coroutine.create(function()
        local store = locksmith.shdict "pacing"
        for _ = 1, turns do
          local wait, token = store:reserve(check.request(windows, clock.now()))
          assert(wait, token)
          if random(4) == 1 then
            assert(store:release(NAME, token))
          else
            sent[#sent + 1] = token.slot
          end
        end
      end)
    end
    while #running > 0 do
      steps = steps + 1
      local n = random(#running)
      assert(coroutine.resume(running[n]))
      local ended = coroutine.status(running[n]) == "dead"
      if ended or deaths and random(150) == 1 then table.remove(running, n) end
      if random(10) == 1 then clock.set(time + random(40) / 1000) end
    end
    table.sort(sent)
    return sent
  end

  it("is atomic wherever workers meet", function()
    for seed = 1, 25 do
      local windows = ({ { { 3, 0.5 }, { 7, 3 } }, { { 1, 0.25 }, { 9, 3 } } })[seed % 2 + 1]
      local sent = race(seed, windows, 5, 12)
      assert.is_nil(check.broken(sent, windows))
    end
  end)

  it("is held up by no worker that dies in the middle of a step", function()
    for seed = 1, 25 do
      local windows = { { 3, 0.5 }, { 7, 3 } }
      local sent = race(seed, windows, 8, 12, true)
      assert.is_true(#sent > 10)
      assert.is_nil(check.broken(sent, windows))
    end
  end)

  it("takes no more of the dict than the windows need, however many requests come", function()
    local store, windows = locksmith.shdict "pacing", { { 20, 10 }, { 60, 60 } }
    local most = 0
    for _ = 1, 5000 do
      local wait = store:reserve(check.request(windows, time))
      store:reserve(check.request(windows, time, { longest = 0 })) -- refused, and leaves nothing
      clock.set(time + wait)
      most = math.max(most, dict:sweep())
    end
    assert.is_true(most < 64)
    clock.set(time + 3600)
    assert.equal(0, dict:sweep())
  end)

  it("writes nothing for a service without windows", function()
    local store = locksmith.shdict "pacing"
    for _ = 1, 100 do assert.equal(0, (store:reserve(check.request({}, time)))) end
    assert.equal(0, dict.count)
  end)

  it("answers with an error when the dict is full, and goes on when it is not", function()
    provide { capacity = 1 }
    local store = locksmith.shdict "pacing"
    local wait, kind, message = store:reserve(check.request({ { 2, 1 } }, time))
    assert.is_nil(wait)
    assert.equal("store", kind)
    assert.equal("lua_shared_dict pacing: no memory", message)
    dict.capacity = 100
    assert.equal(0, (store:reserve(check.request({ { 2, 1 } }, time))))
  end)

  it("finds its way when the number of the newest version lags behind", function()
    local store, windows = locksmith.shdict "pacing", { { 2, 10 } }
    store:reserve(check.request(windows, time))
    local head
    for key, item in pairs(dict.items) do if type(item.value) == "number" then head = key end end
    dict.items[head].value = 0
    store:reserve(check.request(windows, time))
    dict.items[head].value = 1
    assert.equal(10, (store:reserve(check.request(windows, time))))
  end)

  it("lets a clock be set back", function()
    local store, windows = locksmith.shdict "pacing", { { 2, 10 } }
    for _ = 1, 2 do store:reserve(check.request(windows, time)) end
    clock.set(time - 86400)
    local wait = store:reserve(check.request(windows, time))
    assert.is_true(wait > 8.9 and wait <= 11)
  end)

  it("keeps the windows when others go on in the middle of its own update, and after a quiet time", function()
    local windows = { { 5, 60 } }
    for at = 1, 8 do
      local hook
      provide { step = function() if hook then hook() end end }
      local a, b = locksmith.shdict "pacing", locksmith.shdict "pacing"
      local function take(store)
        return store:reserve(check.request(windows, time, { longest = 0 }))
      end
      assert.equal(0, (take(a)))
      local steps = 0
      hook = function()
        steps = steps + 1
        if steps < at then return end
        hook = nil
        for _ = 1, 3 do assert.equal(0, (take(b))) end
      end
      local own = take(a)
      if hook then hook() end
      hook = nil
      time = time + 20
      assert.is_nil((take(a)), "before step " .. at)
      assert.is_true(own == 0 or own == nil)
    end
  end)

  it("keeps states apart by name", function()
    local store = locksmith.shdict "pacing"
    for _ = 1, 2 do store:reserve(check.request({ { 2, 10 } }, time)) end
    assert.equal(0, (store:reserve(check.request({ { 2, 10 } }, time, { name = "lockpub:other" }))))
  end)

  it("is refused where it cannot be, at the caller's line", function()
    local function message_of(name)
      local ok, message = pcall(function()
        local store = locksmith.shdict(name)
        return store
      end)
      assert.is_false(ok)
      return message
    end
    assert.matches("store_shdict_spec.lua:%d+: .*argument 'name' must be a string", message_of(7))
    assert.matches('store_shdict_spec.lua:%d+: .*nginx has no "lua_shared_dict missing"', message_of "missing")
    _G.ngx = nil
    assert.matches("store_shdict_spec.lua:%d+: .*only in nginx", message_of "pacing")
    _G.ngx = {}
  end)

  it("says in a log which dict it is", function()
    assert.equal("locksmith.shdict store (pacing)", tostring(locksmith.shdict "pacing"))
  end)
end)
