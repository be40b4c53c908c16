--- How many descriptors clients over libcurl hold, and what happens when there are none left.
-- Luas: lua5.4 sanitized

local origins = require "spec.support.origin"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

if not io.open "/proc/self/fd/0" then
  describe("descriptors", function() pending "needs /proc" end)
  return
end

describe("the descriptors of clients that are never closed", function()
  local origin

  setup(function()
    origin = origins.start()
    origin:default { status = 200, body = "[]" }
  end)
  teardown(function() origin:stop() end)

  -- Output, and the sockets, pipes and the like that the process had open at its end beyond its three streams.
  local function run(environment, limit)
    local out = os.tmpname()
    environment.LUA_PATH, environment.LUA_CPATH = package.path, package.cpath
    environment.BASE_URL = environment.BASE_URL or origin.url
    local words = {}
    for name, value in pairs(environment) do words[#words + 1] = shell.quote(name .. "=" .. value) end
    local output = shell.output(([[
      ulimit -n %d
      rm -f %s; mkfifo %s
      env -u LUA_INIT %s %s spec/support/descriptors.lua <%s >%s.out 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- & pid=$!
      exec 9>%s
      n=0; until grep -q made %s.out || [ $n -gt 1000 ]; do sleep 0.02; n=$((n + 1)); done
      cat %s.out; echo "open $(ls -l /proc/$pid/fd | grep -c -e socket: -e pipe: -e anon_inode:)"
      exec 9>&-; wait $pid; rm -f %s %s.out]]):format(limit or 200, out, out, table.concat(words, " "),
      shell.quote(process.interpreter()), out, out, out, out, out, out, out))
    return output, tonumber(output:match "open (%d+)\n")
  end

  it("are one for each that is idle", function()
    local _, before = run { CLIENTS = 0 }
    for _, calls in ipairs { 1, 3, 30 } do
      local output, open = run { CLIENTS = 20, CALLS = calls, KEEPS = "1" }
      assert.truthy(output:find "made 20\n", output)
      assert.equal(before + 20, open, output)
    end
  end)

  it("are had back from those that nobody holds", function()
    local output, open = run({ CLIENTS = 300 }, 40)
    assert.truthy(output:find "made 300\n", output)
    assert.is_true(open < 40, output)
  end)

  it("are not needed for a slug that nobody can guess", function()
    local code = [[
      local core, seen, handles = require "locksmith.core", {}, {}
      repeat handles[#handles + 1] = io.open "/dev/null" until #handles == 0 or not io.open "/dev/null"
      for _ = 1, 3 do seen[assert(core.slug())] = true end
      local n = 0
      for _ in pairs(seen) do n = n + 1 end
      print(n, core.random() ~= core.random())]]
    local output = shell.output(("ulimit -n 30; LUA_PATH=%s LUA_CPATH=%s %s -e %s 2>&1"):format(
      shell.quote(package.path), shell.quote(package.cpath), shell.quote(process.interpreter()), shell.quote(code)))
    if process.interpreter():find("sanitized", 1, true) then pending "needs an interpreter with -e" return end
    assert.equal("3\ttrue\n", output)
  end)

  it("are what is missing when they are, and nothing is sent", function()
    local output = run({ CLIENTS = 300, KEEPS = "1" }, 40)
    assert.truthy(output:find "connect\tnot_sent\ttoo many open files in this process\n", output)
    assert.is_true(tonumber(output:match "made (%d+)\n") > 20, output)
    output = run({ CLIENTS = 300, KEEPS = "1", BASE_URL = origin.url:gsub("127.0.0.1", "localhost") }, 40)
    assert.truthy(output:find "connect\tnot_sent\ttoo many open files in this process\n", output)
  end)
end)
