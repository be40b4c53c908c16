--- Secrets of the command: from files, standard input or a prompt; never from arguments, and never shown.

local command = require "spec.support.command"
local missing = require "spec.support.missing"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("secrets of the command", reason) then return end

local once = command.once(it)

describe("secrets of the command", function()
  local box

  setup(function() box = server.sandbox() end)
  teardown(function() box:stop() end)
  before_each(function() box:reset { rate = false } end)

  local function creation(more)
    local given = { "--base-url=" .. box.url, "--store=memory", "links", "create", "--target", "https://example.com/a",
      "--memo", "Label", environment = { LOCKPUB_API_KEY = server.LOCKPUB_KEY, TERM = "xterm" } }
    for name, value in pairs(more) do
      if type(name) == "number" then given[#given + 1] = value else given[name] = value end
    end
    return given
  end

  local function password()
    local link = box:call("links")[1]
    return link and link.password
  end

  it("are asked for at the terminal, which does not echo them", function()
    local told = command.on_terminal(creation { asked = "Password", typed = "typed-secret\n", after = "stty -a" })
    assert.equal(0, told.status, told.out)
    assert.equal("typed-secret", password())
    assert.is_nil(told.out:find("typed-secret", 1, true))
    assert.truthy(told.out:find("https://lock.pub/", 1, true))
    assert.truthy(told.out:find(" echo ", 1, true))
  end)

  it("leave a terminal that echoes when Ctrl-C ends the prompt", function()
    local told = command.on_terminal(creation { asked = "Password", typed = "typed-\003", after = "stty -a" })
    assert.equal(130, told.status, told.out)
    assert.truthy(told.out:find("locksmith: interrupted\r\n", 1, true), told.out)
    assert.truthy(told.out:find(" echo ", 1, true))
    assert.is_nil(told.out:find("typed-", 1, true))
    assert.equal(0, #box:call "links")
  end)

  once("are not asked for where there is nobody", function()
    local told = command.run(creation {})
    assert.same({ "", "locksmith: --password-file FILE is needed where nobody can be asked\n", 2 },
      { told.out, told.err, told.status })
  end)

  once("come from standard input once only", function()
    local told = command.run { "links", "create", "--memo", "Label", "--secret-file", "-", "--password-file", "-",
      input = "text" }
    assert.equal(2, told.status)
    assert.truthy(told.err:find("standard input cannot be the secret memo and the password", 1, true))
    told = command.run(creation { "--password-file", "-" })
    assert.truthy(told.err:find("standard input is empty", 1, true))
  end)

  once("are no options", function()
    for _, name in ipairs { "--password", "--secret", "--secret-memo", "--api-key", "--key" } do
      local told = command.run(creation { name, "hidden-thing" })
      assert.equal(2, told.status)
      assert.is_nil(told.err:find("hidden-thing", 1, true))
    end
  end)

  once("do not stand where other processes see them", function()
    box:reset { rate = false, delay = 0.5 }
    local folder = shell.folder "secrets"
    shell.write(folder .. "/password", "filed-secret")
    shell.write(folder .. "/key", server.LOCKPUB_KEY)
    local line = command.line(creation { "--password-file", folder .. "/password", "--key-file", folder .. "/key",
      environment = {} })
    local seen = shell.output(([[%s >/dev/null 2>&1 & pid=$!
      sleep 0.2; tr '\0' ' ' </proc/$pid/cmdline; tr '\0' ' ' </proc/$pid/environ; wait $pid; echo "status $?"]])
      :format(line))
    os.execute("rm -rf " .. shell.quote(folder))
    assert.truthy(seen:find("--password-file", 1, true))
    assert.truthy(seen:find("status 0", 1, true))
    assert.is_nil(seen:find("filed-secret", 1, true))
    assert.is_nil(seen:find(server.LOCKPUB_KEY, 1, true))
  end)
end)
