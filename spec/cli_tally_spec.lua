--- The exit status of a command about several items.

local Error = require "locksmith.error"
local tally = require "locksmith.cli.tally"

local function status(fine, ...)
  local counts = tally.new()
  for _ = 1, fine do counts:succeed() end
  for _, failure in ipairs { ... } do
    if type(failure) == "table" then failure = Error.new(failure) end
    counts:fail(failure)
  end
  return counts:status()
end

describe("a tally", function()
  it("is done where nothing failed", function()
    assert.equal(0, status(0))
    assert.equal(0, status(3))
  end)

  it("says that some failed", function()
    assert.equal(1, status(1, { kind = "not_found", outcome = "rejected" }))
    assert.equal(1, status(1, { kind = "connect" }))
    assert.equal(1, status(0, { kind = "connect" }, { kind = "not_found", outcome = "rejected" }))
  end)

  it("says how all of them failed, where it was in one way", function()
    assert.equal(6, status(0, { kind = "connect" }, { kind = "server_error", outcome = "rejected" }))
    assert.equal(2, status(0, { kind = "invalid_request" }))
  end)

  it("says first what was left unknown, then what a limit refused", function()
    assert.equal(5, status(2, { kind = "timeout", outcome = "unknown" }, { kind = "limit_reached" }))
    assert.equal(4, status(2, { kind = "limit_reached", outcome = "rejected" }, { kind = "connect" }))
  end)

  it("ends with what every further item would meet", function()
    local err = Error.new { kind = "unauthenticated" }
    local ok, raised = pcall(function() tally.new():fail(err) end)
    assert.is_false(ok)
    assert.equal(err, raised)
  end)
end)
