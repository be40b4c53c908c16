--- Callers that wait for their slot and are ended without a word, as nginx ends those whose visitor has left.

local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local shared_dict = require "spec.support.shared_dict"
local table_stores = require "spec.support.table_store"

local STORES = {
  ["in the process"] = function() return locksmith.memory() end,
  ["that carries bytes"] = function(now) return table_stores.new({}, now) end,
  ["in a shared dict"] = function(now)
    _G.ngx = { shared = { pacing = shared_dict.new { clock = now } } }
    return locksmith.shdict "pacing"
  end,
}

--- Callers as coroutines, each resumed when it has slept enough.
local function scene(make_store)
  local self = { now = 1700000000, asleep = {}, sent = {}, looks = 0, waits = {} }
  local function now() return self.now end
  self.lockpub = clients.lockpub(function()
    self.sent[#self.sent + 1] = self.now
    return clients.CREATED
  end, {
    store = make_store(now), clock = { now = now, sleep = coroutine.yield }, pacing_margin = 0, timeout = 300,
    on_event = function(event) if event.type == "wait" then self.waits[#self.waits + 1] = event.wait end end,
  })

  local function resume(one)
    local ok, span = coroutine.resume(one.thread)
    assert(ok, span)
    if coroutine.status(one.thread) == "dead" then return end
    one.due, self.looks = self.now + span, self.looks + 1
    self.asleep[#self.asleep + 1] = one
  end

  function self.come(done)
    resume { thread = coroutine.create(function()
      assert(self.lockpub.links:create(clients.link_fields()))
      if done then done(self.now) end
    end) }
  end

  --- All who wait are ended.
  function self.leave() self.asleep = {} end

  function self.run(ends)
    while true do
      local first
      for i, one in ipairs(self.asleep) do
        if not first or one.due < self.asleep[first].due then first = i end
      end
      if not first or self.asleep[first].due > ends then break end
      local one = table.remove(self.asleep, first)
      self.now = math.max(self.now, one.due)
      resume(one)
    end
    self.now = ends
  end
  return self
end

for where, make_store in pairs(STORES) do
  describe("a store " .. where, function()
    local real
    setup(function() real = rawget(_G, "ngx") end)
    teardown(function() _G.ngx = real end)

    it("holds up nobody for long with slots of callers that were ended while they waited", function()
      local here = scene(make_store)
      local began, done = here.now, {}
      for _ = 1, 100 do here.come() end
      assert.equal(20, #here.sent)
      here.leave()
      for i = 1, 10 do here.come(function(at) done[i] = at - began end) end
      here.run(began + 100)
      assert.equal(30, #here.sent)
      for i = 1, 10 do assert.is_true(done[i] > 10 and done[i] < 20, done[i]) end
    end)

    it("lets all who stay go in their order, each in its slot", function()
      local here = scene(make_store)
      local began, order = here.now, {}
      for i = 1, 70 do here.come(function(at) order[#order + 1] = { i, at - began } end) end
      here.run(began + 100)
      assert.equal(70, #order)
      for i, one in ipairs(order) do
        assert.same({ i, (i <= 20 and 0) or (i <= 40 and 10) or (i <= 60 and 20) or 60 }, one)
      end
    end)

    it("has all who wait told once how long, in however many parts", function()
      local here = scene(make_store)
      for _ = 1, 50 do here.come() end
      here.run(here.now + 100)
      assert.is_true(here.looks > 100)
      assert.equal(30, #here.waits)
      for i, span in ipairs(here.waits) do assert.equal(i <= 20 and 10 or 20, span) end
    end)

    it("has nobody look who waits alone", function()
      local here = scene(make_store)
      for _ = 1, 20 do here.come() end
      assert.equal(0, here.looks)
      here.come()
      here.run(here.now + 30)
      assert.equal(1, here.looks)
    end)
  end)
end
