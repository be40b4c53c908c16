--- Transport "capture": an answer that does not end holds neither the call nor the visitor.

local curl = require "spec.support.curl"
local find_nginx = require "locksmith.sandbox.server.find_nginx"
local floods = require "spec.support.http_floods"
local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local sender = require "spec.support.sender"
local shell = require "spec.support.shell"

if not nginx.usable "what is received over capture" then return end

local CALL = [[
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = "http://127.0.0.1:SERVICE",
    store = locksmith.memory(), attempt_timeout = 0.4, max_retries = 0, max_response_bytes = 20000 })
  local page, err = locker.addresses:create()
  local said = ("%s %s %s %s"):format(page and "page" or err.kind, err.outcome, tostring(err.status),
    page and "" or err.elapsed < 5 and "in time" or "too late")
]]

local LOCATIONS = [[
  location = /page { content_by_lua_block { CALL ngx.status = 503 ngx.say(said) } }
  location = /thread { content_by_lua_block {
    local thread = ngx.thread.spawn(function() CALL return said end)
    ngx.say((select(2, ngx.thread.wait(thread))))
    ngx.sleep(0.3)
    ngx.say "and more"
    ngx.eof()
  } }
  location = /again { content_by_lua_block {
    for _ = 1, 3 do
      CALL
      ngx.say(said)
    end
  } }
  location = /exit { content_by_lua_block { CALL ngx.shared.locksmith:set("exit", said) return ngx.exit(502) } }
  location = /said { content_by_lua_block { ngx.say(ngx.shared.locksmith:get "exit") } }
]]

local LIST = [[
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = ..., store = locksmith.memory() })
  return locker.addresses:list()
]]

local CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

