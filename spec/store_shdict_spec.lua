local check = require "spec.support.pace_check"
local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local shared_dict = require "spec.support.shared_dict"
local virtual = require "spec.support.virtual"

local NAME, LONG = "lockpub:test", 60

describe("a shdict store", function()
  local clock, dict

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
    clock = virtual.clock()
    provide()
  end)

  local function put(store, bytes)
    local kept, version = store.read(NAME)
    assert(kept ~= nil or version == nil, version)
    return store.swap(NAME, version, bytes, LONG)
  end

  it("takes one step of the dict to read, one to begin a state and four to replace it", function()
    local store = locksmith.shdict "pacing"
    local function steps(action)
      local before = dict.steps
      action()
      return dict.steps - before
    end
    local bytes, version
    assert.equal(1, steps(function() bytes, version = store.read(NAME) end))
    assert.is_nil(bytes or version)
    assert.equal(1, steps(function() assert.is_true(store.swap(NAME, nil, "first", LONG)) end))
    assert.equal(1, steps(function() bytes, version = store.read(NAME) end))
    assert.equal("first", bytes)
    assert.equal(4, steps(function() assert.is_true(store.swap(NAME, version, "second", LONG)) end))
  end)

  it("takes five steps of the dict for a call, whose answer tells of the quota what was expected", function()
    local remaining = 1000
    local lockpub = clients.lockpub({ function()
      remaining = remaining - 1
      return clients.created(remaining)
    end }, { store = locksmith.shdict "pacing", clock = clock })
    assert(lockpub.links:create(clients.link_fields()))
    for _ = 1, 10 do
      local before = dict.steps
      assert(lockpub.links:create(clients.link_fields()))
      assert.equal(5, dict.steps - before)
    end
  end)

  --- Runs workers as coroutines that meet at every step of the dict, where some of them end or are held up. Each counts
  --- up what the store keeps.
  ---@return integer kept
  ---@return integer confirmed
  ---@return integer dead
  local function race(seed, workers, turns, fates)
    local random, running, confirmed, dead = check.random(seed), {}, 0, 0
    provide { step = function() if coroutine.running() then coroutine.yield() end end }
    for n = 1, workers do
      running[n] = coroutine.create(function()
        local store = locksmith.shdict "pacing"
        for _ = 1, turns do
          local done
          while not done do
            local bytes, version = store.read(NAME)
            local message
            done, message = store.swap(NAME, version, ("%d"):format((tonumber(bytes) or 0) + 1), LONG)
            assert(done ~= nil, message)
          end
          confirmed = confirmed + 1
        end
      end)
    end
    while #running > 0 do
      local n = random(#running)
      assert(coroutine.resume(running[n]))
      if coroutine.status(running[n]) == "dead" then
        table.remove(running, n)
      elseif fates and random(60) == 1 then
        table.remove(running, n)
        dead = dead + 1
      end
      if random(100) == 1 then clock.sleep(random(20) / 1000) end
    end
    dict.step = function() end
    local store = locksmith.shdict "pacing"
    put(store, (store.read(NAME))) -- finishes what a dead worker has begun
    return tonumber((store.read(NAME))), confirmed, dead
  end

  it("is atomic wherever workers meet", function()
    for seed = 1, 60 do
      local kept, confirmed = race(seed, 5, 12)
      assert.same({ 60, 60 }, { kept, confirmed })
    end
  end)

  it("is held up by no worker that dies in the middle of a step, and loses nothing by it", function()
    local deaths = 0
    for seed = 1, 60 do
      local kept, confirmed, dead = race(seed, 8, 12, true)
      -- Who died may have counted once more than it could say.
      assert.is_true(kept >= confirmed and kept <= confirmed + dead, ("seed %d: %d, %d"):format(seed, kept, confirmed))
      deaths = deaths + dead
    end
    assert.is_true(deaths > 200)
  end)

  it("keeps what others put between any two steps of its own", function()
    for at = 1, 5 do
      local hook
      provide { step = function() if hook then hook() end end }
      local one, other = locksmith.shdict "pacing", locksmith.shdict "pacing"
      assert.is_true(put(one, "0"))
      local steps = 0
      hook = function()
        steps = steps + 1
        if steps < at then return end
        hook = nil
        local n = 0
        while n < 3 do
          if put(other, ("%d"):format(tonumber((other.read(NAME))) + 1)) then n = n + 1 end
        end
      end
      local bytes, version = one.read(NAME)
      local mine = one.swap(NAME, version, ("%d"):format(tonumber(bytes) + 1), LONG)
      hook = nil
      assert.equal(mine and 4 or 3, tonumber((one.read(NAME))), "before step " .. at)
    end
  end)

  it("is not led back by a worker that was held up for long", function()
    local one, other = locksmith.shdict "pacing", locksmith.shdict "pacing"
    assert.is_true(put(one, "0"))
    local _, version = one.read(NAME)
    for _ = 1, 3 do put(other, "theirs") end
    clock.sleep(5)
    assert.is_false(one.swap(NAME, version, "mine", LONG))
    assert.equal("theirs", one.read(NAME))
    assert.equal("theirs", other.read(NAME))
  end)

  it("takes no more of the dict than the windows need, however many requests come", function()
    local lockpub = clients.lockpub(function() return clients.CREATED end,
      { store = locksmith.shdict "pacing", clock = clock })
    local most = 0
    for _ = 1, 1000 do
      assert(lockpub.links:create(clients.link_fields()))
      lockpub.links:create(clients.link_fields(), { pacing = "fail" }) -- refused at times, and leaves nothing
      most = math.max(most, dict:sweep())
    end
    assert.is_true(most < 64, most)
    clock.sleep(40 * 86400)
    assert.equal(0, dict:sweep())
  end)

  it("writes nothing for a service without windows", function()
    local locker = clients.locker({ clients.address() }, { store = locksmith.shdict "pacing", clock = clock })
    for _ = 1, 100 do assert(locker.addresses:get(7)) end
    assert.equal(0, dict.count)
    assert.equal(100, dict.steps)
  end)

  it("answers with an error when the dict is full, and goes on when it is not", function()
    provide { fits = 1 }
    local store = locksmith.shdict "pacing"
    dict:safe_set("theirs", "x")
    assert.same({ nil, "lua_shared_dict pacing: no memory" }, { put(store, "first") })
    dict.fits = 2
    assert.is_true(put(store, "first"))
    assert.same({ nil, "lua_shared_dict pacing: no memory" }, { put(store, "second") })
    assert.equal("first", store.read(NAME))
    dict.fits = 100
    assert.is_true(put(store, "second"))
  end)

  describe("of which not everything fits", function()
    --- A state of a key that was used once, or of which only the quota is known.
    local function state(quota_only, n)
      local bytes
      local lockpub = clients.lockpub(function() return clients.created(1000 - n) end, {
        store = { read = function() return bytes, bytes and 1 end, swap = function(_, _, new)
          bytes = new
          return true
        end },
        rate = not quota_only and { { 60, 60 } } or false, clock = { now = core.now, sleep = core.sleep },
      })
      assert(lockpub.links:create(clients.link_fields()))
      return bytes
    end

    it("gives up states that only remember a quota, those not used for longest first", function()
      provide { fits = 8 }
      local store = locksmith.shdict "pacing"
      for n = 1, 8 do
        assert.is_true(store.swap("lockpub:" .. n, nil, n % 4 == 0 and state(false, n) or state(true, n), LONG))
      end
      assert.is_true(store.swap("lockpub:more", nil, state(false, 9), LONG))
      assert.is_string((store.read "lockpub:more"))
      for _, n in ipairs { 4, 8 } do assert.is_string((store.read("lockpub:" .. n))) end
      assert.is_nil((store.read "lockpub:1"))
    end)

    it("never gives up what holds anyone back", function()
      provide { fits = 3 }
      local store = locksmith.shdict "pacing"
      for n = 1, 3 do assert.is_true(store.swap("lockpub:" .. n, nil, state(false, n), LONG)) end
      assert.same({ nil, "lua_shared_dict pacing: no memory" },
        { store.swap("lockpub:more", nil, state(true, 9), LONG) })
      for n = 1, 3 do assert.is_string((store.read("lockpub:" .. n))) end
    end)
  end)

  it("keeps few steps of a large state, so that hundreds a second do not fill it", function()
    local store, large = locksmith.shdict "pacing", ("x"):rep(5000)
    for n = 1, 300 do assert.is_true(put(store, large .. n)) end
    assert.is_true(dict:sweep() <= 8, dict.count)
    assert.equal(large .. 300, (store.read(NAME)))
  end)

  it("is not used where it is too small for the rate, which is said at the first call and once in the log", function()
    provide { bytes = 64 * 1024 }
    local said, events = {}, {}
    _G.ngx.ERR, _G.ngx.log = 4, function(_, ...) said[#said + 1] = table.concat { ... } end
    local function client(options)
      local own = { store = locksmith.shdict "pacing", clock = clock, rate = { { 500, 1 } },
        on_event = function(event) if event.type == "store_error" then events[#events + 1] = event.message end end }
      for name, value in pairs(options or {}) do own[name] = value end
      return (clients.lockpub(function() return clients.CREATED end, own))
    end
    local lockpub = client()
    assert.same({}, said)
    for _ = 1, 3 do assert(lockpub.links:create(clients.link_fields())) end
    assert.equal(3, #events)
    local words = "lua_shared_dict pacing of 64 KB is too small for this rate, which needs %d+ KB"
    assert.matches(words, events[1])
    local _, err = client({ on_store_error = "fail" }).links:create(clients.link_fields())
    assert.equal("store", err.kind)
    assert.matches(words, err.message)
    assert.equal(1, #said)
    assert.matches("locksmith: " .. words, said[1])
    assert(client({ rate = { { 60, 60 } }, on_store_error = "fail" }).links:create(clients.link_fields()))
    _G.ngx.ERR, _G.ngx.log = nil, nil
  end)

  it("leaves each of several workers its share of the windows when it fails", function()
    _G.ngx.worker = { count = function() return 4 end }
    provide { fits = 0 }
    local lockpub = clients.lockpub(function() return clients.CREATED end, { store = locksmith.shdict "pacing",
      clock = clock, rate = { { 20, 10 }, { 2, 1 } }, pacing_margin = 0, timeout = 1000 })
    local began = clock.now()
    for n = 1, 6 do
      assert(lockpub.links:create(clients.link_fields()))
      assert.equal(({ 0, 2, 4, 6, 8, 10 })[n], clock.now() - began)
    end
    _G.ngx.worker = nil
  end)

  it("stands beside other people's keys, and does not read what is no state", function()
    local store = locksmith.shdict "pacing"
    dict:safe_set("theirs", "x")
    dict:safe_set(NAME, "x", 0, 7)
    assert.is_nil((store.read(NAME)))
    assert.is_true(put(store, "mine"))
    assert.same({ "x", "x" }, { dict:get "theirs", (dict:get(NAME)) })
    local key
    for name, item in pairs(dict.items) do if item.value == "mine" then key = name end end
    for _, value in ipairs { 7, "no version" } do
      dict:delete(key)
      dict:safe_set(key, value)
      assert.same({ nil, "lua_shared_dict pacing holds what is no state" }, { store.read(NAME) })
    end
  end)

  it("is told again what it was made to forget, by those who remember, and gives no slot meanwhile", function()
    local function worker()
      return (clients.lockpub(function() return clients.CREATED end, { store = locksmith.shdict "pacing", clock = clock,
        rate = { { 2, 100 } }, pacing_margin = 0, timeout = 1000 }))
    end
    local one, other = worker(), worker()
    assert(one.links:create(clients.link_fields()))
    assert(other.links:create(clients.link_fields()))
    for key in pairs(dict.items) do dict:delete(key) end
    local began = clock.now()
    local _, err = other.links:create(clients.link_fields(), { pacing = "fail" })
    assert.equal("would_wait", err.kind)
    assert(one.links:create(clients.link_fields()))
    assert.equal(100, clock.now() - began)
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
