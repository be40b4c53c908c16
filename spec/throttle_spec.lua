--- Locker's throttle, which a 429 tells: in virtual time, over every kind of store.

local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local table_store = require "spec.support.table_store"
local virtual = require "spec.support.virtual"

--- Makes calls of several clients in turn.
---@return number seconds
---@return integer refused
local function run(limit, requests, count, new_store)
  local clock = virtual.clock()
  local box = sandbox.new { clock = clock, throttle = limit, log_limit = 1 }
  local id, transport, refused = box:add_address().id, box:transport(), 0
  local function counting(request)
    clock.time = clock.time + 0.01
    local response, failure = transport(request)
    if response.status == 429 then refused = refused + 1 end
    return response, failure
  end
  local some = {}
  for i = 1, count do some[i] = clients.locker(counting, { clock = clock, store = new_store() }) end
  local began = clock.now()
  for i = 1, requests do assert(some[i % count + 1].addresses:get(id)) end
  return clock.now() - began, refused
end

local places = {
  ["in this process"] = function()
    local store = locksmith.memory()
    return function() return store end
  end,
  ["that carries bytes"] = function()
    local place = {}
    return function() return table_store.new(place, function() return 0 end) end
  end,
  ["that carries bytes, shared by all"] = function()
    local store = table_store.new({}, function() return 0 end)
    return function() return store end
  end,
}

for name, new_place in pairs(places) do
  describe("the throttle, in a store " .. name, function()
    it("is run into once, by whoever meets it first", function()
      for _, count in ipairs { 1, 3 } do
        local seconds, refused = run(600, 1900, count, new_place())
        assert.equal(1, refused)
        assert.is_true(seconds >= 180 and seconds < 190, seconds)
      end
    end)

    it("may be any other", function()
      local seconds, refused = run(45, 240, 2, new_place())
      assert.equal(1, refused)
      assert.is_true(seconds >= 300 and seconds < 315, seconds)
    end)
  end)
end

it("a client with windows of its own keeps to them", function()
  local clock = virtual.clock()
  local box = sandbox.new { clock = clock, throttle = 20 }
  local id = box:add_address().id
  local locker = clients.locker(box:transport(), { clock = clock, rate = { { 1000, 1 } } })
  for _ = 1, 61 do assert(locker.addresses:get(id)) end
  assert.equal(3, box:count { status = 429 })
end)

it("no slot beyond the deadline is waited for", function()
  local clock = virtual.clock()
  local box = sandbox.new { clock = clock, throttle = 20 }
  local id = box:add_address().id
  local locker = clients.locker(box:transport(), { clock = clock })
  for _ = 1, 30 do assert(locker.addresses:get(id)) end
  for _ = 1, 10 do assert(locker.addresses:get(id)) end
  local address, err = locker.addresses:get(id, { timeout = 30 })
  assert.is_nil(address)
  assert.same({ "would_wait", "not_sent", 60 }, { err.kind, err.outcome, err.retry_after })
  err = select(2, locker.addresses:get(id, { pacing = "fail" }))
  assert.equal("would_wait", err.kind)
  assert.equal(1, box:count { status = 429 })
end)
