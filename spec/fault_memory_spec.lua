--- A client that works and fails for long takes no more memory than one that has just warmed up.
-- Luas: lua5.4 luajit sanitized

local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local stack = require "spec.support.stack"

local unpack = table.unpack or unpack

if not stack.available() then
  describe("memory over a faulty network", function()
    pending("needs nginx with its Lua module")
  end)
  return
end

local WARM, ROUNDS, CALLS = 4, 9, 400
-- Kilobytes for 2000 calls: 80 bytes a call. A huge answer that comes late may take a hundred, once.
local GROWTH_MAX = 160

-- Of the three last rounds, and of those that end the warming up.
local function least(kilobytes) return math.min(unpack(kilobytes, ROUNDS - 2, ROUNDS)) end
local function most(kilobytes) return math.max(unpack(kilobytes, WARM - 2, WARM)) end

describe("memory over a faulty network", function()
  local s

  lazy_setup(function() s = stack.start { log_limit = 1 } end)
  lazy_teardown(function() s:stop() end)

  for _, case in ipairs {
    { "when all goes well", 0 },
    { "among faults", 0.3, { "drop_before", "drop_after", "cut_headers", "cut_body", "wrong_length", "garbage",
      "bad_json", "status", "status_after", "idle_close", "idle_close_on_next", "refuse",
      { "huge", how = "headers", weight = 0.1 } } },
  } do
    it("stays flat " .. case[1], function()
      s:reset()
      s.box:call("add_address", sandbox.null, {})
      s.proxy:chaos { seed = 1, rate = case[2], kinds = case[3] }
      local output, status = process.run("spec/support/steady.lua",
        { BASE_URL = s.proxy.url, ROUNDS = tostring(ROUNDS), CALLS = tostring(CALLS) })
      assert.equal(0, status, output)
      local lua, resident = {}, {}
      for a, b in output:gmatch "(%d+) (%d+)\n" do lua[#lua + 1], resident[#resident + 1] = tonumber(a), tonumber(b) end
      assert.equal(ROUNDS, #lua, output)
      -- A huge answer, or one given back, shows in the round it falls in.
      assert.is_true(least(lua) - most(lua) < 16, "Lua's memory grew:\n" .. output)
      assert.is_true(least(resident) - most(resident) < GROWTH_MAX, "the process grew:\n" .. output)
      assert.is_true(s.proxy:state().accepted > 0)
    end)
  end
end)
