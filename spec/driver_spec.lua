local clients = require "spec.support.clients"
local core = require "locksmith.core"

local OK = { status = 200, body = "[]" }
local LOST = { kind = "network", sent = true, message = "connection reset" }
local REFUSED = { kind = "connect", sent = false, message = "connection refused" }

local function status(number, headers)
  return { status = number, headers = headers, body = '{"code":"0008","message":"said the service"}' }
end

describe("a call", function()
  it("repeats a read after any transient failure, with growing waits", function()
    for _, failure in ipairs { LOST, REFUSED, { kind = "timeout", sent = true }, { kind = "tls", sent = false },
      status(408), status(500), status(502), status(503), status(504) } do
      local locker, requests, clock = clients.locker { failure, failure, OK }
      local list, response = locker.addresses:list()
      assert.truthy(list)
      assert.equal(3, #requests)
      assert.equal(3, #response.attempts)
      assert.same({ 0.125, 0.25 }, clock.slept) -- chance 0.5 of 0.25 and 0.5
    end
  end)

  it("does not repeat what would not change", function()
    for _, failure in ipairs { status(400), status(401), status(403), status(404), status(501), status(302),
      { kind = "tls", sent = false, permanent = true }, { kind = "bad_response", sent = true } } do
      local locker, requests = clients.locker { failure }
      local _, err = locker.addresses:list()
      assert.equal(1, #requests)
      assert.equal(1, #err.attempts)
    end
  end)

  it("waits as long as Retry-After says, in seconds, fractions or as a date", function()
    for value, seconds in pairs { ["2"] = 2, ["1.5"] = 1.5, ["Thu, 28 May 2026 20:26:43 GMT"] = 3 } do
      local locker, _, clock = clients.locker { status(429, { ["retry-after"] = value }), OK }
      assert(locker.addresses:list())
      assert.same({ seconds }, clock.slept)
    end
  end)

  it("returns at once when Retry-After lies beyond the deadline", function()
    local locker, requests, clock = clients.locker { status(429, { ["retry-after"] = "100" }), OK }
    local _, err = locker.addresses:list(nil, { timeout = 60 })
    assert.equal("rate_limited", err.kind)
    assert.equal(100, err.retry_after)
    assert.equal("rejected", err.outcome)
    assert.equal(1, #requests)
    assert.same({}, clock.slept)
  end)

  it("never lives past its deadline", function()
    local slow = { kind = "timeout", sent = true, takes = 10 }
    local locker, requests, clock = clients.locker { slow }
    local began = clock.now()
    local _, err = locker.addresses:list(nil, { timeout = 25, max_retries = 10 })
    assert.equal("timeout", err.kind)
    assert.is_true(clock.now() - began <= 25.0001 + 10)
    for _, request in ipairs(requests) do
      assert.is_true(request.at < began + 25)
      assert.is_true(request.at + request.timeout <= began + 25.000001)
    end
  end)

  it("sends nothing at all with no time", function()
    local locker, requests = clients.locker { OK }
    local _, err = locker.addresses:list(nil, { timeout = 0 })
    assert.equal("timeout", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, #requests)
  end)

  it("works with a deadline beyond all reason", function()
    local locker = clients.locker { OK }
    assert(locker.addresses:list(nil, { timeout = math.huge, attempt_timeout = 1e300 }))
  end)

  it("tells what became of a write", function()
    for _, case in ipairs {
      { { REFUSED }, "connect", "not_sent" },
      { { LOST }, "network", "unknown" },
      { { status(500) }, "server_error", "unknown" },
      { { status(503) }, "server_error", "unknown" },
      { { status(503, { ["retry-after"] = "1" }) }, "server_error", "rejected" },
      { { status(429, { ["retry-after"] = "1" }) }, "rate_limited", "rejected" },
      { { status(400) }, "invalid_request", "rejected" },
      { { status(302) }, "bad_response", "unknown" }, -- "see other" follows a success on many sites
      { { { status = 201, body = "<html>" } }, "bad_response", "unknown" },
      { { { kind = "too_large", sent = true } }, "too_large", "unknown" },
    } do
      local locker = clients.locker(case[1], { max_retries = 1 })
      local _, err = locker.addresses:create()
      assert.equal(case[2], err.kind)
      assert.equal(case[3], err.outcome, case[2])
    end
  end)

  it("keeps the outcome unknown when only the repeat was refused", function()
    local locker = clients.locker { LOST, status(400) }
    local _, err = locker.addresses:delete(7)
    assert.equal("invalid_request", err.kind)
    assert.equal("unknown", err.outcome)
    assert.equal(2, #err.attempts)
  end)

  it("does not hammer a service that keeps failing", function()
    local locker, requests = clients.locker { status(503) }
    for _ = 1, 1000 do locker.addresses:list() end
    assert.is_true(#requests < 1600, #requests .. " requests for 1000 calls")
  end)

  it("tells events without secrets", function()
    local events = {}
    local lockpub = clients.lockpub({ status(429, { ["retry-after"] = "1" }), clients.CREATED },
      { on_event = function(event) events[#events + 1] = event end })
    assert(lockpub.links:create(clients.link_fields()))
    local types = {}
    for i, event in ipairs(events) do
      types[i] = event.type
      assert.equal("lockpub.links.create", event.operation)
    end
    assert.same({ "request", "response", "retry", "request", "response" }, types)
    assert.equal("https://lock.pub/api/v1/links", events[1].url)
    assert.equal(429, events[2].status)
    assert.equal(1, events[3].wait)
  end)

  it("survives an event handler that fails", function()
    local locker = clients.locker({ OK }, { on_event = function() error "logger" end })
    assert(locker.addresses:list())
  end)

  it("survives a transport that answers nonsense", function()
    for _, answer in ipairs { function() end, function() return "x" end, function() return {} end,
      function() return { status = 200, body = 5 } end, function() return nil, "gone" end,
      function() return nil, { kind = "odd" } end } do
      local locker = clients.locker(answer, { max_retries = 0 })
      local list, err = locker.addresses:list()
      assert.is_nil(list)
      assert.truthy(err.kind == "network" or err.kind == "bad_response")
    end
  end)

  it("takes nothing for a status that is none", function()
    for _, number in ipairs { 200.5, 1e300, -1e300, 199, 100, 0, -200, 1000, 0 / 0, math.huge, "200", true } do
      local lockpub = clients.lockpub(function() return { status = number, headers = {}, body = "{}" } end)
      local link, err = lockpub.links:create(clients.link_fields())
      assert.is_nil(link, tostring(number))
      assert.equal("bad_response", err.kind)
      assert.equal("unknown", err.outcome)
      assert.equal(1, #err.attempts)
    end
  end)

  it("takes nothing for headers that are none", function()
    for _, headers in ipairs { "x: y", 5, { a = { "x", {} } }, { a = print }, { a = { {} } }, { true } } do
      local locker = clients.locker(function() return { status = 200, headers = headers, body = "[]" } end)
      local list, err = locker.addresses:list()
      assert.is_nil(list)
      assert.equal("bad_response", err.kind)
    end
    local locker = clients.locker { { status = 200, headers = { A = { "x", 5 }, b = 7, c = {} }, body = "[]" } }
    local _, response = locker.addresses:list()
    assert.equal("x, 5", response.headers.a)
    assert.equal("7", response.headers.b)
  end)

  it("limits what a transport may hand over", function()
    local locker = clients.locker({ { status = 200, body = (" "):rep(101) } }, { max_response_bytes = 100 })
    assert.equal("too_large", select(2, locker.addresses:list()).kind)
  end)

  it("reads every shape of error body", function()
    for body, expected in pairs {
      ['{"code":"0004","message":"Invalid data","details":{"address":["x"]}}'] = { "0004", "Invalid data" },
      ['{"detail":"Request was throttled."}'] = { nil, "Request was throttled." },
      ['{"error":"went wrong"}'] = { nil, "went wrong" },
      ['{"error":{"code":17,"message":"went wrong"}}'] = { "17", "went wrong" },
      ['{"error":"BAD","message":"went wrong"}'] = { "BAD", "went wrong" },
      ['{"errors":["went wrong"]}'] = { nil, "went wrong" },
      ['{"errors":[{"code":"x","message":"went wrong"}]}'] = { "x", "went wrong" },
      ['"went wrong"'] = { nil, "went wrong" },
      ["<html>Bad Request (400)</html>"] = { nil, "HTTP 400" },
      [""] = { nil, "HTTP 400" }, ['{"code"'] = { nil, "HTTP 400" }, ["[]"] = { nil, "HTTP 400" },
      ['{"code":null,"message":null}'] = { nil, "HTTP 400" },
    } do
      local locker = clients.locker { { status = 400, body = body } }
      local _, err = locker.addresses:list()
      assert.equal("invalid_request", err.kind)
      assert.equal(expected[1], err.code)
      assert.equal(expected[2], err.message)
    end
  end)
end)

describe("a key function", function()
  local sandbox = require "locksmith.sandbox"
  local OTHER = sandbox.LOCKPUB_KEY .. "2"

  it("is asked at first use and kept", function()
    local asked = 0
    local lockpub = clients.lockpub({ clients.CREATED }, { api_key = function()
      asked = asked + 1
      return sandbox.LOCKPUB_KEY
    end })
    assert.equal(0, asked)
    for i = 1, 3 do assert(lockpub.links:create(clients.link_fields { memo = "m" .. i })) end
    assert.equal(1, asked)
  end)

  it("is asked again once after a 401, and the call repeated when the key changed", function()
    local keys, asked = { sandbox.LOCKPUB_KEY, OTHER }, 0
    local lockpub, requests = clients.lockpub({ status(401), clients.CREATED }, { max_retries = 0, api_key = function()
      asked = asked + 1
      return keys[asked]
    end })
    local link, response = lockpub.links:create(clients.link_fields())
    assert.truthy(link)
    assert.equal(2, asked)
    assert.equal(2, #response.attempts)
    assert.not_equal(requests[1].headers[1][2], requests[2].headers[1][2])
  end)

  it("does not repeat the call with the same key", function()
    local lockpub, requests = clients.lockpub({ status(401) }, { api_key = function() return sandbox.LOCKPUB_KEY end })
    local _, err = lockpub.links:create(clients.link_fields())
    assert.equal("unauthenticated", err.kind)
    assert.equal("rejected", err.outcome)
    assert.equal(1, #requests)
  end)

  it("may yield", function()
    local lockpub = clients.lockpub({ clients.CREATED }, { api_key = function()
      assert.equal("key", coroutine.yield "which")
      return sandbox.LOCKPUB_KEY
    end })
    local thread = coroutine.create(function() return lockpub.links:create(clients.link_fields()) end)
    local _, asked = coroutine.resume(thread)
    assert.equal("which", asked)
    local ok, link = coroutine.resume(thread, "key")
    assert.is_true(ok, link)
    assert.equal("k3x9", link.slug)
  end)

  local function refusal_of(ask, answers, options)
    options = options or {}
    options.api_key = ask
    local lockpub, requests = clients.lockpub(answers or { clients.CREATED }, options)
    local link, err = lockpub.links:create(clients.link_fields())
    assert.is_nil(link)
    return err, requests, lockpub
  end

  it("that fails is an error, not a crash, and says why", function()
    for _, case in ipairs {
      { function() error("vault sealed", 0) end, "the key function failed: vault sealed" },
      { function() error(setmetatable({}, { __tostring = function() return "vault\nsealed" end })) end,
        "the key function failed: vault sealed" },
      { function() error() end, "the key function failed" },
      { function() error(setmetatable({}, { __tostring = function() error "no text" end })) end,
        "the key function failed" },
      { function() return nil, "not logged in" end, "the key function returned nothing: not logged in" },
      { function() return 17 end, "the key function must return a string, not a number" },
    } do
      local err, requests = refusal_of(case[1])
      assert.equal("unauthenticated", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal("local", err.source)
      assert.equal(case[2], (err.message:gsub(": nil$", ""):gsub(": <no error object>$", ""))) -- Lua 5.5's
      assert.equal(0, #requests)
    end
  end)

  it("shows nothing that looks like a key", function()
    for _, text in ipairs { sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY, sandbox.LOCKER_KEY:sub(4), "ll_test_abcdef" } do
      for _, quote in ipairs { "bad key %s here", "(%s)", "Authorization: Bearer %s", "%s" } do
        local reason = quote:format(text)
        for _, ask in ipairs { function() error(reason, 0) end, function() return nil, reason end } do
          local err = refusal_of(ask)
          assert.is_nil(tostring(err):find(text:sub(1, 20), 1, true), tostring(err))
          assert.truthy(err.message:find("[redacted]", 1, true))
        end
      end
    end
    local err = refusal_of(function() return "nonsense secret-token" end)
    assert.is_nil(tostring(err):find("secret-token", 1, true))
  end)

  it("shows a reason in part when it is long", function()
    local err = refusal_of(function() error(("ü"):rep(1000), 0) end)
    assert.truthy(#err.message < 600 and err.message:find "…$")
  end)

  it("that fails after a 401 is told beside the 401", function()
    local asked = 0
    local err = refusal_of(function()
      asked = asked + 1
      if asked == 2 then error("vault sealed", 0) end
      return sandbox.LOCKPUB_KEY
    end, { { status = 401, body = '{"message":"Invalid API key"}' } })
    assert.equal("unauthenticated", err.kind)
    assert.equal("rejected", err.outcome)
    assert.equal(401, err.status)
    assert.equal("Invalid API key; the key function failed: vault sealed", err.message)
  end)

  it("that uses its own client is refused there, not called again", function()
    local lockpub, asked, inner = nil, 0, {}
    lockpub = clients.lockpub({ clients.CREATED }, { api_key = function()
      asked = asked + 1
      inner[1] = select(2, lockpub.links:create(clients.link_fields()))
      inner[2] = select(2, lockpub:quota())
      inner[3] = coroutine.wrap(function() return select(2, lockpub.links:create(clients.link_fields())) end)()
      return sandbox.LOCKPUB_KEY
    end })
    assert.truthy(lockpub.links:create(clients.link_fields()))
    assert.equal(1, asked)
    for i = 1, 3 do
      assert.equal("unauthenticated", inner[i].kind)
      assert.truthy(inner[i].message:find("used the client", 1, true))
    end
  end)

  it("may use the client while another coroutine waits for the key", function()
    local lockpub = clients.lockpub({ clients.CREATED, clients.CREATED }, { api_key = function()
      coroutine.yield()
      return sandbox.LOCKPUB_KEY
    end, clock = { now = function() return 1780000000 end, sleep = coroutine.yield } })
    local made = 0
    local function make()
      assert(lockpub.links:create(clients.link_fields()))
      made = made + 1
    end
    local threads = { coroutine.create(make), coroutine.create(make) }
    for _ = 1, 5 do
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) ~= "dead" then assert(coroutine.resume(thread)) end
      end
    end
    assert.equal(2, made)
  end)

  it("is not stampeded by concurrent calls", function()
    local asked = 0
    local current = sandbox.LOCKPUB_KEY
    local lockpub, _, clock = clients.lockpub(function(request)
      coroutine.yield()
      for _, header in ipairs(request.headers) do
        if header[2] == "Bearer " .. OTHER then
          return { status = 201, headers = {}, body = clients.CREATED.body }
        end
      end
      return { status = 401, headers = {}, body = "{}" }
    end, { pacing = "off", api_key = function()
      asked = asked + 1
      return current
    end })
    clock.sleep = function(seconds)
      clock.time = clock.time + seconds
      coroutine.yield()
    end
    local done = 0
    local threads = {}
    for i = 1, 20 do
      threads[i] = coroutine.create(function()
        assert(lockpub.links:create(clients.link_fields { memo = "n" .. i }))
        done = done + 1
      end)
    end
    coroutine.resume(threads[1])
    current = OTHER
    for _ = 1, 200 do
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) == "suspended" then assert(coroutine.resume(thread)) end
      end
    end
    assert.equal(20, done)
    assert.equal(2, asked)
    assert.truthy(core)
  end)
end)
