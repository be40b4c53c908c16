local core = require "locksmith.core"

describe("core.iso8601", function()
  it("writes Unix seconds, with a fraction where there is one", function()
    for text, seconds in pairs {
      ["1970-01-01T00:00:00Z"] = 0, ["2026-11-28T12:00:00Z"] = 1795867200, ["2026-11-28T12:00:00.250Z"] = 1795867200.25,
      ["2038-01-19T03:14:08Z"] = 2 ^ 31, ["2106-02-07T06:28:16Z"] = 2 ^ 32, ["9999-12-31T23:59:59Z"] = 253402300799,
    } do assert.equal(text, core.iso8601(seconds)) end
  end)

  it("has no text for what is no instant of these years", function()
    for _, seconds in ipairs { -1, -0.25, 253402300800, math.huge, -math.huge, 0 / 0 } do
      assert.is_nil((core.iso8601(seconds)))
    end
  end)
end)
