--- A signal ends a wait when its handler makes Lua raise an error, as Ctrl-C does, and otherwise leaves it as it was.

local compiled = require "spec.support.compiled"
local process = require "spec.support.process"
local sender = require "spec.support.sender"
local shell = require "spec.support.shell"

-- Far longer than anyone waits here: a wait that is not cut short shows.
local LONG = 60

-- Runs spec/support/interrupted.lua, and `commands` with $pid once it waits.
local function run(commands, environment)
  local out = os.tmpname()
  local words = {}
  environment.LUA_PATH, environment.LUA_CPATH = package.path, environment.LUA_CPATH or package.cpath
  for name, value in pairs(environment) do words[#words + 1] = shell.quote(name .. "=" .. value) end
  local output = shell.output(([[
    env -u LUA_INIT %s %s spec/support/interrupted.lua >%s 2>&1 & pid=$!
    n=0; until grep -q waiting %s || [ $n -gt 500 ]; do sleep 0.02; n=$((n + 1)); done
    sleep 0.2
    %s
    wait $pid; echo "status $?"; cat %s; rm -f %s]]):format(table.concat(words, " "),
    shell.quote(process.interpreter()), out, out, commands, out, out))
  return output
end

-- The interpreter of the sanitized run answers no signals.
local answers_signals = not process.interpreter():find("sanitized", 1, true)

describe("Ctrl-C", function()
  if not answers_signals then
    pending "needs an interpreter that answers it"
    return
  end

  local service

  setup(function()
    service = sender.start()
    service:script { { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\n" } }
  end)
  teardown(function() service:stop() end)

  for wait, what in pairs { pacing = "a wait for a slot", retry = "a wait before a retry",
    attempt = "an attempt that hangs" } do
    for _, coroutine in ipairs { false, true } do
      it(("ends %s%s at once, with Lua's own error"):format(what, coroutine and " in a coroutine" or ""), function()
        local output = run("kill -INT $pid", { WAIT = wait, SECONDS = LONG, BASE_URL = service.url,
          COROUTINE = coroutine and "1" or nil })
        assert.truthy(output:find "status 1\n", output)
        assert.truthy(output:find("interrupted!", 1, true), output)
        assert.is_nil(output:find("waited", 1, true), output)
      end)
    end
  end

  it("closes the connection and leaves a client that works", function()
    service:script { { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\n" },
      { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" } }
    local output = run("kill -INT $pid", { WAIT = "survived", SECONDS = LONG, BASE_URL = service.url })
    assert.truthy(output:find "false\t[^\n]*interrupted!", output)
    assert.truthy(output:find("and goes on", 1, true), output)
    assert.equal(2, service:state().connections)
    assert.equal(0, service:state().open)
  end)
end)

describe("a hook that runs during an attempt", function()
  local service

  setup(function()
    service = sender.start()
    service:script { { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\n" } }
  end)
  teardown(function() service:stop() end)

  it("may close the client, and cannot send through it", function()
    local output = run(":", { WAIT = "closed", SECONDS = LONG, BASE_URL = service.url })
    assert.truthy(output:find "config\nclosed\tunknown\n", output)
    assert.truthy(output:find "status 0\n", output)
    assert.equal(1, service:state().questions)
  end)
end)

describe("a signal whose handler returns", function()
  local service, folder

  setup(function()
    service = sender.start()
    folder = shell.folder "signals"
  end)
  teardown(function()
    service:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  for wait, what in pairs { pacing = "a wait for a slot", retry = "a wait before a retry", attempt = "an attempt" } do
    it("leaves " .. what .. " as long as it was", function()
      if not compiled.build("signals", folder) then
        pending "needs a C compiler and Lua's headers"
        return
      end
      service:script { { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n[", again = " ",
        every = 60, times = 19, tail = "]" } }
      local output = run("for i in 1 2 3 4 5; do kill -USR1 $pid; sleep 0.05; done", { WAIT = wait, SECONDS = 1,
        COUNTED = "1", BASE_URL = service.url, LUA_CPATH = folder .. "/?.so;" .. package.cpath })
      assert.truthy(output:find "status 0\n", output)
      assert.is_true(tonumber(output:match "signals (%d+)") >= 1, output)
      assert.is_true(tonumber(output:match "waited ([%d.]+)") >= 1, output)
    end)
  end
end)
