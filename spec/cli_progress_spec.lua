--- The line that shows how far a run is.

local progress = require "locksmith.cli.progress"

local function stage(given)
  local written, time = {}, 100
  local stream = { write = function(_, ...) written[#written + 1] = table.concat { ... } end, flush = function() end }
  local variables = { TERM = "xterm" }
  for name, value in pairs(given and given.variables or {}) do variables[name] = value end
  local shown = progress.new { stream = stream, terminal = not (given and given.piped), quiet = given and given.quiet,
    verb = "made", now = function() return time end, getenv = function(name) return variables[name] end }
  return shown, written, function(seconds) time = time + seconds end
end

local function told(done, more)
  local p = { done = done, failed = 0, total = 150, seconds_left = 40 }
  for name, value in pairs(more or {}) do p[name] = value end
  return p
end

describe("progress", function()
  it("says how far it is and how long it takes", function()
    assert.equal("12 of 150 made, about 40 s left", progress.text(told(12), "made"))
    assert.equal("12 of 150 made, 2 skipped, 1 failed, about 5 min left",
      progress.text(told(12, { failed = 1, skipped = 2, seconds_left = 290 }), "made"))
    assert.equal("12 made", progress.text({ done = 12, failed = 0 }, "made"))
    assert.equal("150 of 150 made", progress.text(told(150, { seconds_left = 0 }), "made"))
    assert.equal("1 of 150 made", progress.text(told(1, { seconds_left = 0 / 0 }), "made"))
    assert.equal("1 of 150 made, about 3.0 h left", progress.text(told(1, { seconds_left = 10800 }), "made"))
    assert.equal("1 of 150 made, less than a second left", progress.text(told(1, { seconds_left = 0.2 }), "made"))
  end)

  it("draws one line over itself, a few times a second, and takes it away", function()
    local shown, written, pass = stage()
    shown:update(told(1))
    shown:update(told(2))
    pass(0.2)
    shown:update(told(3))
    shown:update(told(150, { seconds_left = 0 }))
    shown:hide()
    shown:hide()
    assert.same({ "\r1 of 150 made, about 40 s left\27[K", "\r3 of 150 made, about 40 s left\27[K",
      "\r150 of 150 made\27[K", "\r\27[K" }, written)
  end)

  it("does not wrap", function()
    local shown, written = stage { variables = { COLUMNS = "24" } }
    shown:update(told(1, { failed = 100 }))
    assert.equal("\r1 of 150 made, 100 fail\27[K", written[1])
  end)

  it("is drawn on terminals that can, and where nobody asked for quiet", function()
    for _, given in ipairs { { piped = true }, { quiet = true }, { variables = { TERM = "dumb" } },
      { variables = { TERM = "" } } } do
      local shown, written = stage(given)
      shown:update(told(1))
      shown:hide()
      assert.same({}, written)
    end
  end)
end)
