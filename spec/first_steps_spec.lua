--- What somebody who knows Lua, but not this library, writes first: as short as it may be, and run as it stands in the
--- README, in a process of its own, with the sandbox in place of the services.
-- Luas: lua5.4 lua5.1

local first_steps = require "spec.support.first_steps"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local compile = loadstring or load -- luacheck: ignore 113

local function within(most, heading, which)
  local program = first_steps.program(heading, which)
  local lines = first_steps.lines(program)
  assert.is_true(lines <= most, heading .. " has " .. lines .. " lines")
  return program
end

if not server.available() then
  describe("the first steps", function() pending "needs a server for the sandbox" end)
  return
end

describe("the first steps", function()
  local box, folder, command

  lazy_setup(function()
    box = server.sandbox { rate = false, throttle = false }
    local root = shell.output "pwd":gsub("\n$", "")
    local function absolute(path)
      return shell.quote((path:gsub("[^;]+", function(part)
        return part:find "^/" and part or root .. "/" .. part
      end)))
    end
    command = ("LUA_PATH=%s LUA_CPATH=%s LOCKPUB_API_KEY=%s LOCKER_API_KEY=%s exec %s main.lua"):format(
      absolute(package.path), absolute(package.cpath), sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY,
      shell.quote(process.interpreter()))
  end)
  lazy_teardown(function() box:stop() end)
  before_each(function()
    box:reset { rate = false, throttle = false }
    folder = shell.folder "first"
  end)
  after_each(function() os.execute("rm -rf " .. shell.quote(folder)) end)

  local function write(name, text) shell.write(folder .. "/" .. name, text) end

  local function prepare(program)
    write("program.lua", program)
    write("main.lua", first_steps.diversion(box.url) .. 'dofile "program.lua"\n')
  end

  local function run(program, argument)
    prepare(program)
    local output, status = shell.output(("cd %s && %s %s 2>&1"):format(folder, command, argument or ""))
    assert.equal(0, status, output)
    return output
  end

  it("make a link in 3 lines", function()
    assert.truthy(run(within(3, "A link")):find "^https://lock%.pub/%w+\n$")
    assert.equal(1, #box:call "links")
  end)

  it("give each customer an alias in 5 lines", function()
    local program = within(5, "Aliases")
    write("customers.txt", "ada\ngrace\n")
    local first = run(program)
    assert.truthy(first:find "^ada\t[^\n]+@[^\n]+\ngrace\t[^\n]+@[^\n]+\n$")
    assert.equal(first, run(program))
    assert.equal(2, #box:call "addresses")
  end)

  it("switch spammed aliases off in 8 lines, when told to", function()
    local program = within(8, "Aliases", 2)
    local spammed = box:call("add_address", sandbox.null, { num_spam = 90 })
    local used = box:call("add_address", sandbox.null, { num_spam = 90, num_forwarded = 3 })
    assert.truthy(run(program):find("1 change, 0 deletions, 1 unchanged", 1, true))
    assert.is_true(box:call("address", spammed.id).enabled)
    assert.truthy(run(program, "--apply"):find("1 applied, 0 failed", 1, true))
    assert.is_false(box:call("address", spammed.id).enabled)
    assert.is_true(box:call("address", used.id).enabled)
  end)

  it("make a link for each line of a file in 12 lines, killed or not", function()
    local program = within(12, "Many links")
    local lines = {}
    for i = 1, 16 do lines[i] = ("https://example.com/seats/%d,Seat %d,password %d\n"):format(i, i, i) end
    write("seats.csv", table.concat(lines))
    box:fault { service = "lockpub", skip = 5, times = false, delay = 60 } -- made, and not told of
    prepare(program)
    local pipe = assert(io.popen(("cd %s && echo $$ && %s"):format(folder, command)))
    local pid = pipe:read():match "^%d+$"
    local patience = os.time() + 10
    repeat until #box:call "links" >= 5 or os.time() > patience
    os.execute("kill -9 " .. pid)
    pipe:close()
    assert.is_true(#box:call "links" < 16)
    box:call "clear_faults"
    local output, done = run(program), 0
    for _ in output:gmatch "Seat %d+\thttps://lock%.pub/" do done = done + 1 end
    assert.equal(16, done, output)
    assert.equal(16, #box:call "links")
  end)

  it("test one's own code with a 429 in 6 lines", function()
    local program, ran = within(6, "In tests"), 0
    local shop = dofile "spec/examples/shop.lua"
    local env = setmetatable({ shop = shop, it = function(_, test)
      test()
      ran = ran + 1
    end }, { __index = _G })
    local chunk
    if setfenv then
      chunk = setfenv(assert(compile(program)), env)
    else
      chunk = assert(load(program, "=README", "t", env))
    end
    chunk()
    assert.equal(1, ran)
  end)

  it("answer a visitor of nginx in 12 lines", function() within(12, "In nginx") end)
end)
