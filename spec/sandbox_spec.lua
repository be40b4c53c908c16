--- The sandbox itself: options, transport, faults, log, clock, and its JSON and calendar.

local calendar = require "locksmith.sandbox.calendar"
local caller = require "spec.support.caller"
local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"

local START = 1795189533
local URL = "https://api.locker.io/v3/relay/addresses"

local function request(method, path, more)
  local made = {
    method = method, url = URL .. (path or ""), headers = { { "Authorization", "Bearer " .. sandbox.LOCKER_KEY } },
  }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

describe("sandbox.new", function()
  it("refuses an unknown option and a wrong value at the caller's line", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() sandbox.new { plans = "free" } end)
    assert.is_false(ok)
    assert.matches("sandbox_spec.lua:" .. line .. ": unknown sandbox option plans", message, 1, true)
    assert.error_matches(function() sandbox.new { plan = "gold" } end, "plan must be one of premium, free")
    assert.error_matches(function() sandbox.new { rate = 5 } end, "rate must be")
  end)

  it("has keys in the documented form", function()
    assert.matches("^ll_live_%w+$", sandbox.LOCKPUB_KEY)
    assert.matches("^cs%.[%w_-]+%.[%w_-]+%.[%w_-]+$", sandbox.LOCKER_KEY)
  end)

  it("makes sandboxes that share nothing", function()
    local one, other = sandbox.new(), sandbox.new()
    one:handle(request "POST")
    assert.equal(1, #one:addresses())
    assert.equal(0, #other:addresses())
  end)

  it("takes the time from the clock it is given", function()
    local now = START
    local box = sandbox.new { clock = { now = function() return now end } }
    box:handle(request "POST")
    now = now + 5
    box:advance(100)
    box:handle(request "POST")
    assert.equal(START, box:addresses()[1].created_time)
    assert.equal(START + 105, box:addresses()[2].created_time)
  end)

  it("answers paths of neither service with 404", function()
    local response = sandbox.new():handle { method = "GET", url = "/v3/other", headers = {} }
    assert.equal(404, response.status)
  end)
end)

describe("a sandbox's transport", function()
  it("answers as handle does", function()
    local send = sandbox.new():transport()
    local response, failure = send(request "GET")
    assert.is_nil(failure)
    assert.equal(200, response.status)
    assert.equal("application/json", response.headers["content-type"])
    assert.equal("[]", send(request("GET", "?paging=0")).body)
  end)

  it("sleeps through delays and gives up on long ones, though they had their effect", function()
    local slept = 0
    local clock = { now = function() return START + slept end, sleep = function(seconds) slept = slept + seconds end }
    local box = sandbox.new { clock = clock, delay = 2 }
    local send = box:transport()
    assert.equal(201, send(request("POST", "", { timeout = 3 })).status)
    assert.equal(2, slept)
    box:set_delay(10)
    local response, failure = send(request("POST", "", { timeout = 3 }))
    assert.is_nil(response)
    assert.equal("timeout", failure.kind)
    assert.is_true(failure.sent)
    assert.equal(5, slept)
    assert.equal(2, #box:addresses())
  end)
end)

describe("a fault", function()
  local function outcome(fault, method)
    local box = sandbox.new { start_time = START, faults = function() return fault end }
    local response, failure = box:transport()(request(method or "POST"))
    return response, failure, #box:addresses(), box:log()[1]
  end

  it("drop_before loses the request", function()
    local response, failure, made, entry = outcome "drop_before"
    assert.is_nil(response)
    assert.equal("network", failure.kind)
    assert.is_true(failure.sent)
    assert.equal(0, made)
    assert.is_false(entry.acted)
  end)

  it("drop_after loses the answer", function()
    local response, failure, made, entry = outcome "drop_after"
    assert.is_nil(response)
    assert.equal("network", failure.kind)
    assert.is_true(failure.sent)
    assert.equal(1, made)
    assert.is_true(entry.acted)
    assert.equal(201, entry.status)
  end)

  it("cut breaks the answer off", function()
    local response, failure, made = outcome "cut"
    assert.is_nil(response)
    assert.equal("network", failure.kind)
    assert.equal(1, made)
  end)

  it("crash is Locker's own 500", function()
    local response, _, made = outcome "crash"
    assert.equal(500, response.status)
    assert.equal('{"code": "0008", "message": "Unknown Error"}', response.body)
    assert.equal(0, made)
  end)

  it("can be an answer, in place of acting or after it", function()
    local answer = { status = 503, headers = { ["Retry-After"] = 7 }, body = "busy" }
    local response, _, made = outcome(answer)
    assert.same({ status = 503, headers = { ["retry-after"] = "7" }, body = "busy" }, response)
    assert.equal(0, made)
    response, _, made = outcome { status = 502, after = true }
    assert.equal(502, response.status)
    assert.equal(1, made)
  end)

  it("can be any failure", function()
    local _, failure = outcome { kind = "tls", message = "certificate" }
    assert.same({ kind = "tls", sent = false, message = "certificate" }, failure)
    local _, timeout, made = outcome { kind = "timeout", after = true }
    assert.is_true(timeout.sent)
    assert.equal(1, made)
    local _, unsent = outcome { kind = "network", sent = false }
    assert.is_false(unsent.sent)
  end)

  it("is told the request and its number", function()
    local seen = {}
    local box = sandbox.new { faults = function(given, n)
      seen[#seen + 1] = n .. " " .. given.method
      return n == 2 and "drop_before" or nil
    end }
    assert.is_not_nil(box:handle(request "POST"))
    assert.is_nil(box:handle(request "GET"))
    assert.is_not_nil(box:handle(request "GET"))
    assert.same({ "1 POST", "2 GET", "3 GET" }, seen)
  end)

  it("can be planted for some requests and some times", function()
    local box = sandbox.new()
    box:fault { method = "PUT", path = "/enabled", service = "locker", skip = 1, times = 2, fault = "crash" }
    box:add_address()
    local statuses = {}
    for i = 1, 4 do
      assert.equal(200, box:handle(request "GET").status)
      statuses[i] = box:handle(request("PUT", "/1/enabled")).status
    end
    assert.same({ 200, 500, 500, 200 }, statuses)
    box:fault { times = false, fault = "crash" }
    for _ = 1, 3 do assert.equal(500, box:handle(request "GET").status) end
    box:clear_faults()
    assert.equal(200, box:handle(request "GET").status)
  end)

  it("must be one the sandbox knows", function()
    local box = sandbox.new()
    assert.error_matches(function() box:fault { fault = "explode" } end, "unknown sandbox fault")
    assert.error_matches(function() box:fault { fault = { kind = "odd" } } end, "unknown failure kind")
    assert.error_matches(function() box:fault { fault = {} } end, "needs status")
    assert.error_matches(function() box:fault {} end, "needs a fault")
  end)
end)

describe("a sandbox's log", function()
  it("shows what was sent and what became of it", function()
    local box = sandbox.new { start_time = START }
    box:handle(request("PUT", "/7?a=b", { body = "{}" }))
    local entry = box:log()[1]
    assert.equal(1, entry.n)
    assert.equal(START, entry.at)
    assert.equal("locker", entry.service)
    assert.equal("PUT", entry.method)
    assert.equal("/v3/relay/addresses/7", entry.path)
    assert.same({ a = "b" }, entry.query)
    assert.equal("{}", entry.body)
    assert.equal(415, entry.status)
    assert.equal("Bearer " .. sandbox.LOCKER_KEY, entry.headers.authorization)
  end)

  it("counts", function()
    local box = sandbox.new()
    box:handle(request "POST")
    box:handle(request "GET")
    caller.lockpub(box)("POST", "/links", "{}")
    assert.equal(3, box:count())
    assert.equal(2, box:count { method = "POST" })
    assert.equal(1, box:count { method = "POST", service = "locker", status = 201 })
    assert.equal(2, box:count { path = "/relay" })
    box:clear_log()
    assert.equal(0, box:count())
  end)

  it("forgets the oldest beyond its limit", function()
    local box = sandbox.new { log_limit = 2 }
    for _ = 1, 5 do box:handle(request "GET") end
    assert.equal(2, #box:log())
    assert.equal(4, box:log()[1].n)
    assert.equal(5, box:state().requests)
  end)
end)

describe("the sandbox's JSON", function()
  it("reads what cjson reads", function()
    local cjson = require("cjson").new()
    for _, text in ipairs {
      '{"a":[1,2.5,-3e2,{"b":"x"}],"c":true,"d":false}', '"\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/"', " [ ] ",
      '{ "a" : { } }', "-0.5", "[[[]]]", '"\127"',
    } do
      assert.same(cjson.decode("[" .. text .. "]")[1], json.decode(text))
    end
  end)

  it("refuses what is not JSON", function()
    for _, text in ipairs {
      "", " ", "{", "[1,]", '{"a":1,}', "{a:1}", "'x'", "NaN", "[Infinity]", "01", "1.", ".5", "+1", '"\\x"', '"\n"',
      '"a', "nul", "1 2", "\239\187\191{}", '"\255"', '"\192\128"', '"\237\160\128"', ("["):rep(1000),
    } do
      local value, problem = json.decode(text)
      assert.is_nil(value, text)
      assert.is_string(problem)
    end
  end)

  it("keeps null, empty lists, empty objects and the literals of numbers apart", function()
    local text = '{"a":null,"b":[],"c":{},"d":1,"e":1.0,"f":9007199254740993}'
    assert.equal(text, json.encode(json.decode(text, "exact")))
  end)

  it("writes objects in the given order, integers without and floats with a point", function()
    assert.equal('{"b":1,"a":[],"c":{},"d":5.0,"e":2.5,"f":null}', json.encode(json.object {
      { "b", 1.0 }, { "a", json.array {} }, { "c", {} }, { "d", json.float(5) }, { "e", json.float(2.5) },
      { "f", json.null },
    }))
    assert.equal('{"a": 1, "b": [1, 2]}', json.encode({ b = { 1, 2 }, a = 1 }, true))
    assert.equal("9007199254740992", json.encode(2 ^ 53))
    assert.equal("0.1", json.encode(0.1))
    assert.equal('"\\u0000\\u001f\\n\\"\\\\/é\\u2028"', json.encode("\0\31\n\"\\/é\226\128\168"))
  end)
end)

describe("the sandbox's calendar", function()
  it("agrees with the system's about UTC", function()
    local known, year = pcall(os.date, "!%Y", 2 ^ 32)
    local last = known and year == "2106" and 60000 or 24000 -- some systems' times end in 2038
    for day = -30, last, 13 do
      local seconds = day * 86400 + (day * 7919) % 86400
      local text = calendar.format(seconds)
      assert.equal(os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. ".000Z", text)
      assert.equal(seconds, calendar.parse(text))
    end
  end)

  it("reads dates and times with and without zones", function()
    for text, seconds in pairs {
      ["1970-01-02"] = 86400, ["1970-01-01T00:01"] = 60, ["1970-01-01T00:00:01Z"] = 1, ["1970-01-01 00:00:01.5"] = 1.5,
      ["1970-01-01T01:00:00+01:00"] = 0, ["1969-12-31T23:00:00-0100"] = 0, ["2000-02-29"] = 951782400,
    } do assert.equal(seconds, calendar.parse(text)) end
    for _, text in ipairs {
      "1970", "1970-1-1", "1970-13-01", "1970-00-01", "1900-02-29", "1970-01-01T", "1970-01-01T24:00",
      "1970-01-01T1:00",
      "1970-01-01T00:60", "1970-01-01T00:00:00+25:00", "1970-01-01T00:00:00.", "1970-01-01X00:00", "x1970-01-01",
    } do assert.is_nil(calendar.parse(text), text) end
  end)

  it("knows when the next month starts", function()
    assert.equal(calendar.parse "2027-01-01", calendar.next_month(calendar.parse "2026-12-31T23:59:59.9"))
    assert.equal(calendar.parse "2027-02-01", calendar.next_month(calendar.parse "2027-01-01"))
    assert.equal(calendar.parse "2028-03-01", calendar.next_month(calendar.parse "2028-02-29"))
  end)
end)
