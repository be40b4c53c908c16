local wire = require "locksmith.wire"

local TOO_MUCH = "too much"

--- A wire over pieces that come one by one, and how many bytes were asked for at most each time.
local function over(pieces, left)
  local n, asked = 0, {}
  local function pull(most)
    n = n + 1
    asked[n] = most
    local piece = pieces[n]
    if not piece then return nil, "closed" end
    return piece
  end
  return wire.new(pull, left or 1000, TOO_MUCH), asked
end

-- A text in every way of cutting it into two pieces, and byte by byte.
local function cuts(text)
  local ways = { { text } }
  for i = 1, #text - 1 do ways[#ways + 1] = { text:sub(1, i), text:sub(i + 1) } end
  local bytes = {}
  for byte in text:gmatch "." do bytes[#bytes + 1] = byte end
  ways[#ways + 1] = bytes
  return ways
end

describe("a wire", function()
  it("gives lines and pieces, however they are cut up", function()
    for _, pieces in ipairs(cuts "+OK\r\n\r\n\nab\rc\r\n12345rest\n") do
      local one = over(pieces)
      assert.equal("+OK", one:line())
      assert.equal("", one:line())
      assert.equal("", one:line())
      assert.equal("ab\rc", one:line())
      assert.equal("", one:exactly(0))
      assert.equal("123", one:exactly(3))
      assert.equal("45", one:exactly(2))
      assert.equal("rest", one:line())
      assert.equal(0, one:pending())
      assert.same({ nil, "closed", "" }, { one:line() })
    end
  end)

  it("says what came before an end", function()
    for _, pieces in ipairs(cuts "half") do
      assert.same({ nil, "closed", "half" }, { over(pieces):line() })
      assert.same({ nil, "closed", "half" }, { over(pieces):exactly(5) })
    end
  end)

  it("gives what it may hold, and no byte more", function()
    for _, pieces in ipairs(cuts "12345\r\n") do
      assert.equal("12345", over(pieces, 7):line())
      assert.same({ nil, TOO_MUCH }, { over(pieces, 6):line() })
      assert.equal("12345\r\n", over(pieces, 7):exactly(7))
      assert.same({ nil, TOO_MUCH }, { over(pieces, 6):exactly(7) })
    end
    local one = over({ ("x\n"):rep(10) }, 6)
    for _ = 1, 3 do assert.equal("x", one:line()) end
    assert.same({ nil, TOO_MUCH }, { one:line() })
    one.left = 2
    assert.equal("x", one:line())
  end)

  it("asks for nothing beyond a limit that is known to be broken", function()
    local endless, asked = over(setmetatable({}, { __index = function() return ("x"):rep(100) end }), 250)
    assert.same({ nil, TOO_MUCH }, { endless:line() })
    assert.equal(3, #asked)
    endless, asked = over({}, 250)
    assert.same({ nil, TOO_MUCH }, { endless:exactly(1e15) })
    assert.equal(0, #asked)
  end)

  it("asks for no more than it needs of a piece", function()
    local one, asked = over { "1234", "5678", "90" }
    assert.equal("1234567890", one:exactly(10))
    assert.same({ 10, 6, 2 }, asked)
  end)

  it("knows what came unasked", function()
    local one = over { "a\nbcd" }
    one:line()
    assert.equal(3, one:pending())
  end)

  it("takes time in proportion to what comes, in bytes of their own too", function()
    local one = over(setmetatable({}, { __index = function(_, n) return n < 20000 and "x" or "\n" end }), 30000)
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    local line = one:line()
    local used = collectgarbage "count" - before
    collectgarbage "restart"
    assert.equal(19999, #line)
    assert.is_true(used < 2000, used)
  end)
end)
