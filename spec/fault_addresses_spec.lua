--- Locker aliases over real sockets, through a proxy that loses, breaks and delays answers.

local sandbox = require "locksmith.sandbox"
local stack = require "spec.support.stack"

if not stack.available() then
  describe("aliases over a faulty network", function()
    pending("needs nginx with its Lua module")
  end)
  return
end

local BUSY = { "status", status = 429, headers = { ["Retry-After"] = "0.02" } }

describe("aliases over a faulty network", function()
  local s
  -- The fault for the next request of a kind.
  local function at(case, method, path)
    local fault = {}
    for name, value in pairs(type(case) == "table" and case or { case }) do fault[name] = value end
    fault.when = { method = method, path = path }
    return fault
  end

  local function alias(fields)
    return s.box:call("add_address", sandbox.null, fields or {}).id
  end

  local function stored(id)
    return s.box:call("address", id)
  end

  lazy_setup(function() s = stack.start() end)
  lazy_teardown(function() s:stop() end)

  describe("on a paid plan", function()
    before_each(function() s:reset() end)

    for _, case in ipairs(stack.LOST) do
      if not case.body then
        it("are deleted, or said to be so at most: " .. case[1], function()
          local id = alias()
          s.proxy:script { case[2] }
          local done, result = s:locker(stack.options_for(case)).addresses:delete(id)
          if case.transient then
            assert.is_true(done, tostring(result))
            assert.is_true(result.recovered)
            assert.same({ 2, 404 }, { #result.attempts, result.attempts[2].status })
          else
            assert.is_nil(done)
            assert.same({ case[3], "unknown", 1 }, { result.kind, result.outcome, #result.attempts })
          end
          assert.equal(case.transient and 2 or 1, #s:log "DELETE")
          assert.is_nil(stored(id))
        end)
      end
    end

    it("are deleted by the repeat when the first attempt never arrived", function()
      local id = alias()
      s.proxy:script { "drop_before" }
      local done, response = s:locker().addresses:delete(id)
      assert.is_true(done)
      assert.is_false(response.recovered)
      assert.is_nil(stored(id))
    end)

    it("that do not exist stay not_found, also after a refused attempt", function()
      for _, script in ipairs { {}, { BUSY }, { BUSY, BUSY } } do
        s.proxy:script(script)
        local done, err = s:locker().addresses:delete(4711)
        assert.is_nil(done)
        assert.same({ "not_found", "rejected", #script + 1 }, { err.kind, err.outcome, #err.attempts })
      end
    end)

    for _, case in ipairs(stack.LOST) do
      if case.typical and case.transient then
        it("are changed whatever is lost on the way: " .. case[1], function()
          local id = alias { enabled = true }
          s.proxy:script { at(case[2], "GET"), at(case[2], "PUT") }
          local changed, err = s:locker(stack.options_for(case)).addresses:update(id, { description = "shop" })
          assert.truthy(changed, tostring(err))
          assert.equal("shop", changed.description)
          assert.equal("shop", stored(id).description)
          assert.equal(2, #s:log "PUT")
        end)

        it("are brought to the wanted state by repeating what sets it: " .. case[1], function()
          local id = alias { block_spam = false }
          s.proxy:script { at(case[2], "PUT") }
          assert.is_true(assert(s:locker(stack.options_for(case)).addresses:set_block_spam(id, true)).block_spam)
          assert.is_true(stored(id).block_spam)
          assert.equal(0, #s:log("PUT", "/block_spam"))
        end)
      elseif not case.transient then
        it("are of unknown state when the answer to the change cannot be used: " .. case[1], function()
          local id = alias()
          s.proxy:script { at(case[2], "PUT") }
          local changed, err = s:locker(stack.options_for(case)).addresses:update(id, { description = "shop" })
          assert.is_nil(changed)
          assert.same({ case[3], "unknown" }, { err.kind, err.outcome })
          assert.equal("shop", stored(id).description)
          assert.equal(1, #s:log "PUT")
        end)
      end

      if case.typical then
        it("are never made twice: " .. case[1], function()
          s.proxy:script { case[2] }
          local made, err = s:locker(stack.options_for(case)).addresses:create { description = "shop" }
          assert.is_nil(made)
          assert.same({ case[3], "unknown", 1 }, { err.kind, err.outcome, #err.attempts })
          assert.equal(1, #s:log())
          assert.equal(1, #s.box:call "addresses")
        end)
      end
    end

    it("that were made carry their alias when the description could not be set", function()
      s.proxy:script { at({ "status", status = 500, times = 3 }, "PUT") }
      local made, err = s:locker().addresses:create { description = "shop" }
      assert.is_nil(made)
      assert.same({ "server_error", "applied" }, { err.kind, err.outcome })
      local list = s.box:call "addresses"
      assert.equal(1, #list)
      assert.equal(list[1].full_address, err.value.full_address)
      assert.equal("", list[1].description)
    end)

    it("are written to once when they were in the wanted state at the second look", function()
      local id = alias { enabled = true }
      s.proxy:script { at("drop_before", "PUT") }
      assert.is_false(assert(s:locker().addresses:set_enabled(id, false)).enabled)
      assert.equal("GET pass, PUT drop_before, PUT pass, GET pass", s:story())
      assert.is_false(assert(s:locker().addresses:set_enabled(id, false)).enabled)
      assert.equal(2, #s:log "PUT")
    end)
  end)

  describe("on a free plan, where only the toggle works", function()
    before_each(function() s:reset { plan = "free" } end)

    for _, case in ipairs(stack.LOST) do
      if case.typical or not case.transient then
        it("are toggled exactly once: " .. case[1], function()
          local id = alias { enabled = true }
          s.proxy:script { at(case[2], "PUT", "/enabled") }
          local address, err = s:locker(stack.options_for(case)).addresses:set_enabled(id, false)
          assert.truthy(address, tostring(err))
          assert.is_false(address.enabled)
          assert.is_false(stored(id).enabled)
          assert.equal(1, #s:log("PUT", "/enabled"))
        end)
      end
    end

    it("are toggled when the first toggle was refused", function()
      local id = alias { enabled = false }
      s.proxy:script { at(BUSY, "PUT", "/enabled") }
      local address, err = s:locker().addresses:set_enabled(id, true)
      assert.truthy(address, tostring(err))
      assert.is_true(stored(id).enabled)
      assert.equal(2, #s:log("PUT", "/enabled"))
    end)

    for _, case in ipairs {
      { "never arrived", "drop_before", "network" },
      { "met a 500", { "status", status = 500 }, "server_error" },
      { "met a 503 without Retry-After", { "status", status = 503 }, "server_error" },
      { "met silence", { "stall", forward = false }, "timeout", stalls = true },
    } do
      it("are not toggled again when the toggle does not show, as it may yet take effect: it " .. case[1], function()
        local id = alias { enabled = false }
        s.proxy:script { at(case[2], "PUT", "/enabled") }
        local address, err = s:locker(stack.options_for(case)).addresses:set_enabled(id, true)
        assert.is_nil(address)
        assert.same({ case[3], "unknown" }, { err.kind, err.outcome })
        assert.truthy(err.message:find("may yet take effect", 1, true))
        assert.is_false(err.value.enabled)
        assert.equal(1, #s:log("PUT", "/enabled"))
      end)
    end

    it("are looked at once more after a lost toggle, also when the look is lost at first", function()
      local id = alias { enabled = true }
      s.proxy:script { at({ "drop_after", times = 2 }, "PUT", "/enabled"), at("drop_before", "GET") }
      assert.is_false(assert(s:locker().addresses:set_enabled(id, false)).enabled)
      assert.equal(1, #s:log("PUT", "/enabled"))
      assert.is_false(stored(id).enabled)
    end)

    it("that somebody else keeps flipping end in not_applied after a bounded effort", function()
      local id = alias { enabled = true }
      local locker = s:locker { on_event = function(event)
        if event.type == "request" and event.method == "GET" then s.box:call("set_address", id, { enabled = true }) end
      end }
      local address, err = locker.addresses:set_enabled(id, false)
      assert.is_nil(address)
      assert.same({ "not_applied", "unknown" }, { err.kind, err.outcome })
      assert.is_true(err.value.enabled)
      local toggles = #s:log("PUT", "/enabled")
      assert.is_true(toggles >= 1 and toggles <= 5)
    end)

    it("say that they may be flipped when the look after a lost toggle is lost as well", function()
      local id = alias { enabled = true }
      local locker = s:locker { max_retries = 0 }
      s.proxy:script { at("pass", "GET"), at("pass", "GET"), at("drop_after", "PUT", "/enabled"),
        at({ "status", status = 429, headers = { ["Retry-After"] = "60" } }, "GET") }
      local address, err = locker.addresses:set_enabled(id, false)
      assert.is_nil(address)
      assert.same({ "rate_limited", "unknown" }, { err.kind, err.outcome })
      assert.is_false(stored(id).enabled)
    end)

    it("have a spam flag that cannot be set, which costs no toggle", function()
      local id = alias()
      s.proxy:script { at("drop_after", "PUT") }
      local address, err = s:locker().addresses:set_block_spam(id, true)
      assert.is_nil(address)
      assert.same({ "plan_required", "rejected" }, { err.kind, err.outcome })
      assert.is_false(stored(id).block_spam)
    end)
  end)
end)
