--- Stores that users bring: tables that carry bytes.

local check = require "spec.support.pace_check"
local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local table_stores = require "spec.support.table_store"
local virtual = require "spec.support.virtual"

--- A table as a store, in the manner of a versioned key-value service.
local function table_store(options)
  options = options or {}
  local kept, version, asked = {}, 0, { read = 0, swap = 0 }
  local store = { kept = kept, asked = asked }
  function store.read(name)
    asked.read = asked.read + 1
    if store.fails then return nil, store.fails end
    local entry = kept[name]
    local now = options.now and options.now() or nil
    if entry then return entry.bytes, entry.version, now end
    return nil, nil, now
  end
  function store.swap(name, known, bytes, seconds)
    asked.swap = asked.swap + 1
    if store.fails then return nil, store.fails end
    if store.before_swap then store.before_swap(name) end
    local entry = kept[name]
    if (entry and entry.version) ~= known then return false end
    version = version + 1
    kept[name] = { bytes = bytes, version = "v" .. version, life = seconds }
    return true
  end
  return store
end

local function lockpub_with(store, answers, options)
  options = options or {}
  options.store = store
  return clients.lockpub(answers or function() return clients.CREATED end, options)
end

local function create(lockpub, opts)
  return lockpub.links:create(clients.link_fields(), opts)
end

