local check = require "spec.support.pace_check"
local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local NAME
do -- where the state of a key is kept
  local own = core.client { service = "lockpub", user_agent = "x", margin = 0 }
  own:set_key(core.key("lockpub", sandbox.LOCKPUB_KEY))
  NAME = own:state_name()
end
local UNSENT = { kind = "connect", sent = false }

describe("a memory store", function()
  local store, windows = nil, { { 2, 10 }, { 3, 60 } }
  before_each(function() store = locksmith.memory() end)

  local function client(script, options)
    local own = { store = store, rate = windows, pacing_margin = 0, timeout = 1000, max_retries = 0 }
    for name, value in pairs(options or {}) do own[name] = value end
    return clients.lockpub(script, own)
  end

  local function create(lockpub, opts)
    return lockpub.links:create(clients.link_fields(), opts)
  end

  it("gives slots as the windows allow", function()
    local lockpub, requests, clock = client { clients.CREATED }
    local began = clock.now()
    for i, at in ipairs { 0, 0, 10, 60, 60, 70 } do
      assert(create(lockpub))
      assert.equal(at, requests[i].at - began, "slot " .. i)
    end
  end)

  it("keeps the windows whatever is given back or paused", function()
    for seed = 1, 20 do
      store = locksmith.memory()
      local random, rate = check.random(seed), { { 3, 0.5 }, { 7, 3 } }
      local sent = {}
      local lockpub, _, clock
      lockpub, _, clock = client({ function(request)
        local fate = random(10)
        if fate <= 2 then return UNSENT end
        sent[#sent + 1] = request.at
        if fate == 3 then return { status = 429, headers = { ["retry-after"] = "1" }, body = "{}" } end
        return clients.CREATED
      end }, { rate = rate })
      for _ = 1, 200 do
        create(lockpub)
        clock.sleep(random(100) / 1000)
      end
      assert.is_nil(check.broken(sent, rate))
    end
  end)

  it("refuses a wait that is too long, and takes nothing for it", function()
    local lockpub, _, clock = client { clients.CREATED }
    for _ = 1, 2 do assert(create(lockpub)) end
    local _, err = create(lockpub, { timeout = 10 })
    assert.same({ "would_wait", 10 }, { err.kind, err.retry_after })
    local began = clock.now()
    assert(create(lockpub, { timeout = 10.001 }))
    assert.equal(10, clock.now() - began)
  end)

  it("counts what goes out whatever the windows say", function()
    local lockpub = client { clients.CREATED }
    for _ = 1, 5 do assert(create(lockpub, { pacing = "off" })) end
    assert.equal(60, select(2, create(lockpub, { pacing = "fail" })).retry_after)
  end)

  it("answers what a run would take, without taking it", function()
    local lockpub = client { clients.CREATED }
    for _ = 1, 2 do assert.equal(60, lockpub:plan(4).seconds) end
    assert(create(lockpub, { pacing = "fail" }))
  end)

  it("is shared by the clients that are given it, and by no other", function()
    local one, _, clock = clients.lockpub({ clients.CREATED }, { store = store, rate = { { 1, 10 } } })
    local other = clients.lockpub({ clients.CREATED }, { store = store, rate = { { 1, 10 } }, clock = clock })
    local stranger = clients.lockpub({ clients.CREATED }, { rate = { { 1, 10 } }, clock = clock, pacing = "fail" })
    assert(one.links:create(clients.link_fields()))
    assert(other.links:create(clients.link_fields()))
    assert.is_true(#clock.slept == 1 and math.abs(clock.slept[1] - 10.05) < 1e-6)
    assert(stranger.links:create(clients.link_fields()))
  end)

  it("is one for all clients of a process that have none of their own", function()
    local memory = require "locksmith.store.memory"
    assert.equal(memory.default(), memory.default())
    assert.not_equal(memory.default(), locksmith.memory())
  end)

  it("gives its state as bytes that another goes on from", function()
    local lockpub, _, clock = client { clients.CREATED }
    local own = core.now
    core.now = clock.now
    assert.is_nil(store.read(NAME))
    assert(create(lockpub))
    local bytes, version = store.read(NAME)
    local elsewhere = locksmith.memory()
    assert.is_true(elsewhere.swap(NAME, nil, bytes, 60))
    assert.is_false(elsewhere.swap(NAME, nil, bytes, 60))
    assert.is_false(elsewhere.swap(NAME, "other", bytes, 60))
    assert.is_true(elsewhere.swap(NAME, (select(2, elsewhere.read(NAME))), bytes, 60))
    assert.is_nil((store.swap(NAME, version, "no state", 60)))
    assert.is_nil((store.swap(NAME, version, bytes:sub(2), 60)))
    core.now = own
    local other = client({ clients.CREATED }, { store = elsewhere, clock = clock, pacing = "fail" })
    assert.equal(999, other:quota().remaining)
    assert(create(other))
    assert.equal("would_wait", select(2, create(other)).kind)
  end)

  it("does as a store that carries bytes what it does in the core", function()
    local carrier = { read = store.read, swap = store.swap }
    local lockpub, _, clock = client({ clients.CREATED }, { store = carrier })
    local own = core.now
    core.now = clock.now
    local began = clock.now()
    for _ = 1, 3 do assert(create(lockpub)) end
    core.now = own
    assert.equal(10, clock.now() - began)
    local beside = client({ clients.CREATED }, { clock = clock, pacing = "fail" })
    assert.equal(50, select(2, create(beside)).retry_after)
  end)

  it("says what it is", function()
    assert.equal("locksmith.memory store", tostring(store))
  end)
end)
