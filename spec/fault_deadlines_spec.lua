--- Deadlines over real sockets: one limit covers every attempt, every wait and every step.

local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local stack = require "spec.support.stack"

if not stack.available() then
  describe("a deadline over a slow network", function()
    pending("needs nginx with its Lua module")
  end)
  return
end

-- How late a busy machine may wake a process up; the exact limits are proved in virtual time.
local SLACK = 1.5

describe("a deadline over a slow network", function()
  local s

  lazy_setup(function() s = stack.start() end)
  lazy_teardown(function() s:stop() end)
  before_each(function() s:reset() end)

  -- Runs a call and checks that it took at least `shortest` and not much more than `longest` seconds.
  local function timed(shortest, longest, call)
    local began = core.now()
    local value, result = call()
    local took = core.now() - began
    assert.is_true(took >= shortest - 0.001, ("took only %.3f s"):format(took))
    assert.is_true(took < longest + SLACK, ("took %.3f s"):format(took))
    return value, result
  end

  local function alias()
    return s.box:call("add_address", sandbox.null, { enabled = true }).id
  end

  it("ends a read that is met with silence again and again", function()
    s.proxy:script { { "stall", times = 9 } }
    local locker = s:locker { attempt_timeout = 0.1, timeout = 0.25, max_retries = 9 }
    local page, err = timed(0.25, 0.25, function() return locker.addresses:list() end)
    assert.is_nil(page)
    assert.equal("timeout", err.kind)
    assert.is_true(#err.attempts >= 2)
  end)

  it("ends a write that is met with silence, and leaves its outcome open", function()
    for _, forward in ipairs { true, false } do
      s.proxy:script { { "stall", forward = forward } }
      local lockpub = s:lockpub { timeout = 0.1 }
      local link, err = timed(0.1, 0.1, function() return lockpub.links:create(clients.link_fields()) end)
      assert.is_nil(link)
      assert.same({ "timeout", "unknown", 1 }, { err.kind, err.outcome, #err.attempts })
    end
    assert.equal(1, #s.box:call "links")
  end)

  it("ends an answer that trickles in for ever, and bears one that only takes its time", function()
    local id = alias()
    local locker = s:locker { timeout = 0.15 }
    s.proxy:script { { "trickle", ms = 20, times = 9 } }
    local address, err = timed(0.15, 0.15, function() return locker.addresses:get(id) end)
    assert.is_nil(address)
    assert.equal("timeout", err.kind)
    s.proxy:script { { "trickle", bytes = 100, ms = 5 }, { "delay", ms = 50 }, { "delay", ms = 50, before = true } }
    locker = s:locker()
    for _ = 1, 3 do assert(timed(0.01, 1, function() return locker.addresses:get(id) end)) end
  end)

  it("sends nothing when there is no time", function()
    local page, err = s:locker({ timeout = 0 }).addresses:list()
    assert.is_nil(page)
    assert.same({ "timeout", "not_sent", 0 }, { err.kind, err.outcome, #err.attempts })
    assert.equal(0, #s:log())
  end)

  it("holds over all pages together", function()
    s:reset { accounts = { { name = "filled", token = sandbox.LOCKER_KEY, addresses = {
      { id = 1 }, { id = 2 }, { id = 3 }, { id = 4 }, { id = 5 }, { id = 6 } } } } }
    s.proxy:script { { "delay", ms = 80, times = 9 } }
    local locker = s:locker()
    local items, err = timed(0.2, 0.2, function() return locker.addresses:all({ size = 1 }, { timeout = 0.2 }) end)
    assert.is_nil(items)
    assert.equal("timeout", err.kind)
    assert.is_true(#s:log() <= 3)
  end)

  it("holds over all steps of a composed call together", function()
    local id = alias()
    s.proxy:script { { "delay", ms = 80, times = 9 } }
    local locker = s:locker { timeout = 0.2 }
    local address, err = timed(0.2, 0.2, function() return locker.addresses:set_enabled(id, false) end)
    assert.is_nil(address)
    assert.same({ "timeout", "unknown", "locker.addresses.set_enabled" }, { err.kind, err.outcome, err.operation })
    assert.is_false(s.box:call("address", id).enabled)
  end)

  it("bears the wait a service asks for", function()
    local busy = { "status", status = 429, headers = { ["Retry-After"] = "0.2" } }
    s.proxy:script { busy }
    local lockpub = s:lockpub()
    local link, response = timed(0.2, 0.2, function() return lockpub.links:create(clients.link_fields()) end)
    assert.truthy(link)
    assert.is_true(response.attempts[2].wait >= 0.199)
  end)

  it("bears it for every client of the store that met the refusal", function()
    local store = locksmith.memory()
    s.proxy:script { { "status", status = 429, headers = { ["Retry-After"] = "0.2" } } }
    local busy, other = s:locker { store = store, max_retries = 0 }, s:locker { store = store }
    assert(timed(0.2, 0.2, function()
      local _, err = busy.addresses:list()
      assert.equal("rate_limited", err.kind)
      return other.addresses:list()
    end))
    assert.equal(2, #s:log())
  end)

  it("is not sat out when the wait lies beyond it", function()
    for _, number in ipairs { 429, 503 } do
      s.proxy:script { { "status", status = number, headers = { ["Retry-After"] = "30" } } }
      local locker = s:locker()
      local page, err = timed(0, 0, function() return locker.addresses:list() end)
      assert.is_nil(page)
      assert.same({ 30, 1 }, { err.retry_after, #err.attempts })
    end
  end)
end)
