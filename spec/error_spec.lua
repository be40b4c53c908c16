local Error = require "locksmith.error"
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

  it("has a message for every kind", function()
    for _, kind in ipairs { "rate_limited", "connect", "tls", "network", "timeout", "too_large", "closed" } do
      assert.is_true(#Error.new({ kind = kind }).message > 0)
    end
  end)

  it("is told from other tables", function()
    assert.is_true(locksmith.is_error(Error.new { kind = "x" }))
    assert.is_false(locksmith.is_error { kind = "x" })
    assert.is_false(locksmith.is_error "x")
  end)

  it("redacts secrets in message, code and details, longest first", function()
    local err = Error.new({ kind = "x", message = "a%b(c and a%b(cd", code = "a%b(c",
      details = { ["a%b(cd"] = { "a%b(c" } } }, { "a%b(c", "a%b(cd" })
    assert.equal("[redacted] and [redacted]", err.message)
    assert.equal("[redacted]", err.code)
    assert.same({ ["[redacted]"] = { "[redacted]" } }, err.details)
  end)

  it("redacts a secret that the end of a long message has cut in two", function()
    for _, length in ipairs { 2045, 2046, 2048 } do
      local text = ("x"):rep(length - 9)
      local err = Error.new({ kind = "x", message = text .. "hunter2-h" }, { "hunter2-hunter2" })
      assert.equal(text .. "[redacted]", err.message)
    end
    local short = Error.new({ kind = "x", message = "as given: hunter2-h" }, { "hunter2-hunter2" })
    assert.equal("as given: hunter2-h", short.message)
  end)

  it("can be raised and caught as it is", function()
    local err = Error.new { kind = "x", operation = "y" }
    local ok, caught = pcall(error, err)
    assert.is_false(ok)
    assert.equal(err, caught)
  end)
end)
