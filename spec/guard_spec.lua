--- What stands between lua-resty-http and its socket: how requests leave, and when receiving ends.

local core = require "locksmith.core"
local guard = require "locksmith.transport.guard"

-- A socket that notes what is sent and gives out pieces.
local function socket(pieces)
  local self = { sent = {}, timeouts = {} }
  function self.send(_, data)
    self.sent[#self.sent + 1] = data
    return type(data) == "table" and #table.concat(data) or #data
  end
  function self.settimeout(_, milliseconds) self.timeouts[#self.timeouts + 1] = milliseconds end
  function self.receiveany() return table.remove(pieces, 1) end
  return self
end

local function guarded(pieces, seconds)
  local real = socket(pieces or {})
  return guard.wrap({ sock = real }, core.now() + (seconds or 10)), real
end

describe("a guarded socket", function()
  it("is none where the library keeps its socket elsewhere", function()
    assert.is_nil(guard.wrap({}, 0))
  end)

  it("sends head and body in one piece", function()
    local own, real = guarded()
    own:expect(core.now() + 10, true)
    assert.equal(4, own:send "head")
    assert.same({}, real.sent)
    assert.equal(8, own:send "body")
    assert.same({ { "head", "body" } }, real.sent)
  end)

  it("sends a head without a body at once", function()
    local own, real = guarded()
    own:expect(core.now() + 10, false)
    own:send "head"
    assert.same({ "head" }, real.sent)
  end)

  it("keeps no head back from who asks for the answer first", function()
    local own, real = guarded { "HTTP/1.1 200 OK\r\n\r\n" }
    own:expect(core.now() + 10, true)
    own:send "head"
    assert.equal("HTTP/1.1 200 OK", own:receive "*l")
    assert.same({ { "head", "" } }, real.sent)
  end)

  it("gives each read the time that is left, and none once it is over", function()
    local own, real = guarded { "HTTP/1.1 200 OK\r\n", "\r\n", "late" }
    own:expect(core.now() + 10, false)
    assert.equal("HTTP/1.1 200 OK", own:receive "*l")
    for _, milliseconds in ipairs(real.timeouts) do assert.is_true(milliseconds > 9000 and milliseconds <= 10000) end
    assert.equal(2, #real.timeouts)
    own.ends = core.now() - 1
    own:lift(100)
    local data, message = own:receive(4)
    assert.is_nil(data)
    assert.equal("timeout", message)
    assert.equal("timeout", own.stopped) -- the library may keep it to itself
  end)
end)
