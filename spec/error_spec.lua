local Error = require "locksmith.error"
local cjson = require "cjson"
local clients = require "spec.support.clients"
local locksmith = require "locksmith"

describe("an error object", function()
  it("prints operation, kind, status, code, message and attempts on one line", function()
    local err = Error.new { kind = "limit_reached", operation = "locker.addresses.create", status = 400, code = "8000",
      message = "The number of relay\naddresses is reached", outcome = "rejected", attempts = { {} } }
    assert.equal("locker.addresses.create: limit_reached (HTTP 400, code 8000): The number of relay addresses is "
      .. "reached [1 attempt]", tostring(err))
  end)

  it("says in words when the request may have been carried out", function()
    local err = Error.new { kind = "network", operation = "x", outcome = "unknown", attempts = { {}, {} } }
    assert.truthy(tostring(err):find("may have been carried out [2 attempts]", 1, true))
  end)

  it("has a message also where nobody said anything", function()
    assert.equal("closed", Error.new({ kind = "closed" }).message)
    for kind, message in pairs { connect = "no connection could be made", tls = "no trusted connection could be made",
      network = "the connection was cut", timeout = "no answer came in time" } do
      local locker = clients.locker({ { kind = kind, sent = false } }, { max_retries = 0 })
      assert.equal(message, select(2, locker.addresses:get(7)).message)
    end
    local locker = clients.locker({ { status = 404, body = "{}" } }, { max_retries = 0 })
    assert.equal("the requested resource does not exist", select(2, locker.addresses:get(7)).message)
  end)

  it("is told from other tables", function()
    assert.is_true(locksmith.is_error(Error.new { kind = "x" }))
    assert.is_false(locksmith.is_error { kind = "x" })
    assert.is_false(locksmith.is_error "x")
  end)

  it("can be raised and caught as it is", function()
    local err = Error.new { kind = "x", operation = "y" }
    local ok, caught = pcall(error, err)
    assert.is_false(ok)
    assert.equal(err, caught)
  end)

  it("is joined to texts", function()
    local err = Error.new { kind = "x", operation = "y", message = "z" }
    assert.equal("failed: y: x: z [0 attempts]", "failed: " .. err)
    assert.equal("y: x: z [0 attempts].", err .. ".")
    assert.equal(tostring(err):rep(2), err .. err)
    assert.equal("1" .. tostring(err), 1 .. err)
  end)

  it("shows retry_after, whole where it is", function()
    local function shown(seconds)
      return tostring(Error.new { kind = "quota_exceeded", retry_after = seconds, message = "used up" })
    end
    assert.equal("quota_exceeded: used up; retry_after 86400 s [0 attempts]", shown(86400))
    assert.equal("quota_exceeded: used up; retry_after 0.25 s [0 attempts]", shown(0.25))
  end)

  it("shows the first reason in details, where the message does not say it", function()
    for _, case in ipairs {
      { { address = { "This address exists", "vi" } }, "address: This address exists" },
      { { b = { "two" }, a = { "one" } }, "a: one" },
      { { { field = "memo", message = "too long" } }, "too long" },
      { { "went wrong" }, "went wrong" },
      { "went wrong", "went wrong" },
      { { a = { b = { c = "deep" } } }, "a: b: c: deep" },
      { { a = { code = 5 } } }, { {} }, { { a = true } },
      { { "Invalid data" } },
    } do
      local text = tostring(Error.new { kind = "invalid_request", message = "Invalid data", details = case[1] })
      local reason = case[2] and " (" .. case[2] .. ")" or ""
      assert.equal("invalid_request: Invalid data" .. reason .. " [0 attempts]", text)
    end
    local long = tostring(Error.new { kind = "x", message = "y", details = { a = ("ü"):rep(1000) } })
    assert.is_true(#long < 400 and long:find("ü…)", 1, true) ~= nil)
  end)

  it("never says of a read that it may have been carried out", function()
    local err = Error.new({ kind = "timeout", outcome = "unknown", message = "late", attempts = { {} } }, true)
    assert.equal("timeout: late; nothing was changed [1 attempt]", tostring(err))
    assert.is_true(locksmith.is_error(err))
    local step = Error.of_write(err)
    assert.equal("timeout: late; it may have been carried out [1 attempt]", tostring(step))
  end)

  it("can be given to a JSON encoder and to pairs", function()
    local locker = clients.locker { { status = 400, headers = { ["X-Id"] = "5" },
      body = '{"code":"0004","message":"Invalid data","details":{"address":["exists"]}}' } }
    local _, err = locker.addresses:delete(7)
    local names = {}
    for name in pairs(err) do names[#names + 1] = tostring(name) end
    table.sort(names)
    assert.equal("attempts code details elapsed headers kind message operation outcome retryable source status",
      table.concat(names, " "))
    local decoded = cjson.decode(cjson.encode(err))
    assert.equal("Invalid data", decoded.message)
    assert.equal("exists", decoded.details.address[1])
    assert.equal("5", decoded.headers["x-id"])
  end)

  it("tells whether the same call may succeed later", function()
    for status, retryable in pairs { [400] = false, [401] = false, [403] = false, [404] = false, [409] = false,
      [429] = true, [500] = true, [503] = true, [301] = false } do
      local locker = clients.locker({ { status = status, body = "{}" } }, { max_retries = 0 })
      local _, err = locker.addresses:get(7)
      assert.equal(retryable, err.retryable, status)
      assert.equal("table", type(err.headers))
    end
  end)

  it("prints whole seconds whole", function()
    local locker = clients.locker({ { status = 429, headers = { ["Retry-After"] = "86400" }, body = "{}" } })
    local _, err = locker.addresses:get(7)
    assert.equal("86400", tostring(err.retry_after))
    assert.equal("0", tostring(err.elapsed))
    assert.equal("0", tostring(err.attempts[1].wait))
  end)

  it("says where a redirect goes, without what could be a secret in it", function()
    local function message(location)
      local locker = clients.locker { { status = 302, headers = { Location = location }, body = "" } }
      return select(2, locker.addresses:get(7)).message
    end
    assert.equal("the service answered with a redirect, to https://login.example.com/portal",
      message "https://user:secret@login.example.com/portal?token=secret#x")
    assert.equal("the service answered with a redirect, to /v4/relay/addresses", message "/v4/relay/addresses")
  end)

  it("says what a page that is no JSON looks like", function()
    local function message(status, body)
      local locker = clients.locker({ { status = status, body = body } }, { max_retries = 0 })
      return select(2, locker.addresses:get(7)).message
    end
    local page = "<!DOCTYPE html>\n<html><head>\n<title>\n Airport  Wi-Fi </title></head><body>pay</body></html>"
    assert.equal('the answer is an HTML page titled "Airport Wi-Fi", not JSON', message(200, page))
    assert.equal('the answer is an HTML page titled "502 Bad Gateway", not JSON',
      message(502, "<html>\r\n<head><title>502 Bad Gateway</title></head>"))
    assert.equal("the answer is an HTML page, not JSON", message(200, "<html>hello</html>"))
    assert.equal("HTTP 400", message(400, "<html>Bad Request (400)</html>"))
    assert.is_true(#message(200, "<html><title>" .. ("x"):rep(5000) .. "</title>") < 200)
  end)
end)

describe("raise", function()
  it("raises a text that begins with the caller's line", function()
    local err = Error.new { kind = "x", operation = "y", message = "z" }
    local ok, text = pcall(function() err:raise() end)
    assert.is_false(ok)
    assert.truthy(text:find "error_spec%.lua:%d+: y: x: z %[0 attempts%]$", text)
  end)
end)

describe("locksmith.assert", function()
  it("returns what it was given", function()
    assert.same({ 1, 2, 3 }, { locksmith.assert(1, 2, 3) })
    assert.equal(0, select("#", locksmith.assert(true)) - 2)
  end)

  it("raises an error object as a text that begins with the caller's line", function()
    local ok, text = pcall(function() locksmith.assert(nil, Error.new { kind = "x", message = "z" }) end)
    assert.is_false(ok)
    assert.truthy(text:find "error_spec%.lua:%d+: x: z", text)
  end)

  it("raises other messages as assert does", function()
    assert.truthy(select(2, pcall(locksmith.assert, nil, "gone")):find "gone")
    assert.truthy(select(2, pcall(locksmith.assert, false)):find "assertion failed!")
    local value = {}
    assert.equal(value, select(2, pcall(locksmith.assert, nil, value)))
  end)
end)