describe("what is received over capture", function()
  local service, inside

  lazy_setup(function()
    service = sender.start()
    local call = CALL:gsub("SERVICE", service.port)
    inside = runner.start { transport = "capture", server = (LOCATIONS:gsub("CALL", function() return call end)) }
  end)
  lazy_teardown(function()
    inside:stop()
    service:stop()
  end)

  local function answer(script)
    script.after = "\r\n\r\n"
    service:script { script }
  end

  local function get(path)
    local output = nginx.output_of(("curl -s --noproxy '*' --max-time 8 -w '%%{http_code} %%{exitcode}' %s"):format(
      curl.quote(inside.nginx.url .. path)))
    local body, status, exit = output:match "^(.*)(%d%d%d) (%d+)$"
    return body, tonumber(status), tonumber(exit)
  end

  -- The service notices a little later than the visitor.
  local function all_closed()
    for _ = 1, 100 do
      if service:state().open == 0 then return true end
      shell.sleep(0.02)
    end
    return false
  end

  for _, case in ipairs {
    { "a body to the end of the connection", "HTTP/1.1 200 OK\r\n\r\n" },
    { "a body that tells its length", "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" },
    { "a chunk", CHUNKED .. "2000\r\n" },
    { "a chunk extension", CHUNKED .. "2000;" },
    { "a trailer", CHUNKED .. "2\r\n{}\r\n0\r\nX: " },
  } do
    it("in drips, " .. case[1] .. ": timeout, with the status, and the visitor has the whole page", function()
      answer { head = case[2], again = "1", every = 20 }
      assert.same({ "timeout unknown 200 in time\n", 503, 0 }, { get "/page" })
      assert.is_true(all_closed())
    end)
  end

  it("in drips, a refusal: timeout, and rejected", function()
    answer { head = "HTTP/1.1 403 Forbidden\r\n\r\n", again = "1", every = 20 }
    assert.same({ "timeout rejected 403 in time\n", 503, 0 }, { get "/page" })
  end)

  it("and then silence: timeout", function()
    answer { head = "HTTP/1.1 200 OK\r\n\r\n[" }
    assert.same({ "timeout unknown 200 in time\n", 503, 0 }, { get "/page" })
  end)

  it("in floods: too_large where it is a body, and no memory is taken", function()
    for _, script in ipairs { { head = "HTTP/1.1 200 OK\r\n\r\n", again = " " },
      { head = CHUNKED, again = "100\r\n" .. (" "):rep(256) .. "\r\n" } } do
      answer(script)
      assert.same({ "too_large unknown 200 in time\n", 503, 0 }, { get "/page" })
      assert.is_true(all_closed())
    end
    assert.is_true(nginx.memory(inside.nginx:workers()[1]) < 60000)
  end)

  -- What nginx keeps to itself cannot be counted, and is bounded by the time.
  local OTHERWISE = {
    ["interim answers without end"] = "bad_response",
    ["trailers without end"] = "timeout", ["a trailer line without end"] = "timeout",
    ["a trailer that goes on for ever"] = "timeout", ["a chunk extension without end"] = "timeout",
  }

  for _, case in ipairs(floods.TOO_LARGE) do
    local kind = OTHERWISE[case[1]] or "too_large"
    it("in floods, " .. case[1] .. ": " .. kind .. ", and the visitor has the whole page", function()
      answer(case[2])
      local body, status, exit = get "/page"
      assert.equal(kind, body:match "^(%S+) unknown %w+ in time\n$", body)
      assert.same({ 503, 0, true }, { status, exit, all_closed() })
    end)
  end

  -- Such as nginx/1.22.1 or openresty/1.25.3.1.
  local minor = nginx.output_of(shell.quote(find_nginx().path) .. " -v 2>&1"):match "/1%.(%d+)"
  local refuses_two_lengths = minor ~= nil and tonumber(minor) >= 23
  local skips_hints = minor ~= nil and tonumber(minor) >= 29

  it("that is no HTTP: bad_response at once", function()
    for _, script in ipairs { { head = "SSH-2.0-OpenSSH_9.2\r\n\r\n" },
      { head = "garbage", again = "x", every = 20 } } do
      answer(script)
      assert.same({ "bad_response unknown nil in time\n", 503, 0 }, { get "/page" })
    end
  end)

  it("that comes after early hints: bad_response, which only newer nginx reads as far as the answer", function()
    answer { head = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
    local status = skips_hints and "200" or "nil"
    assert.same({ "bad_response unknown " .. status .. " in time\n", 503, 0 }, { get "/page" })
  end)

  for _, case in ipairs(floods.GOOD) do
    -- nginx takes an interim answer for the final one, folds nothing, and does not read a list as a length, nor, of
    -- late, two of them.
    if not case[1]:find "interim" and not case[1]:find "goes on" and not case[1]:find "list"
      and not (case[1]:find "length twice" and refuses_two_lengths) then
      it(case[1] .. " is read", function()
        answer(case[2])
        local page, response = inside:run(LIST, service.url)
        assert.truthy(page, response.text)
      end)
    end
  end

  it("several times in one request", function()
    answer { head = "HTTP/1.1 200 OK\r\n\r\n", again = "1", every = 20 }
    assert.same({ ("timeout unknown 200 in time\n"):rep(3), 200, 0 }, { get "/again" })
    assert.is_true(all_closed())
  end)

  it("does not stop the code from ending as it likes, and lets go of the visitor", function()
    answer { head = "HTTP/1.1 200 OK\r\n\r\n", again = "1", every = 20 }
    get "/exit"
    assert.equal("timeout unknown 200 in time\n", (get "/said"))
    assert.is_true(all_closed())
  end)

  it("for a light thread that was killed, lets go of the visitor in the end", function()
    local call = CALL:gsub("SERVICE", service.port)
    -- On whose clock ten seconds pass in half a one.
    local fast = runner.start { transport = "capture", http = [[
      init_by_lua_block { local now = ngx.now function ngx.now() return now() * 20 end }
    ]], server = ([[
      location = /killed { content_by_lua_block {
        local thread = ngx.thread.spawn(function() CALL end)
        ngx.sleep(0.1)
        ngx.thread.kill(thread)
        ngx.say "killed"
        ngx.flush(true)
      } }
    ]]):gsub("CALL", function() return call end) }
    finally(function() fast:stop() end)
    for _, head in ipairs { "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", CHUNKED .. "2000\r\n" } do
      answer { head = head, again = "1", every = 20 }
      local output = nginx.output_of(("curl -s --noproxy '*' --max-time 8 -w '%%{exitcode}' %s/killed"):format(
        fast.nginx.url))
      assert.matches("^killed\n", output)
      assert.not_equal("28", output:match "%d+$") -- out of time
      assert.is_true(all_closed())
    end
  end)

  it("in a light thread, whose request goes on", function()
    answer { head = "HTTP/1.1 200 OK\r\n\r\n", again = "1", every = 20 }
    assert.same({ "timeout unknown 200 in time\nand more\n", 200, 0 }, { get "/thread" })
  end)
end)
