--- What the command does for shells, and the sandbox that it serves.

local command = require "spec.support.command"
local curl = require "spec.support.curl"
local json = require "locksmith.json"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("the command in shells", reason) then return end

local once = command.once(it)

describe("completion", function()
  it("is a script for each shell, which knows every command and option", function()
    for _, name in ipairs { "bash", "zsh", "fish" } do
      local told = command.run { "completion", name }
      assert.same({ 0, "" }, { told.status, told.err })
      for _, word in ipairs { "batch", "quota", "password-file", "base-url" } do
        assert.truthy(told.out:find(word, 1, true), name .. " " .. word)
      end
    end
    local _, status = shell.output("bash -n <<'END'\n" .. command.run({ "completion", "bash" }).out .. "END")
    assert.equal(0, status)
  end)

  once("is there for no other shell", function()
    local told = command.run { "completion", "tcsh" }
    assert.same({ "", 2 }, { told.out, told.status })
    assert.truthy(told.err:find("'bash'", 1, true))
  end)
end)

describe("the manual page", function()
  once("tells of each command and option that --help tells of", function()
    local text = require("locksmith.cli.manual").text():gsub("\\%-", "-"):gsub("\\f[BIR]", "")
    for _, word in ipairs { '.SS "locksmith links create"', '.SS "locksmith quota"', "--target URL", "--store STORE",
      "-n, --dry-run", "bash, zsh, fish" } do
      assert.truthy(text:find(word, 1, true), word)
    end
  end)
end)

describe("the sandbox of the command", function()
  once("says where it is and the keys to use, and serves both services", function()
    local folder = shell.folder "sandbox"
    local line = command.line { "sandbox", "--port", "0", "--json", "--plan", "free",
      environment = { LUA_PATH = package.path .. ";;", LUA_CPATH = package.cpath .. ";;" } }
    local pid = shell.output(("%s >%s/out 2>%s/err & echo $!"):format(line, folder, folder)):gsub("\n", "")
    finally(function()
      os.execute("kill " .. pid)
      os.execute("rm -rf " .. shell.quote(folder))
    end)
    assert.is_true(shell.eventually(function() return shell.read(folder .. "/out"):find "\n" ~= nil end),
      shell.read(folder .. "/err"))
    local _, told = json.decode(shell.read(folder .. "/out"))
    assert.same({ sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY }, { told.lockpub_api_key, told.locker_api_key })
    local _, response = curl.request { url = told.base_url .. "/api/v1/links", method = "POST" }
    assert.equal(401, response.status)
    local busy = command.run { "sandbox", "--port", told.base_url:match "%d+$" }
    assert.same({ "", 6, "locksmith: port " .. told.base_url:match "%d+$" .. " is in use\n" },
      { busy.out, busy.status, busy.err })
  end)

  once("takes ports and plans only", function()
    assert.equal(2, command.run({ "sandbox", "--port", "99999" }).status)
    assert.equal(2, command.run({ "sandbox", "--plan", "gold" }).status)
  end)
end)
