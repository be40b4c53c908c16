--- Which aliases are meant.

local status = require "locksmith.cli.status"
local which = require "locksmith.cli.which"

local FOX = { id = 7, full_address = "Quiet.Fox@maily.org" }

describe("which", function()
  it("takes numbers and full addresses", function()
    for _, text in ipairs { "7", "007", "quiet.fox@maily.org", "QUIET.fox@maily.org" } do
      local named = which.new { text }
      assert.is_true(named:has(FOX), text)
      assert.same({}, named:missing())
    end
    assert.is_false(which.new({ "8", "fox@maily.org" }):has(FOX))
  end)

  it("tells which were not met, as they were typed", function()
    local named = which.new { "7", "8", "Loud.Cat@maily.org" }
    named:has(FOX)
    assert.same({ "8", "Loud.Cat@maily.org" }, named:missing())
  end)

  it("knows ids that are digits because they are too large for a number", function()
    assert.is_true(which.new({ "90071992547409930001" }):has { id = "90071992547409930001", full_address = "a@b" })
  end)

  it("refuses anything else", function()
    for _, text in ipairs { "", "fox", "7a", "-7", "a@b@c", "a @b" } do
      local ok, raised = pcall(which.new, { text })
      assert.is_false(ok, text)
      assert.equal(status.USAGE, raised.status)
    end
  end)
end)
