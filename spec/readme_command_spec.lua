--- The README's examples of the command, run on a terminal as a reader would, with the sandbox behind it.

local missing = require "spec.support.missing"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if _VERSION ~= "Lua 5.4" then reason = "one Lua is enough" end
if not missing.declare("the README's commands", reason) then return end

local root = shell.output "pwd":gsub("\n$", "")

-- What differs from run to run: times, and how long it takes.
local function steady(text)
  text = text:gsub("\r[^\r\n]*\27%[K", ""):gsub("\r", "")
  text = text:gsub("%d%d%d%d%-%d%d%-%d%d %d%d:%d%dZ", "TIME"):gsub("%d+ days", "DAYS")
  text = text:gsub("99[78]", "LEFT") -- which of two answers comes last
  return (text:gsub(" +\n", "\n"):gsub(" +", " "))
end

-- The lines that begin with "$ ", with those that go on, and what the README says comes of them.
local function examples()
  local found = {}
  for block in shell.read("README.md"):gmatch "```console\n(.-)```" do
    for line in block:gmatch "([^\n]*)\n" do
      local last = found[#found]
      if line:find "^%$ " then
        found[#found + 1] = { typed = line:sub(3), printed = "" }
      elseif last.typed:find "\\$" then
        last.typed = last.typed:gsub("\\$", "") .. line
      else
        last.printed = last.printed .. line .. "\n"
      end
    end
  end
  return found
end

describe("the README's commands", function()
  local box, folder

  setup(function()
    box = server.sandbox { seed = 1 }
    folder = shell.folder "readme"
    local path = {}
    for part in package.path:gmatch "[^;]+" do path[#path + 1] = part:gsub("^%./", root .. "/") end
    shell.write(folder .. "/locksmith", ('#!/bin/sh\nexec %s %s/lua/locksmith/cli/locksmith --base-url %s "$@"\n')
      :format(process.interpreter(), root, box.url))
    shell.write(folder .. "/password.txt", "share-this-separately\n")
    shell.write(folder .. "/seats.csv", "type,target_url,password,memo\n"
      .. "url,https://example.com/seats/1,of-1-x,Seat 1\nurl,https://example.com/seats/2,of-2-x,\"Seat 2, window\"\n")
    shell.write(folder .. "/settings", ("export LOCKPUB_API_KEY=%s LOCKER_API_KEY=%s HOME=%s TERM=xterm NO_COLOR=1 "
      .. "LUA_PATH=%s LUA_CPATH=%s PATH=%s:\"$PATH\"\n"):format(server.LOCKPUB_KEY, server.LOCKER_KEY, folder,
      shell.quote(table.concat(path, ";")), shell.quote(package.cpath), folder))
    os.execute("chmod +x " .. folder .. "/locksmith")
    box:call("add_address", sandbox.null, { address = "quiet.fox", description = "newsletter", num_forwarded = 12 })
    box:call("add_address", sandbox.null, { address = "loud.cat", description = "forum", num_spam = 71 })
    box:call("add_address", sandbox.null, { address = "red.hen", description = "contest", num_spam = 95 })
  end)
  teardown(function()
    box:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  local function on_terminal(line)
    shell.write(folder .. "/line", "cd " .. folder .. "; . ./settings; stty cols 110; " .. line .. "\n")
    return (shell.output(": | script -qec 'sh " .. folder .. "/line' /dev/null"))
  end

  it("print what it says", function()
    local list = examples()
    assert.is_true(#list >= 10)
    for _, example in ipairs(list) do
      local printed = on_terminal(example.typed)
      if os.getenv "SHOW" then io.stderr:write("$ ", example.typed, "\n", (printed:gsub("\r", ""))) end
      if not os.getenv "SHOW" then assert.equal(steady(example.printed), steady(printed), example.typed) end
    end
  end)
end)
