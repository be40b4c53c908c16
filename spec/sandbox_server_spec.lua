--- The sandbox over real HTTP, by LuaSocket under each interpreter and by nginx, with curl as the client.
-- Luas: lua5.4 lua5.1 luajit

local curl = require "spec.support.curl"
local json = require "locksmith.sandbox.json"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local START = 1795189533

if not server.available() then
  describe("the served sandbox", function()
    pending("needs lua5.4 with LuaSocket")
  end)
  return
end

local function output_of(command)
  return (shell.output(command))
end

--- Waits for a shell condition; nil if it does not come true.
local function eventually(condition)
  for _ = 1, 200 do
    if output_of("if " .. condition .. "; then echo yes; else sleep 0.05; fi") == "yes\n" then return true end
  end
end

local function bearer(more)
  local headers = { { "Authorization", "Bearer " .. server.LOCKER_KEY } }
  for name, value in pairs(more or {}) do headers[#headers + 1] = { name, value } end
  return headers
end

local function served(backend)
  local box
  local OPTIONS = { start_time = START, seed = 5 }

  local function locker(method, path, body, more)
    return curl.request {
      method = method, url = box.url .. "/v3/relay" .. path, headers = bearer(more), body = body,
    }
  end

  lazy_setup(function() box = server.sandbox { backend = backend, lua = process.interpreter() } end)
  lazy_teardown(function() box.stop() end)
  before_each(function() box:reset(OPTIONS) end)

  it("has both services on one port", function()
    assert.equal(201, locker("POST", "/addresses").status)
    local response = curl.request {
      method = "POST", url = box.url .. "/api/v1/links",
      headers = { { "Authorization", "Bearer " .. server.LOCKPUB_KEY }, { "Content-Type", "application/json" } },
      body = '{"type":"url","targetUrl":"https://example.com","password":"p","memo":"m"}',
    }
    assert.equal(201, response.status)
    assert.equal("999", response.headers["x-api-quota-remaining"])
  end)

  it("answers as the sandbox in this process does, to the byte", function()
    local here = sandbox.new { start_time = START, seed = 5 }
    local authority = box.url:match("//(.*)$")
    local JSON = { ["Content-Type"] = "application/json" }
    for _, case in ipairs {
      { "POST", "/addresses" }, { "POST", "/addresses", "{}", JSON }, { "GET", "/addresses?size=1&q=%C3%A9+x" },
      { "HEAD", "/addresses" }, { "HEAD", "/addresses/9" }, { "GET", "/addresses//1" }, { "GET", "/addresses/%31" },
      { "PUT", "/addresses/1", '{"address":"na\\u00efve"}', JSON }, { "PUT", "/addresses/1/enabled" },
      { "GET", "/addresses", nil, { Accept = "text/html" } },
      { "POST", "/addresses", "x", { ["Content-Type"] = "a/b" } },
      { "POST", "/addresses", "x" }, { "GET", "/addresses", "{", JSON }, { "FOO", "/addresses" },
      { "PATCH", "/addresses/1" }, { "OPTIONS", "/subdomains/use_subdomain" }, { "OPTIONS", "/addresses" },
      { "GET", "" }, { "GET", "/" }, { "DELETE", "/addresses/1" }, { "DELETE", "/addresses/1" },
    } do
      local method, path, body, more = case[1], case[2], case[3], case[4]
      local headers = bearer(more)
      headers[#headers + 1] = { "Host", authority }
      local wanted = here:handle { method = method, url = "/v3/relay" .. path, headers = headers, body = body }
      local got = assert(locker(method, path, body, more), method .. " " .. path)
      assert.equal(wanted.status, got.status, method .. " " .. path)
      assert.equal(wanted.body, got.body)
      for _, name in ipairs { "content-type", "allow", "location", "vary", "retry-after" } do
        assert.equal(wanted.headers[name], got.headers[name])
      end
      if wanted.status ~= 204 then assert.equal(wanted.headers["content-length"], got.headers["content-length"]) end
    end
  end)

  it("passes the host, headers and address of the client", function()
    for _ = 1, 2 do locker("POST", "/addresses") end
    local response = locker("GET", "/addresses?size=1", nil, { Host = "api.example.org:81", ["X-Odd_name"] = "kept" })
    assert.matches('"next":"http://api.example.org:81/v3/relay/addresses?page=2', response.body, 1, true)
    local log = box:log()
    assert.equal("kept", log[#log].headers["x-odd_name"])
    assert.equal("api.example.org:81", log[#log].headers.host)
    box:reset { throttle = 1 }
    assert.equal(200, locker("GET", "/addresses").status)
    assert.equal(429, locker("GET", "/addresses").status)
    assert.equal(200, locker("GET", "/addresses", nil, { ["X-Forwarded-For"] = "192.0.2.1" }).status)
  end)

  it("takes bodies of 3 MB", function()
    local address = box:call("add_address").address
    local pad = ("x"):rep(3000000)
    local body = '{"address":"' .. address .. '","pad":"' .. pad .. '"}'
    local JSON = { ["Content-Type"] = "application/json" }
    assert.equal(200, locker("PUT", "/addresses/1", body, JSON).status)
    assert.equal(#body, box:log()[1].body_bytes)
  end)

  describe("by its control surface", function()
    it("is made anew with options", function()
      locker("POST", "/addresses")
      box:reset { plan = "free", accounts = { { name = "other", addresses = { { id = 9 } } } } }
      local state = box:state()
      assert.same({}, state.accounts.main.addresses)
      assert.equal("free", state.accounts.main.plan)
      assert.equal(9, state.accounts.other.addresses[1].id)
      assert.equal(0, state.requests)
    end)

    it("is changed by someone else", function()
      box:call("add_address", nil, { enabled = false })
      assert.matches('"enabled":false', locker("GET", "/addresses/1").body, 1, true)
      box:call("set_address", 1, { enabled = true })
      assert.matches('"enabled":true', locker("GET", "/addresses/1").body, 1, true)
      box:call("delete_address", 1)
      assert.equal(404, locker("GET", "/addresses/1").status)
      assert.equal(1, box:call("count", { status = 404 }))
      assert.is_nil(box:call("address", 1))
    end)

    it("moves its clock", function()
      assert.equal(START + 60, box:call("advance", 60))
      assert.equal(START + 60, box.control("state").now)
    end)

    it("says what is wrong", function()
      assert.has_error(function() box:reset { plans = "free" } end, "unknown sandbox option plans")
      assert.has_error(function() box:call "handle" end, "no sandbox method handle")
      assert.has_error(function() box:call("delete_address", 5) end, "no sandbox address 5")
      assert.has_error(function() box:control "nothing" end, "no such control request")
    end)
  end)

  describe("with faults", function()
    local EMPTY_REPLY = "the connection closed without an answer"

    local function lost(method, path)
      local response, rest = locker(method, path)
      assert.is_nil(response)
      return rest.status == 0 and EMPTY_REPLY or rest
    end

    it("drops the connection before or after it acts", function()
      box:fault { fault = "drop_before" }
      assert.equal(EMPTY_REPLY, lost("POST", "/addresses"))
      assert.equal(0, #box:state().accounts.main.addresses)
      box:fault { fault = "drop_after" }
      assert.equal(EMPTY_REPLY, lost("POST", "/addresses"))
      assert.equal(1, #box:state().accounts.main.addresses)
    end)

    it("breaks an answer off", function()
      box:fault { fault = "cut" }
      local rest = lost("GET", "/addresses")
      assert.equal(200, rest.status)
      assert.equal(26, #rest.body)
      assert.equal("52", rest.headers["content-length"])
    end)

    it("gives another answer", function()
      box:fault { method = "GET", fault = { status = 503, headers = { ["Retry-After"] = "3" }, body = "busy" } }
      assert.equal(201, locker("POST", "/addresses").status)
      local response = locker("GET", "/addresses")
      assert.equal(503, response.status)
      assert.equal("3", response.headers["retry-after"])
      assert.equal("busy", response.body)
    end)

    it("keeps one client waiting while it serves others", function()
      box:fault { method = "POST", fault = { kind = "timeout" } }
      local held = io.popen("curl -s -m 1 -o /dev/null -X POST " .. shell.quote(box.url .. "/v3/relay/addresses")
        .. "; echo $?")
      assert.is_true(eventually("curl -s " .. shell.quote(box.url .. "/__sandbox__/log") .. " | grep -q POST"))
      assert.equal(200, locker("GET", "/addresses").status)
      assert.equal("28", held:read "*l")
      held:close()
    end)

    it("delays answers", function()
      box:call("set_delay", 0.2)
      local seconds = output_of("curl -s -o /dev/null -w '%{time_starttransfer}' " .. box.url .. "/v3/relay/")
      assert.is_true(tonumber((seconds:gsub(",", "."))) >= 0.15) -- the timers of nginx may be early by what it is late
    end)
  end)
end

local function ending(backend)
  local folder, out

  before_each(function() folder, out = shell.folder "sandbox", os.tmpname() end)
  after_each(function() os.execute(("rm -rf %s %s"):format(shell.quote(folder), shell.quote(out))) end)

  --- The shell command that serves a sandbox for `parent`, a word of the shell.
  local function command(parent, options)
    local given = { port = 0, backend = backend }
    for name, value in pairs(options or {}) do given[name] = value end
    return ("TMPDIR=%s %s spec/support/served.lua %s %s"):format(shell.quote(folder),
      shell.quote(process.interpreter()), parent, shell.quote(json.encode(given)))
  end

  --- Starts it in the background, behind words of the shell, and waits until it serves.
  local function start(prefix, parent, options)
    local pid = output_of(("%s env %s >%s 2>&1 </dev/null & echo $!"):format(prefix, command(parent, options), out))
    assert.is_true(eventually("grep -q . " .. shell.quote(out)))
    return assert(shell.read(out):match "^sandbox on (%S+)\n$", shell.read(out)), pid
  end

  local function has_ended(url)
    assert.is_true(eventually("! curl -s -o /dev/null " .. url))
    assert.is_true(eventually(("[ -z \"$(ls -A %s)\" ]"):format(shell.quote(folder))))
  end

  it("takes its options", function()
    local box = server.sandbox { backend = backend, lua = process.interpreter(), plan = "free", delay = 0.001,
      quota = 5, rate = false }
    local state = box:state()
    box.stop()
    assert.equal("free", state.accounts.main.plan)
    assert.equal(5, state.quota.limit)
  end)

  it("refuses a port in use and options it does not know, and leaves nothing behind", function()
    local box = server.sandbox()
    local taken = output_of(command("$PPID", { port = box.port }) .. " 2>&1; echo $?")
    local unknown = output_of(command("$PPID", { colour = 1 }) .. " 2>&1; echo $?")
    box.stop()
    assert.equal(("port %.0f is in use\n1\n"):format(box.port), taken)
    assert.matches("served.lua:%d+: unknown sandbox option colour\n.*\n1\n$", unknown)
    assert.equal("", output_of("ls -A " .. shell.quote(folder)))
  end)

  it("ends with the process it is for", function()
    local parent = output_of "sleep 60 >/dev/null & echo $!":gsub("\n", "")
    local url = start("", parent)
    os.execute("kill -KILL " .. parent)
    has_ended(url)
  end)

  it("ends after its lifetime", function()
    has_ended((start("", "$PPID", { lifetime = 0.5 })))
  end)

  it("ends when it is told to", function()
    local url = start("", "$PPID")
    assert.equal(0, select(2, shell.output("curl -s -X POST -d '{}' " .. url .. "/__sandbox__/stop")))
    has_ended(url)
  end)

  it("ends by a signal", function()
    for _, signal in ipairs { "TERM", "INT" } do
      -- timeout makes a group of what it starts, all of which a terminal would signal. Itself it would pass the signal
      -- on, but that of coreutils 9.10 no longer one that was ignored from the start, as INT is in the background.
      -- Busybox makes no group, and what it starts takes its place.
      local url, pid = start("timeout 60", "$PPID")
      os.execute(("kill -s %s -- -%s 2>/dev/null || kill -s %s %s"):format(signal, pid, signal, pid))
      has_ended(url)
      os.remove(out)
    end
    local url, pid = start("", "$PPID")
    os.execute("kill -TERM " .. pid)
    has_ended(url)
  end)
end

describe("the sandbox served by LuaSocket", function() served "socket" end)
describe("a sandbox served by LuaSocket", function() ending "socket" end)

-- Inside nginx is LuaJIT, whatever runs the specs.
if nginx.usable "the sandbox served by nginx" then
  describe("the sandbox served by nginx", function() served "nginx" end)
  describe("a sandbox served by nginx", function()
    ending "nginx"

    it("can speak https", function()
      local folder = shell.folder "certificates"
      local certificate, key = folder .. "/certificate", folder .. "/key"
      os.execute("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext"
        .. (" subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null"):format(key, certificate))
      if shell.read(certificate) == "" then return pending "needs openssl to make a certificate" end
      local box = server.sandbox { tls = { certificate, key } }
      assert.matches("^https://", box.url)
      local path = box.url .. "/v3/relay/addresses"
      local trusted = curl.request { url = path, headers = bearer(), ca_file = certificate }
      local distrusted = curl.request { url = path, headers = bearer() }
      box.stop()
      os.execute("rm -r " .. folder)
      assert.equal(200, trusted.status)
      assert.is_nil(distrusted)
    end)
  end)
end

describe("serving a sandbox", function()
  local serving = require "locksmith.sandbox.server"

  it("ends when a test that failed has dropped it", function()
    local url = (function() return server.sandbox().url end)()
    for _ = 1, 4 do collectgarbage() end
    assert.is_true(eventually("! curl -s -o /dev/null " .. url))
  end)

  it("refuses what it cannot use, at the caller's line", function()
    for _, case in ipairs {
      { { port = -1 }, "option port of a sandbox server must be a port, or 0 for a free one" },
      { { port = 70000 }, "option port" }, { { port = "8787" }, "option port" },
      { { tls = "cert.pem" }, "option tls of a sandbox server must be { certificate, key }, names of PEM files" },
      { { backend = "apache" }, 'option backend of a sandbox server must be "socket" or "nginx"' },
      { { plan = "none" }, "sandbox option plan must be one of" }, { { colour = 1 }, "unknown sandbox option colour" },
    } do
      local ok, message = pcall(function() serving.run(case[1]) end)
      assert.is_false(ok)
      assert.matches(case[2], message, 1, true)
      assert.matches("^[^:]*sandbox_server_spec.lua:%d+: ", message)
    end
  end)

  it("says what is missing", function()
    local ended, message = serving.run { backend = "socket", tls = { "a", "b" } }
    assert.is_nil(ended)
    assert.equal("nothing here can serve a sandbox: LuaSocket serves no https", message)
    local popen, cpath, path, loaded = io.popen, package.cpath, package.path, package.loaded.socket
    rawset(io, "popen", function() return nil end)
    package.cpath, package.loaded.socket = "", nil
    package.path = "lua/?.lua;lua/?/init.lua"
    -- They know already what is here.
    for _, name in ipairs { "nginx", "find_nginx" } do package.loaded["locksmith.sandbox.server." .. name] = nil end
    ended, message = serving.run {}
    rawset(io, "popen", popen)
    package.cpath, package.path, package.loaded.socket = cpath, path, loaded
    assert.is_nil(ended)
    assert.equal("nothing here can serve a sandbox: LuaSocket is not here; nginx with its Lua module is not here "
      .. "(Debian: nginx libnginx-mod-http-lua)", message)
  end)
end)
