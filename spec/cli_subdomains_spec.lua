--- The command `locksmith subdomains`.

local command = require "spec.support.command"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"

-- Each run takes a process. What does not depend on the Lua is tested with one.
local once = command.once(it)

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("the command subdomains", reason) then return end

describe("locksmith subdomains", function()
  local box
  setup(function() box = server.sandbox() end)
  teardown(function() box:stop() end)
  before_each(function() box:reset { seed = 1 } end)

  local function run(...)
    return command.run { "subdomains", "--store=memory", "--base-url=" .. box.url, environment = {
      LOCKER_API_KEY = server.LOCKER_KEY }, ... }
  end

  local function done(...)
    local told = run(...)
    assert.equal(0, told.status, told.err)
    return told.out
  end

  local function refused(status, text, ...)
    local told = run(...)
    assert.equal(status, told.status, told.err .. told.out)
    assert.truthy(told.err:find(text, 1, true), told.err)
  end

  local function name()
    local subdomain = box:call("subdomain", sandbox.null)
    return subdomain and subdomain.subdomain
  end

  it("makes one and lists it", function()
    assert.equal("myshop\n", done("create", "myshop", "--dry-run"))
    assert.is_nil(name())
    assert.truthy(done("create", "myshop"):find "^1\tmyshop\t0\t")
    assert.truthy(done("list", "--json"):find('^{"id":1,"subdomain":"myshop","num_alias":0,'))
  end)

  once("renames and deletes only what is named", function()
    done("create", "myshop")
    refused(2, 'renaming the subdomain "myshop" destroys its 0 aliases for good', "rename", "1", "other")
    refused(2, 'renaming the subdomain "myshop"', "rename", "1", "other", "--confirm", "shop", "--dry-run")
    assert.truthy(done("rename", "1", "other", "--confirm", "myshop", "--dry-run"):find("\tmyshop\t", 1, true))
    assert.equal("myshop", name())
    assert.truthy(done("rename", "1", "other", "--confirm", "myshop"):find("\tother\t", 1, true))
    assert.equal("other", name())
    refused(2, "pass confirm", "delete", "other")
    done("delete", "other", "--confirm", "other", "-n")
    assert.equal("other", name())
    done("delete", "other", "--confirm", "other")
    assert.is_nil(name())
    refused(1, "other: there is no such subdomain", "delete", "other", "--confirm", "other")
  end)

  once("switches their use on and off", function()
    done("create", "myshop")
    assert.equal("false\n", done "use")
    assert.equal("false\n", done("use", "true", "-n"))
    assert.equal("true\n", done("use", "true"))
    assert.equal("true\n", done "use")
    assert.equal("false\n", done("use", "false"))
    refused(2, "must be one of 'true', 'false'", "use", "perhaps")
  end)
end)
