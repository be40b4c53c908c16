--- Calls in coroutines of event loops: the real ones, for the interpreters they are here for, and one of the caller's.

local core = require "locksmith.core"
local locksmith = require "locksmith"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"

local CALLS = 20

--- How each loop runs functions side by side, and how one of them lets the others for a while.
local loops = {}

function loops.cqueues()
  local cqueues = require "cqueues"
  local queue = cqueues.new()
  return {
    which = "cqueues",
    add = function(action) queue:wrap(action) end,
    run = function() assert(queue:loop()) end,
    nap = cqueues.sleep,
  }
end

function loops.luv()
  local uv = require "luv"
  return {
    which = "luv",
    add = function(action) assert(coroutine.resume(coroutine.create(action))) end,
    run = uv.run,
    nap = function(seconds)
      local thread, timer = coroutine.running(), uv.new_timer()
      timer:start(seconds * 1000, 0, function()
        timer:close()
        assert(coroutine.resume(thread))
      end)
      coroutine.yield()
    end,
  }
end

function loops.copas()
  local copas = require "copas"
  local running = 0
  return {
    which = "copas",
    add = function(action)
      running = running + 1
      copas.addthread(function()
        action()
        running = running - 1
      end)
    end,
    run = function()
      while running > 0 do copas.step(0.1) end
    end,
    nap = function(seconds) require("locksmith.scheduler").sleep(seconds) end,
  }
end

loops["of the caller's"] = function()
  local ready = {}
  local function take_turn()
    ready[#ready + 1] = coroutine.running()
    coroutine.yield()
  end
  return {
    which = {
      poll = function(fds, seconds)
        for _, descriptor in ipairs(fds) do
          assert(descriptor.fd >= 0 and (descriptor.read or descriptor.write))
        end
        assert(seconds >= 0)
        take_turn()
      end,
      now = core.now,
    },
    add = function(action) ready[#ready + 1] = coroutine.create(action) end,
    run = function()
      while #ready > 0 do
        local threads = ready
        ready = {}
        for _, thread in ipairs(threads) do assert(coroutine.resume(thread)) end
        core.sleep(0.001)
      end
    end,
    nap = take_turn,
  }
end

for name, make in pairs(loops) do
  local module = name:match "^%a+$"
  local here = not module or pcall(require, module)
  local reason = not here and module .. " is not here for this interpreter"
    or not server.available() and "needs nginx with its Lua module" or nil
  local what = "calls in coroutines of a loop " .. name
  if missing.declare(what, reason) then
    describe(what, function()
      local box

      lazy_setup(function() box = server.sandbox { delay = 0.2, rate = false, throttle = false } end)
      lazy_teardown(function() box:stop() end)
      after_each(function() locksmith.loop(nil) end)

      local function client(options)
        local story = {}
        local given = { api_key = sandbox.LOCKPUB_KEY, base_url = box.url, rate = false, store = locksmith.memory(),
          on_event = function(event)
            if event.type == "request" then story[#story + 1] = "+" end
            if event.type == "response" and event.attempt then story[#story + 1] = "-" end
          end }
        for option, value in pairs(options or {}) do given[option] = value end
        return assert(locksmith.lockpub(given)), story
      end

      local function create(lockpub, i)
        return lockpub.links:create { type = "url", target_url = "https://example.com/" .. i, memo = "n " .. i,
          password = "share-separately" }
      end

      it("run side by side, and the loop goes on meanwhile", function()
        local loop = make()
        locksmith.loop(loop.which)
        local lockpub, story = client()
        local made, ticks = 0, 0
        for i = 1, CALLS do
          loop.add(function()
            assert(create(lockpub, i))
            made = made + 1
          end)
        end
        loop.add(function()
          while made == 0 do
            loop.nap(0.01)
            ticks = ticks + 1
          end
        end)
        loop.run()
        assert.equal(CALLS, made)
        assert.equal(("+"):rep(CALLS), table.concat(story, "", 1, CALLS))
        assert.is_true(ticks > 2)
      end)

      it("wait for their slots, and keep their deadlines, in the loop", function()
        local loop = make()
        locksmith.loop(loop.which)
        local lockpub = client { rate = { { 1, 0.3 } }, pacing_margin = 0, timeout = 10 }
        local hasty = client { timeout = 0.05, max_retries = 0 }
        local made, late = 0, nil
        for i = 1, 2 do
          loop.add(function()
            assert(create(lockpub, i))
            made = made + 1
          end)
        end
        loop.add(function() late = select(2, create(hasty, 3)) end)
        loop.run()
        assert.equal(2, made)
        assert.equal("timeout", late.kind)
      end)

      it("may run work side by side of their own", function()
        local loop = make()
        locksmith.loop(loop.which)
        local lockpub, story = client()
        local made = 0
        for _ = 1, 2 do
          loop.add(function()
            local next_result = locksmith.parallel({ 1, 2, 3 }, function(i) return create(lockpub, i) end)
            local item, link, err = next_result()
            while item do
              assert(link, tostring(err))
              made = made + 1
              item, link, err = next_result()
            end
          end)
        end
        loop.run()
        assert.equal(6, made)
        assert.equal("++++++", table.concat(story, "", 1, 6))
      end)

      it("block outside of its coroutines", function()
        local loop = make()
        locksmith.loop(loop.which)
        assert.truthy(create(client(), 1))
      end)
    end)
  end
end

describe("locksmith.loop", function()
  it("refuses what is no loop, at the caller's line", function()
    for _, which in ipairs { "uloop", 7, {}, { poll = 1 } } do
      local ok, message = pcall(function() locksmith.loop(which) end)
      assert.is_false(ok)
      assert.truthy(message:find("^[^:]*loop_spec.lua:%d+: "), message)
    end
  end)
  it("says at the caller's line why a loop cannot be used", function()
    local loaded, preload = package.loaded.luv, package.preload.luv
    package.loaded.luv, package.preload.luv = nil, function() error("it is too old", 0) end
    local ok, message = pcall(function() locksmith.loop "luv" end)
    package.loaded.luv, package.preload.luv = loaded, preload
    assert.is_false(ok)
    assert.truthy(message:find("^[^:]*loop_spec.lua:%d+: locksmith.loop: luv cannot be used: "), message)
  end)
end)
