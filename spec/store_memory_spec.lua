local check = require "spec.support.pace_check"
local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"

local NOW, NAME = 1780000000, "lockpub:test"

describe("a memory store", function()
  local store, windows = nil, { { 2, 10 }, { 3, 60 } }
  before_each(function() store = locksmith.memory() end)

  local function reserve(now, more)
    return store:reserve(check.request(windows, now, more))
  end

  it("gives slots as the windows allow", function()
    for i, wait in ipairs { 0, 0, 10, 60, 60, 70 } do
      assert.equal(wait, (reserve(NOW)), "slot " .. i)
    end
  end)

  it("keeps the windows whatever is given back or paused", function()
    for seed = 1, 40 do
      store = locksmith.memory()
      local random, now, sent = check.random(seed), NOW, {}
      local rate = { { 3, 0.5 }, { 7, 3 } }
      for _ = 1, 400 do
        local wait, token = store:reserve(check.request(rate, now))
        local fate = random(10)
        if fate <= 2 then
          store:release(NAME, token)
        else
          sent[#sent + 1] = token.slot
          now = math.max(now, now + wait)
        end
        if fate == 3 then store:pause(NAME, now, random(100) / 100) end
        now = now + random(100) / 1000
      end
      assert.is_nil(check.broken(sent, rate))
    end
  end)

  it("refuses a wait that is too long, and takes nothing for it", function()
    for _ = 1, 2 do reserve(NOW) end
    local wait, kind, retry_after = reserve(NOW, { longest = 9.999 })
    assert.is_nil(wait)
    assert.equal("would_wait", kind)
    assert.equal(10, retry_after)
    assert.equal(10, (reserve(NOW, { longest = 10 })))
  end)

  it("counts what goes out whatever the windows say", function()
    for _ = 1, 5 do assert.equal(0, (reserve(NOW, { count_only = true, longest = 0 }))) end
    assert.equal(60, (reserve(NOW)))
  end)

  it("lets a waiter ask whether its slot still is one", function()
    for _ = 1, 2 do reserve(NOW) end
    local _, token = reserve(NOW)
    store:pause(NAME, NOW, 15)
    local wait
    wait, token = store:renew(check.request(windows, NOW + 10), token)
    assert.equal(5, wait)
    local refused, kind, retry_after = store:renew(check.request(windows, NOW + 10, { longest = 1 }), token)
    assert.is_nil(refused)
    assert.equal("would_wait", kind)
    assert.equal(5, retry_after)
    assert.equal(15, (reserve(NOW))) -- it held nothing any more
  end)

  it("answers what a run would take, without taking it", function()
    for _ = 1, 2 do assert.equal(60, store:forecast(NAME, windows, NOW, 4)) end
    assert.equal(0, (reserve(NOW)))
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

  it("gives its state as bytes that another memory goes on from", function()
    reserve(NOW)
    store:observe(NAME, NOW, "1000", "7", nil)
    local bytes, life = store.memory:save(NAME, NOW, "")
    assert.is_true(life > 31 * 86400)
    assert.is_nil((store.memory:save(NAME, NOW, bytes))) -- nothing new
    local copy = core.memory()
    assert.is_true(copy:load("elsewhere", bytes))
    assert.equal(0, (copy:reserve("elsewhere", windows, NOW, 100)))
    assert.equal(10, (copy:reserve("elsewhere", windows, NOW, 100)))
    assert.equal(7, copy:left("elsewhere", NOW))
    assert.is_false(copy:load("elsewhere", bytes:sub(2)))
    assert.is_false(copy:load("elsewhere", "no state"))
    assert.is_true(copy:load("elsewhere", ""))
    assert.is_nil(copy:left("elsewhere", NOW))
  end)

  it("says what it is", function()
    assert.equal("locksmith.memory store", tostring(store))
  end)
end)
