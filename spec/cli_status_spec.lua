--- The commands `locksmith key info` and `locksmith status`.

local command = require "spec.support.command"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local json = require "locksmith.json"
local lifetime = require "locksmith.cli.lifetime"
local shell = require "spec.support.shell"

-- Each run takes a process. What does not depend on the Lua is tested with one.
local once = command.once(it)

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("the commands key and status", reason) then return end

describe("locksmith", function()
  local box, folder
  setup(function()
    box = server.sandbox()
    folder = shell.folder "cli"
  end)
  teardown(function()
    box:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)
  before_each(function() box:reset { seed = 1 } end)

  local function run(keys, ...)
    local given = { environment = keys, ... }
    table.insert(given, 1, "--base-url=" .. box.url)
    return command.run(given)
  end

  local BOTH = { LOCKER_API_KEY = server.LOCKER_KEY, LOCKPUB_API_KEY = server.LOCKPUB_KEY }
  local LOCKER = { LOCKER_API_KEY = server.LOCKER_KEY }

  local function rows(told)
    local by_service = {}
    for line in told.out:gmatch "[^\n]+" do
      local _, row = json.decode(line)
      by_service[row.service] = row
    end
    return by_service
  end

  it("key info shows the claims of the key and what is left of its life, and asks nobody", function()
    local told = run(LOCKER, "key", "info", "--json")
    assert.equal(0, told.status, told.err)
    local _, claims = json.decode(told.out)
    assert.equal("1@sandbox.locker.io", claims.user)
    assert.equal(4102444800, claims.expired_time)
    assert.truthy(math.abs(claims.seconds_left - (4102444800 - os.time())) < 100)
    assert.truthy(claims.left:find "^%d+ days$")
    assert.is_nil(told.out:find(server.LOCKER_KEY:match "[^.]*$", 1, true))
    assert.equal(0, #box:log())
  end)

  once("key info says that a key has expired, or is none", function()
    local expired = "cs.eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYUBiLmMiLCJleHBpcmVkX3RpbWUiOjE2MDAwMDAwMDB9.c2lnbmF0dXJl"
    local told = run({ LOCKER_API_KEY = expired }, "key", "info")
    assert.equal(3, told.status)
    assert.equal("a@b.c\t\t\t\t1600000000\texpired\n", told.out)
    assert.equal(3, run({ LOCKER_API_KEY = "cs.x" }, "key", "info").status)
    assert.equal(3, run({}, "key", "info").status)
    assert.equal(2, run({}, "key").status)
  end)

  it("status shows what can be reached, and changes nothing", function()
    local told = run(BOTH, "status", "--json", "--store=memory")
    assert.equal(0, told.status, told.err)
    local found = rows(told)
    assert.is_true(found.locker.reachable)
    assert.equal("accepted", found.locker.key)
    assert.is_true(found.lockpub.reachable)
    for _, request in ipairs(box:log()) do assert.equal("GET", request.method) end
    assert.equal(0, #box:call "links")
  end)

  once("status shows the quota that is known", function()
    local environment = { LOCKPUB_API_KEY = server.LOCKPUB_KEY, HOME = folder }
    shell.write(folder .. "/password", "share-this")
    assert.equal(0, run(environment, "links", "create", "--target", "https://example.com/a", "--memo", "a",
      "--password-file", folder .. "/password").status)
    local found = rows(run(environment, "status", "--json"))
    assert.is_nil(found.locker)
    assert.equal(999, found.lockpub.quota_remaining)
    assert.equal(1000, found.lockpub.quota_limit)
  end)

  once("status says what is wrong", function()
    box:call("set_account", sandbox.null, { token = "cs.other" })
    local told = run(LOCKER, "status", "--store=memory")
    assert.equal(3, told.status)
    assert.truthy(told.out:find("^locker\ttrue\trefused\t"), told.out)
    told = run({}, "status", "--store=memory")
    assert.equal(3, told.status)
    assert.equal("", told.out)
    told = command.run { "status", "--store=memory", "--base-url=http://127.0.0.1:1", environment = BOTH }
    assert.equal(6, told.status)
    assert.truthy(told.out:find("^locker\tfalse\tunknown\t[^\n]*connect[^\n]*\nlockpub\tfalse\t"), told.out)
  end)

  once("status takes a file with a key for the service that it is for", function()
    shell.write(folder .. "/key", server.LOCKPUB_KEY .. "\n")
    local told = run({}, "status", "--json", "--store=memory", "--key-file", folder .. "/key")
    assert.equal(0, told.status, told.err)
    local found = rows(told)
    assert.is_true(found.lockpub.reachable)
    assert.is_nil(found.locker)
  end)

  it("tells a life in the words of people", function()
    assert.equal("expired", lifetime.text(100, 100))
    assert.equal("59 minutes", lifetime.text(3599, 0))
    assert.equal("47 hours", lifetime.text(172799, 0))
    assert.equal("30 days", lifetime.text(30 * 86400, 0))
    assert.equal(5, lifetime.ends { exp = 5, expired_time = 6 })
    assert.equal(6, lifetime.ends { expired_time = 6 })
    assert.is_nil(lifetime.ends {})
  end)
end)
