--- Clients of a sandbox for tests of other people's code: wired, in virtual time, apart from every other test. The
--- recipes of the README's section "Testing your code" are in recipes_spec.lua.

local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local FIELDS = { type = "url", target_url = "https://example.com/", password = "share-this-separately", memo = "Memo" }

describe("a client of a sandbox", function()
  it("is one of each service, with a key that the box takes", function()
    local box = sandbox.new()
    assert.truthy(assert(box:lockpub()).links:create(FIELDS))
    assert.truthy(assert(box:locker()).addresses:create { description = "shop" })
    assert.equal(1, #box:links())
    assert.equal("shop", box:addresses()[1].description)
    assert.equal("lockpub", box:requests()[1].service)
    box:rotate()
    assert.truthy(assert(box:lockpub()).links:create(FIELDS))
  end)

  it("waits in no time, by the clock of the box", function()
    local box = sandbox.new()
    local clock, lockpub = box:clock(), assert(box:lockpub())
    local began, real = clock.now(), os.time()
    for _ = 1, 61 do assert(lockpub.links:create(FIELDS)) end
    assert.is_true(clock.now() - began >= 60)
    assert.is_true(os.time() - real < 30)
    assert.equal(clock, box:clock())
    assert.equal(clock.now(), box:now())
    box:advance(5)
    assert.equal(box:now(), clock.now())
  end)

  it("sees time stand still but for what is waited", function()
    local box = sandbox.new()
    local clock = box:clock()
    local began = clock.now()
    assert.is_true(math.abs(began - os.time()) <= 2)
    repeat until os.clock() > 0.001
    assert.equal(began, clock.now())
    clock.sleep(2.5)
    assert.equal(began + 2.5, clock.now())
    box = sandbox.new { start_time = 1780000000 }
    assert.equal(1780000000, box:clock().now())
  end)

  it("uses the clock that the box was given", function()
    local time = 1780000000
    local box = sandbox.new { clock = { now = function() return time end, sleep = function(s) time = time + s end } }
    box:clock().sleep(7)
    assert.equal(1780000007, time)
    assert.equal(1780000007, box:now())
    box = sandbox.new { clock = { now = function() return time end } }
    box:clock().sleep(7)
    assert.equal(1780000014, box:now())
  end)

  it("lets the time of an answer that never comes pass, too", function()
    local box = sandbox.new()
    local locker = assert(box:locker { attempt_timeout = 3, max_retries = 0 })
    local began = box:now()
    box:fault { kind = "timeout" }
    local _, err = locker.addresses:all()
    assert.equal("timeout", err.kind)
    assert.equal(began + 3, box:now())
  end)

  it("paces with the others of its box, and with nobody else", function()
    local box, other = sandbox.new(), sandbox.new()
    local first, second = assert(box:lockpub()), assert(box:lockpub { pacing = "fail" })
    for _ = 1, 20 do assert(first.links:create(FIELDS)) end
    local _, err = second.links:create(FIELDS)
    assert.equal("would_wait", err.kind)
    assert.truthy(assert(other:lockpub { pacing = "fail" }).links:create(FIELDS))
    assert.is_nil(assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY }):quota())
  end)

  it("takes every option, and refuses what is none at the caller's line", function()
    local box, events = sandbox.new(), {}
    local locker = assert(box:locker { on_event = function(event) events[#events + 1] = event.type end })
    assert(locker.addresses:all())
    assert.same({ "request", "response" }, events)
    local _, err = box:lockpub { api_key = "none" }
    assert.equal("unauthenticated", err.kind)
    for _, call in ipairs {
      function() return box:lockpub { timeuot = 3 } end,
      function() return box:locker(3) end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.truthy(message:find "^spec/sandbox_clients_spec.lua:%d+: ", message)
    end
  end)
end)

describe("a fault", function()
  local function outcome(rule)
    local box = sandbox.new()
    box:fault(rule)
    local locker = assert(box:locker { max_retries = 0 })
    local address, err = locker.addresses:create()
    return address and "made" or err.kind, err, #box:addresses()
  end

  it("may be said by a word, or by its fields in the rule", function()
    local kind, err, made = outcome "drop_after"
    assert.same({ "network", "unknown", 1 }, { kind, err.outcome, made })
    kind, err, made = outcome { status = 429, retry_after = 30 }
    assert.same({ "rate_limited", 30, 0 }, { kind, err.retry_after, made })
    kind, err = outcome { status = 503, headers = { ["X-Odd"] = "1" }, retry_after = 9 }
    assert.same({ "server_error", "1", "9" }, { kind, err.headers["x-odd"], err.headers["retry-after"] })
    assert.equal("made", (outcome { method = "GET", kind = "tls" }))
    assert.equal("tls", (outcome { method = "POST", kind = "tls" }))
  end)

  it("must be one that the sandbox knows, at the caller's line", function()
    local box = sandbox.new()
    for rule, message in pairs {
      [{ stauts = 429 }] = "no field stauts", [{ fault = "cut", status = 500 }] = "not both",
      [{ fault = { status = 500, colour = 1 } }] = "no field colour", [{ times = 2 }] = "needs a fault",
    } do
      local ok, raised = pcall(function() box:fault(rule) end)
      assert.is_false(ok)
      assert.truthy(raised:find("^spec/sandbox_clients_spec.lua:%d+: .*" .. message), raised)
    end
    assert.is_false(pcall(box.fault, box, 429))
  end)
end)
