--- addresses:ensure over real sockets, in a job that is killed again and again.
-- Luas: lua5.4 luajit

local missing = require "spec.support.missing"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"
local stack = require "spec.support.stack"

local reason = not stack.available() and "nginx with its Lua module is not here" or nil
if not missing.declare("ensure in a job that is killed", reason) then return end

local CUSTOMERS = 12

describe("ensure in a job that is killed", function()
  local s, folder
  setup(function() s = stack.start { throttle = false } end)
  teardown(function() s:stop() end)
  before_each(function() folder = shell.folder "ensure" end)
  after_each(function() os.execute("rm -rf " .. shell.quote(folder)) end)

  local function job(variables)
    local words = {}
    variables.URL, variables.KEY, variables.JOURNAL = s.proxy.url, sandbox.LOCKER_KEY, folder .. "/journal"
    variables.LUA_PATH, variables.LUA_CPATH, variables.CUSTOMERS = package.path, package.cpath, CUSTOMERS
    for name, value in pairs(variables) do words[#words + 1] = shell.quote(name .. "=" .. value) end
    local output = shell.output(("(env -u LUA_INIT %s %s spec/support/ensure_job.lua; true) 2>&1"):format(
      table.concat(words, " "), shell.quote(process.interpreter())))
    return tonumber(output:match "steps (%d+)\n$"), output
  end

  it("leaves one alias for each, however often and wherever that was", function()
    local steps = assert(job {})
    s:reset { throttle = false }
    os.remove(folder .. "/journal")
    local seed, killed = 3, 0
    local function random()
      seed = (seed * 16807) % 2147483647
      return seed / 2147483647
    end
    for round = 1, 30 do
      if not job { KILL = math.floor(20 + random() * steps * (1 - 0.7 * round / 30)) } then killed = killed + 1 end
    end
    assert.is_true(killed >= 20, killed .. " were killed")
    local finished, output = job {}
    assert.truthy(finished, output)
    local names = {}
    for _, address in ipairs(s.box:call "addresses") do
      assert.is_nil(names[address.description], address.description .. " has two")
      names[address.description] = true
    end
    for i = 1, CUSTOMERS do assert.is_true(names["customer " .. i], output) end
    assert.equal(CUSTOMERS, #s.box:call "addresses")
  end)
end)
