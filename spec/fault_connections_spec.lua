--- Kept connections over real sockets. libcurl repeats a request by itself when a kept connection dies before an
--- answer: a read may profit from that, everything else must not be sent behind the caller's back.

local clients = require "spec.support.clients"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"
local stack = require "spec.support.stack"

if not stack.available() then
  describe("a kept connection", function()
    pending("needs nginx with its Lua module")
  end)
  return
end

describe("a kept connection", function()
  local s

  lazy_setup(function() s = stack.start { plan = "free" } end)
  lazy_teardown(function() s:stop() end)
  before_each(function() s:reset() end)

  -- The connection is made by a read, which ends with the fault.
  local function connected(fault, options)
    local locker = s:locker(options)
    s.proxy:script { fault }
    assert(locker.addresses:list())
    return locker
  end

  local function alias()
    return s.box:call("add_address", sandbox.null, { enabled = true }).id
  end

  local operations = {
    { "a read", "GET", function(locker, id) return locker.addresses:get(id) end },
    { "a creation", "POST", function(locker)
      return locker:request { method = "POST", path = "addresses", body = {} }
    end },
    { "a change", "PUT", function(locker, id)
      return locker:request { method = "PUT", path = "addresses/" .. id, body = { address = "unchanged" } }
    end },
    { "a toggle", "PUT", function(locker, id)
      return locker:request { method = "PUT", path = "addresses/" .. id .. "/enabled" }
    end },
    { "a deletion", "DELETE", function(locker, id) return locker.addresses:delete(id) end },
  }

  it("is used for call after call", function()
    local id = alias()
    local before = s.proxy:state().accepted
    local locker = s:locker()
    for _ = 1, 20 do assert(locker.addresses:get(id)) end
    assert(locker.addresses:set_enabled(id, false))
    assert(locker.addresses:delete(id))
    assert.equal(1, s.proxy:state().accepted - before)
  end)

  for _, close in ipairs {
    { "closed", { "idle_close" } },
    { "reset", { "idle_close", how = "rst", ms = 5 } },
    { "closed later", "pass", "fin" },
    { "reset later", "pass", "rst" },
  } do
    for _, operation in ipairs(operations) do
      it(close[1] .. " while idle costs " .. operation[1] .. " nothing", function()
        local id = alias()
        local locker = connected(close[2])
        if close[3] then
          assert.equal(1, s.proxy:close_idle(close[3]))
        else
          assert.is_true(shell.eventually(function() return s.proxy:state().open == 0 end))
        end
        local _, response = operation[3](locker, id)
        assert.equal(1, #response.attempts)
        -- The free plan's second alias and the wrong address are refused, but they arrived.
        assert.truthy(response.attempts[1].status, tostring(response))
        assert.is_nil(response.attempts[1].resent)
        local first = close[3] and "GET pass, " or "GET idle_close, "
        assert.equal(first .. operation[2] .. " pass", s:story())
      end)
    end
  end

  for _, how in ipairs { "fin", "rst" } do
    for _, operation in ipairs(operations) do
      local reads = operation[2] == "GET"
      it("lost under " .. operation[1] .. (reads and " costs it no attempt: " or " is not papered over: ") .. how,
        function()
          local id = alias()
          local locker = connected({ "idle_close_on_next", how = how }, { max_retries = 0 })
          local value, result = operation[3](locker, id)
          local story = "GET idle_close_on_next, " .. operation[2] .. " closed_on_next"
          if reads then
            assert.truthy(value, tostring(result))
            assert.equal(1, #result.attempts)
            assert.equal("1", tostring(result.attempts[1].resent))
            assert.equal(story .. ", GET pass", s:story())
          else
            assert.is_nil(value)
            assert.same({ "network", "unknown", 1 }, { result.kind, result.outcome, #result.attempts })
            assert.is_nil(result.attempts[1].resent)
            assert.equal(story, s:story())
            assert.equal(1, #s.box:call "addresses")
            assert.is_true(s.box:call("address", id).enabled)
          end
        end)
    end

    it("lost under a link is told, or recovered by its slug: " .. how, function()
      local lockpub = s:lockpub()
      local function lose(with)
        s.proxy:script { { "idle_close_on_next", how = how } }
        assert(lockpub.links:create(clients.link_fields()))
        return lockpub.links:create(clients.link_fields(with))
      end
      local link, result = lose()
      assert.is_nil(link)
      assert.same({ "network", "unknown", 1 }, { result.kind, result.outcome, #result.attempts })
      assert.equal(1, #s.box:call "links")
      link, result = lose { custom_slug = "second" }
      assert.equal("second", link.slug)
      assert.same({ 2, false }, { #result.attempts, result.recovered })
      assert.equal(3, #s.box:call "links")
    end)

    it("lost under a deletion is one attempt of two: " .. how, function()
      local id = alias()
      local done, response = connected({ "idle_close_on_next", how = how }).addresses:delete(id)
      assert.is_true(done)
      assert.same({ 2, false }, { #response.attempts, response.recovered })
      assert.equal("DELETE closed_on_next, DELETE pass", s:story "DELETE")
    end)

    it("lost under a toggle is followed by a look, not by a toggle: " .. how, function()
      local id = alias()
      s.proxy:script { { "pass", when = { method = "GET" } },
        { "idle_close_on_next", how = how, when = { method = "GET" } } }
      local address, err = s:locker().addresses:set_enabled(id, false)
      assert.is_nil(address)
      assert.same({ "network", "unknown" }, { err.kind, err.outcome })
      assert.is_true(s.box:call("address", id).enabled)
      assert.equal("GET pass, PUT pass, GET idle_close_on_next, PUT closed_on_next, GET pass", s:story())
    end)
  end

  it("outlives a service that was gone for a while", function()
    local id = alias()
    local locker = connected "pass"
    s.proxy:listen(false)
    local address, err = locker.addresses:get(id, { max_retries = 0 })
    assert.is_nil(address)
    assert.same({ "connect", "not_sent" }, { err.kind, err.outcome })
    s.proxy:listen(true)
    local _, response = assert(locker.addresses:get(id))
    assert.equal(1, #response.attempts)
  end)
end)