describe("a store that carries bytes", function()
  it("holds the windows for all that share it", function()
    local store = table_store()
    local first, _, clock = lockpub_with(store)
    local second = lockpub_with(store, nil, { clock = clock })
    local began, times = clock.now(), {}
    for i = 1, 45 do
      assert(create(i % 2 == 0 and first or second))
      times[i] = clock.now() - began
    end
    for i = 21, 45 do assert.is_true(times[i] - times[i - 20] >= 10.05 - 1e-6, ("%d: %f"):format(i, times[i])) end
    assert.is_true(times[45] < 21)
  end)

  it("is changed once by a call, whose answer tells of the quota what was expected", function()
    local store, remaining = table_store(), 1000
    local lockpub, _, clock = lockpub_with(store, function()
      remaining = remaining - 1
      return clients.created(remaining)
    end, { rate = { { 30, 100 } }, pacing_margin = 0 })
    local function costs(opts)
      local read, swap = store.asked.read, store.asked.swap
      create(lockpub, opts)
      return { store.asked.read - read, store.asked.swap - swap }
    end
    assert.same({ 2, 2 }, costs()) -- nothing was known of a quota
    for _ = 1, 20 do assert.same({ 1, 1 }, costs()) end
    assert.equal(979, lockpub:quota().remaining)
    remaining = remaining - 5 -- somebody without the store
    assert.same({ 2, 2 }, costs())
    assert.same({ 1, 1 }, costs())
    clock.sleep(60) -- what is kept must not age
    assert.same({ 2, 2 }, costs())
    for _ = 1, 6 do assert.same({ 1, 1 }, costs()) end
    assert.same({ 1, 0 }, costs { pacing = "fail" })
    assert.same({ 2, 2 }, costs()) -- waits for its slot, and takes it when it has come
    remaining = 1
    assert.same({ 2, 2 }, costs()) -- the last one
    assert.same({ 1, 0 }, costs())
    assert.equal(0, lockpub:quota().remaining)
  end)

  it("is changed once by each of several calls at a time", function()
    local store, remaining, running, results = table_store(), 1000, {}, 0
    local lockpub = lockpub_with(store, function()
      remaining = remaining - 1
      local answer = clients.created(remaining)
      if results > 0 then coroutine.yield() end
      return answer
    end)
    assert(create(lockpub))
    results = 1
    local read, swap = store.asked.read, store.asked.swap
    for i = 1, 5 do
      running[i] = coroutine.create(function()
        assert(create(lockpub))
        results = results + 1
      end)
      assert(coroutine.resume(running[i]))
    end
    for i = 1, 5 do assert(coroutine.resume(running[i])) end
    assert.same({ 6, 5, 5 }, { results, store.asked.read - read, store.asked.swap - swap })
    assert.equal(994, lockpub:quota().remaining)
  end)

  it("is not changed by a service without windows", function()
    local store = table_store()
    local locker = clients.locker({ clients.address() }, { store = store })
    for _ = 1, 3 do assert(locker.addresses:get(7)) end
    assert.same({ read = 3, swap = 0 }, store.asked)
  end)

  it("that went back to what it kept before is told what is missing, by everyone", function()
    local store = table_store()
    local options = { rate = { { 3, 100 } }, pacing_margin = 0 }
    local first, _, clock = lockpub_with(store, nil, options)
    options.clock = clock
    local second = lockpub_with({ read = store.read, swap = store.swap }, nil, options) -- as in another process
    assert(create(first))
    local name, entry = next(store.kept)
    assert(create(second))
    assert(create(first))
    store.kept[name] = entry
    local _, err = create(second, { pacing = "fail" })
    assert.same({ "would_wait", 3 }, { err.kind, err.retry_after })
    clock.sleep(2)
    assert.equal("would_wait", select(2, create(first, { pacing = "fail" })).kind)
    clock.sleep(10)
    assert.equal(88, select(2, create(second, { pacing = "fail" })).retry_after)
  end)

  it("knows the quota for a process that has not asked yet", function()
    local store = table_store()
    assert(create(lockpub_with(store)))
    local fresh = lockpub_with(store)
    assert.equal(999, fresh:quota().remaining)
    assert.equal(999, fresh:plan(2000).fits)
  end)

  it("keeps a used-up quota from being asked for", function()
    local store = table_store()
    local spent = { status = 201, body = "{}", headers = { ["x-api-quota-remaining"] = "0",
      ["x-api-quota-limit"] = "1000" } }
    assert(create(lockpub_with(store, { spent })))
    local fresh, requests = lockpub_with(store, { clients.CREATED })
    local _, err = create(fresh)
    assert.same({ "quota_exceeded", 0 }, { err.kind, #requests })
  end)

  it("holds a pause for everyone", function()
    local store = table_store()
    local first, _, clock = lockpub_with(store, { { status = 429, headers = { ["retry-after"] = "30" }, body = "{}" } },
      { max_retries = 0 })
    assert.equal("rate_limited", select(2, create(first)).kind)
    local second = lockpub_with(store, nil, { clock = clock })
    local before = clock.now()
    assert(create(second))
    assert.equal(30, clock.now() - before)
  end)

  it("gives back what was not used", function()
    local store = table_store()
    local lockpub = lockpub_with(store, { { kind = "connect", sent = false }, clients.CREATED },
      { rate = { { 1, 10 } }, max_retries = 0 })
    assert.equal("connect", select(2, create(lockpub)).kind)
    assert(create(lockpub, { pacing = "fail" }))
    assert.equal("would_wait", select(2, create(lockpub, { pacing = "fail" })).kind)
  end)

  it("is asked again when somebody was first", function()
    local store, others = table_store(), 3
    local name
    store.before_swap = function(swapped)
      name = swapped
      if others == 0 then return end
      others = others - 1
      store.kept[swapped] = { bytes = store.kept[swapped] and store.kept[swapped].bytes, version = "other" .. others }
      if not store.kept[swapped].bytes then store.kept[swapped] = nil end
    end
    local lockpub = lockpub_with(store)
    assert(create(lockpub))
    assert.truthy(name:find "^lockpub:%x+$")
    assert.is_nil(name:find("test_key", 1, true))
  end)

  it("may keep a clock of its own", function()
    local ahead = 12345
    local clock
    local store = table_store { now = function() return clock.now() + ahead end }
    local lockpub, _, its = lockpub_with(store, nil, { rate = { { 2, 10 } }, pacing_margin = 0 })
    clock = its
    local began = clock.now()
    for _ = 1, 3 do assert(create(lockpub)) end
    assert.equal(10, clock.now() - began)
  end)

  it("that lost its memory is told of it, and gives nobody a slot meanwhile", function()
    local store = table_store()
    local first, _, clock = lockpub_with(store, nil, { rate = { { 2, 100 } }, pacing_margin = 0 })
    local second = lockpub_with(store, nil, { rate = { { 2, 100 } }, pacing_margin = 0, clock = clock })
    assert(create(first))
    assert(create(second))
    for name in pairs(store.kept) do store.kept[name] = nil end
    local before = clock.now()
    assert(create(first, { timeout = 1000 }))
    assert.is_true(clock.now() - before >= 99.999)
  end)

  it("that is new to all is not waited for", function()
    local lockpub, _, clock = lockpub_with(table_store())
    local before = clock.now()
    assert(create(lockpub))
    assert.equal(before, clock.now())
  end)
end)

describe("clients that share bytes", function()
  --- Plays one random sequence of calls, answers and waits to three clients.
  ---@return string # what came of each, and when
  local function play(seed, stores)
    local random, clock, remaining, history = check.random(seed), virtual.clock(), 5 + seed % 40, {}
    local rate = ({ { { 3, 1 }, { 5, 4 } }, { { 20, 10 }, { 60, 60 } }, { { 1, 0.25 } }, false })[seed % 4 + 1]
    local function answer()
      local fate = random(12)
      if fate == 1 then return { kind = "connect", sent = false } end
      if fate == 2 then return { kind = "network", sent = true } end
      if fate == 3 then return { status = 429, headers = { ["retry-after"] = tostring(random(5)) }, body = "{}" } end
      if fate == 4 then return { status = 201, body = "{}", takes = random(100) / 50 } end
      if fate == 5 then remaining = math.max(0, remaining - random(3)) end -- somebody else's
      if remaining == 0 then
        remaining = 20
        return { status = 403, headers = { ["x-api-quota-remaining"] = "0",
          ["x-api-quota-reset"] = ("%.0f"):format(clock.now() + 30) }, body = "{}" }
      end
      remaining = remaining - 1
      return clients.created(remaining)
    end
    local machines = {}
    for i, store in ipairs(stores(clock)) do
      machines[i] = clients.lockpub({ answer }, { store = store, clock = clock, rate = rate, timeout = 20 })
    end
    for step = 1, 120 do
      local opts = { pacing = ({ "wait", "wait", "fail", "off" })[random(4)], max_retries = random(3) - 1,
        timeout = random(30) }
      local link, err = machines[random(3)].links:create(clients.link_fields(), opts)
      local quota = machines[random(3)]:quota()
      history[step] = ("%d: %s at %.6f, %s, %s"):format(step, link and "made" or err.kind, clock.now(),
        err and err.retry_after or "", quota and quota.remaining or "unknown")
      if random(3) == 1 then clock.sleep(random(3000) / 1000) end
    end
    return table.concat(history, "\n")
  end

  it("do what those do that share the core's own memory", function()
    for seed = 1, 60 do
      local expected = play(seed, function()
        local store = locksmith.memory()
        return { store, store, store }
      end)
      local found = play(seed, function(clock)
        local place = {}
        return { table_stores.new(place, clock.now), table_stores.new(place, clock.now),
          table_stores.new(place, clock.now) }
      end)
      assert.equal(expected, found, "seed " .. seed)
    end
  end)
end)

describe("a store that fails", function()
  local ODD = {
    ["an error"] = function() error "down" end,
    ["an error that is no text"] = function() error {} end,
    ["a number"] = function() return 5, 1 end,
    ["bytes without a version"] = function() return "x" end,
    ["an empty text"] = function() return "", 1 end,
    ["bytes of something else"] = function() return "garbage", 1 end,
    ["a clock that is none"] = function() return nil, nil, 0 / 0 end,
    ["a reason that is none"] = function() return nil, {} end,
    ["a reason"] = function() return nil, "down" end,
  }

  for what, read in pairs(ODD) do
    it("is done without, when its read gives " .. what, function()
      local events, store = {}, { read = read, swap = function() return true end }
      local lockpub = lockpub_with(store, nil, { on_event = function(event)
        if event.type == "store_error" then events[#events + 1] = event end
      end })
      assert(create(lockpub))
      assert.equal(1, #events)
      assert.equal("string", type(events[1].message))
      local strict = lockpub_with(store, nil, { on_store_error = "fail" })
      local _, err = create(strict)
      assert.same({ "store", "not_sent" }, { err.kind, err.outcome })
    end)
  end

  for what, swap in pairs {
    ["nothing"] = function() end, ["a number"] = function() return 1 end, ["an error"] = function() error "down" end,
    ["a reason"] = function() return nil, "down" end,
  } do
    it("is done without, when its swap gives " .. what, function()
      local store = table_store()
      store.swap = swap
      assert(create(lockpub_with(store)))
      local _, err = create(lockpub_with(store, nil, { on_store_error = "fail" }))
      assert.equal("store", err.kind)
    end)
  end

  it("is not asked for ever when others are always first", function()
    local store, asked = table_store(), 0
    store.swap = function()
      asked = asked + 1
      return false
    end
    assert(create(lockpub_with(store)))
    assert.is_true(asked <= 1000)
  end)

  it("leaves the windows to this process, and is told of its sends when it is back", function()
    local store = table_store()
    local options = { rate = { { 3, 100 } }, pacing_margin = 0 }
    local lockpub, _, clock = lockpub_with(store, nil, options)
    assert(create(lockpub))
    store.fails = "down"
    assert(create(lockpub))
    store.fails = nil
    assert(create(lockpub))
    local other = lockpub_with(store, nil, { rate = options.rate, pacing_margin = 0, clock = clock })
    assert.equal("would_wait", select(2, create(other, { pacing = "fail" })).kind)
    store.fails = "down"
    assert.equal("would_wait", select(2, create(lockpub, { pacing = "fail" })).kind)
    local before = clock.now()
    assert(create(lockpub, { timeout = 1000 }))
    assert.is_true(clock.now() - before >= 100)
  end)
end)

-- Where the state of a key is kept.
local function state_name(key)
  local client = core.client { service = "lockpub", user_agent = "x", margin = 0 }
  client:set_key(core.key("lockpub", key))
  return client:state_name()
end

describe("the memory store", function()
  it("carries its bytes, too", function()
    local store = locksmith.memory()
    local lockpub = lockpub_with(store)
    assert(create(lockpub))
    local name = state_name(require("locksmith.sandbox").LOCKPUB_KEY)
    assert.is_nil(store.read "lockpub:none")
    local bytes, version = store.read(name)
    if bytes then
      assert.is_false(store.swap(name, "other", bytes, 60))
      assert.is_true(store.swap(name, version, bytes, 60))
      assert.is_nil(store.swap(name, version, "nonsense", 60))
    end
  end)
end)
