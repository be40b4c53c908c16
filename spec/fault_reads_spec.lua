--- Reads over real sockets: repeated after whatever passes, complete in spite of it, and never led astray.

local origin = require "spec.support.origin"
local sandbox = require "locksmith.sandbox"
local stack = require "spec.support.stack"

if not stack.available() then
  describe("reads over a faulty network", function()
    pending("needs nginx with its Lua module")
  end)
  return
end

local function status(number, headers)
  return { "status", status = number, headers = headers }
end

describe("reads over a faulty network", function()
  local s

  lazy_setup(function() s = stack.start() end)
  lazy_teardown(function() s:stop() end)
  before_each(function() s:reset() end)

  local function aliases(count)
    local ids = {}
    for i = 1, count do ids[i] = { id = i } end
    s.box:reset { rate = false, throttle = false, accounts = { { name = "filled", addresses = ids,
      token = sandbox.LOCKER_KEY } } }
  end

  local function ids_of(iterator)
    local ids = {}
    for item in iterator do ids[#ids + 1] = ("%d"):format(item.id) end
    return table.concat(ids, " ")
  end

  local function range(count)
    local ids = {}
    for i = 1, count do ids[i] = tostring(i) end
    return table.concat(ids, " ")
  end

  describe("get", function()
    local cases = {
      { "a close", "drop_before" }, { "a reset", { "drop_before", how = "rst" } }, { "a reset at accept", "refuse" },
      { "a 408", status(408) }, { "a 429", status(429, { ["Retry-After"] = "0.02" }) }, { "a 500", status(500) },
      { "a 502", status(502) }, { "a 503", status(503) }, { "a 504", status(504) },
    }
    for _, case in ipairs(stack.LOST) do
      if case.transient and not case.stalls then cases[#cases + 1] = case end
    end
    for _, case in ipairs(cases) do
      it("comes through after " .. case[1], function()
        local id = s.box:call("add_address", sandbox.null, {}).id
        s.proxy:script { case[2], case[2] }
        local address, response = s:locker().addresses:get(id)
        assert.truthy(address, tostring(response))
        assert.equal(3, #response.attempts)
        assert.equal(3, #s:log())
      end)
    end

    it("comes through after silence, within its deadline", function()
      local id = s.box:call("add_address", sandbox.null, {}).id
      s.proxy:script { "stall", { "stall_body", at = 3 } }
      local address, response = s:locker({ attempt_timeout = 0.15 }).addresses:get(id)
      assert.truthy(address, tostring(response))
      assert.same({ "timeout", "timeout" }, { response.attempts[1].kind, response.attempts[2].kind })
      assert.is_true(response.attempts[1].elapsed >= 0.149)
    end)

    for _, case in ipairs(stack.LOST) do
      if not case.transient and case[3] ~= "server_error" then
        it("is not repeated where the service would answer the same: " .. case[1], function()
          local id = s.box:call("add_address", sandbox.null, {}).id
          s.proxy:script { case[2] }
          local locker = s:locker(stack.options_for(case))
          local address, err = locker.addresses:get(id)
          assert.is_nil(address)
          assert.same({ case[3], 1 }, { err.kind, #err.attempts })
          -- What was left over on the connection is nobody's answer.
          assert.equal(id, assert(locker.addresses:get(id)).id)
        end)
      end
    end

    it("gives up after its retries and tells each", function()
      s.proxy:script { "drop_before", status(502), "garbage" }
      local address, err = s:locker().addresses:get(1)
      assert.is_nil(address)
      assert.equal("bad_response", err.kind)
      assert.same({ "network", "server_error", "bad_response" },
        { err.attempts[1].kind, err.attempts[2].kind, err.attempts[3].kind })
      assert.equal(502, err.attempts[2].status)
    end)
  end)

  describe("each, pages and all", function()
    local noise = { "drop_after", { "cut_body", fraction = 0.7 }, status(503), "pass", { "cut_headers", at = 40 },
      status(429, { ["Retry-After"] = "0.02" }), "pass", { "wrong_length", by = 5 }, "idle_close", "idle_close_on_next",
      { "status_after", status = 502 }, "pass", "refuse", { "drop_before", how = "rst" } }

    for name, q in pairs { ["at once"] = {}, ["in pages"] = { size = 10 } } do
      it("read everything once " .. name, function()
        aliases(45)
        s.proxy:script(noise)
        assert.equal(range(45), ids_of(s:locker({ max_retries = 9 }).addresses:each(q)))
        s.proxy:script(noise)
        assert.equal(45, #assert(s:locker({ max_retries = 9 }).addresses:all(q)))
      end)

      it("visit everything while the loop deletes what it visits " .. name, function()
        aliases(25)
        s.proxy:script(noise)
        local locker, visited = s:locker { max_retries = 9 }, 0
        for address in locker.addresses:each(q) do
          assert(locker.addresses:delete(address.id))
          visited = visited + 1
        end
        assert.equal(25, visited)
        assert.equal(0, #s.box:call("addresses", "filled"))
      end)
    end

    it("raise the error in the loop and go on from what it carries", function()
      aliases(35)
      local locker = s:locker { max_retries = 0 }
      s.proxy:script { "pass", "pass", { "cut_body", at = 100 } }
      local seen = {}
      local ok, err = pcall(function()
        for address in locker.addresses:each { size = 10 } do seen[#seen + 1] = ("%d"):format(address.id) end
      end)
      assert.is_false(ok)
      assert.equal("network", err.kind)
      assert.equal(20, #seen)
      seen[#seen + 1] = ids_of(locker.addresses:each(err.resume))
      assert.equal(range(35), table.concat(seen, " "))
    end)
  end)

  describe("the key", function()
    local elsewhere
    lazy_setup(function() elsewhere = origin.start() end)
    lazy_teardown(function() elsewhere:stop() end)

    it("never follows the service's links to other pages", function()
      local page = { count = 2, next = elsewhere.url .. "/addresses?page=2", results = { { id = 1 } } }
      s.proxy:script { { "status", status = 200, json = page },
        { "status", status = 200, json = { count = 2, previous = elsewhere.url, results = { { id = 2 } } } },
        { "status", status = 200, json = { { id = 1 }, { id = 2 } } } }
      assert.equal("1 2", ids_of(s:locker().addresses:each { size = 1 }))
      assert.equal(0, elsewhere:count())
    end)

    for _, number in ipairs { 301, 302, 303, 307, 308 } do
      it("never follows a redirect: " .. number, function()
        s.proxy:script { status(number, { Location = elsewhere.url .. "/elsewhere" }) }
        local page, err = s:locker().addresses:list()
        assert.is_nil(page)
        assert.same({ "bad_response", number, 1 }, { err.kind, err.status, #err.attempts })
        s.proxy:script { status(number, { Location = elsewhere.url .. "/elsewhere" }) }
        local made
        made, err = s:locker().addresses:create()
        assert.is_nil(made)
        assert.equal((number == 302 or number == 303) and "unknown" or "rejected", err.outcome)
        assert.equal(2, #s:log())
        assert.equal(0, elsewhere:count())
      end)
    end
  end)

  describe("huge answers", function()
    for _, how in ipairs { "chunked", "length", "close", "headers" } do
      it("end at the limit: " .. how, function()
        s.proxy:script { { "huge", how = how, forward = false } }
        local page, err = s:locker({ max_response_bytes = 1000000 }).addresses:list()
        assert.is_nil(page)
        assert.same({ "too_large", 1 }, { err.kind, #err.attempts })
      end)
    end
  end)

  describe("a burst of failures", function()
    for _, number in ipairs { 429, 500, 503 } do
      it("of " .. number .. " is not met with a multiple of the load", function()
        s.proxy:script { { "status", status = number, times = 1000 } }
        local locker = s:locker { max_retries = 10, pacing = "off" }
        for _ = 1, 150 do locker.addresses:get(1) end
        local sent = #s:log()
        assert.is_true(sent > 200 and sent < 300, sent .. " requests for 150 calls")
      end)
    end
  end)
end)
