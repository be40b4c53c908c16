--- Transport "resty" inside a real nginx: over a double of lua-resty-http with real cosockets, and over lua-resty-http
--- itself where it is installed.

local certificates = require "spec.support.certificates"
local core = require "locksmith.core"
local curl = require "spec.support.curl"
local faults = require "spec.support.faults"
local nginx = require "spec.support.nginx"
local origin = require "spec.support.origin"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"
local stack = require "spec.support.stack"

if not nginx.usable "transport resty" then return end

-- Makes one call of the sandbox's account, named by its method, and returns its results.
local CALL = [[
  local url, what, options, id = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local own = { api_key = sandbox.LOCKER_KEY, base_url = url, max_retries = 0, store = locksmith.memory() }
  for name, value in pairs(options or {}) do own[name] = value end
  local locker = assert(locksmith.locker(own))
  local value, response = locker.addresses[what](locker.addresses, id)
  return value, response
]]

local VISITOR = {
  { "Cookie", "session=visitor-cookie" }, { "Authorization", "Basic visitor-login" }, { "X-Visitor", "visitor" },
  { "User-Agent", "visitor-agent" }, { "Accept", "text/visitor" }, { "traceparent", "00-visitor" },
  { "Content-Type", "text/visitor-form" },
}

local ALLOWED = { host = true, authorization = true, accept = true, ["accept-encoding"] = true,
  ["user-agent"] = true, ["content-type"] = true, ["content-length"] = true }

local function describe_with(name, library)
  describe(name, function()
    if library == "real" and not nginx.resty_http() then
      pending("lua-resty-http is not installed")
      return
    end

    local box, proxy, service, inside

    lazy_setup(function()
      box = server.sandbox { rate = false, throttle = false }
      proxy = faults.start { upstream = box.url }
      service = origin.start()
      inside = runner.start { transport = library }
    end)
    lazy_teardown(function()
      inside:stop()
      service:stop()
      proxy:stop()
      box.stop()
    end)
    before_each(function()
      proxy:reset()
      service:reset()
      inside.headers = nil
    end)

    for _, phase in ipairs { "content", "access", "rewrite", "timer" } do
      it("keeps the visitor's request to itself in " .. phase, function()
        inside.headers = VISITOR
        inside:run_in(phase .. "?visitor=argument", [[
          local url = ...
          local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
          local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url })
          for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE" } do
            locker:request { method = method, path = "things" }
            locker:request { method = method, path = "things", body = { own = "body" } }
          end
        ]] .. "-- visitor-body", service.url)
        local requests = service:requests()
        assert.equal(10, #requests)
        for i, request in ipairs(requests) do
          assert.is_nil(request.raw:find("visitor", 1, true), request.raw)
          for header in pairs(request.headers) do assert.is_true(ALLOWED[header], header .. " in " .. request.raw) end
          assert.equal("127.0.0.1:" .. service.port, request.headers.host)
          assert.equal(i % 2 == 0 and '{"own":"body"}' or "", request.body)
        end
      end)
    end

    it("keeps its connection, from one request to the next", function()
      for _ = 1, 5 do inside:run(CALL, service.url, "list") end
      inside:run("for _ = 1, 20 do assert(loadstring(...))(select(2, ...)) end", CALL, service.url, "list")
      local connections = {}
      for _, request in ipairs(service:requests()) do connections[request.connection] = true end
      assert.equal(25, service:count())
      assert.is_nil(next(connections, next(connections)))
    end)

    for _, case in ipairs(stack.LOST) do
      it(("%s: %s, and the connection is not used again"):format(case[1], case[3]), function()
        proxy:script { case[2] }
        local value, err = inside:run(CALL, proxy.url, "create", { attempt_timeout = 0.3, max_response_bytes = 100000 })
        assert.is_nil(value)
        assert.equal(case[3], err.kind, err.text)
        assert.equal("unknown", err.outcome)
        assert.is_true(err.elapsed < 1, "after " .. err.elapsed)
        assert.equal(1, #proxy:log())
        local page, response = inside:run(CALL, proxy.url, "list")
        assert.truthy(page, response.text)
        local log = proxy:log()
        -- A status that came whole, or a whole body that says nothing, is no reason to hang up.
        if case[3] ~= "server_error" and not case[1]:find "JSON" then
          assert.not_equal(log[1].connection, log[2].connection)
        end
      end)
    end

    it("does not keep the visitor waiting for a call whose light thread was killed", function()
      for _, fault in ipairs { "stall", { "stall_body", at = 3 } } do
        proxy:script { fault }
        local began = core.now()
        local killed = inside:run([[
          local call, url = ...
          local thread = ngx.thread.spawn(assert(loadstring(call)), url, "list", { attempt_timeout = 8 })
          ngx.sleep(0.1)
          return ngx.thread.kill(thread)
        ]], CALL, proxy.url)
        assert.equal(1, killed)
        assert.is_true(core.now() - began < 3)
      end
    end)

    it("a name server that says nothing: connect after connect_timeout", function()
      local mute = runner.start { transport = library, http = "resolver 127.0.0.1:9 valid=30s; resolver_timeout 5s;" }
      finally(function() mute:stop() end)
      local _, err = mute:run(CALL, "https://api.locker.io", "create", { connect_timeout = 0.2 })
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.is_true(err.elapsed >= 0.15 and err.elapsed < 4, "after " .. err.elapsed)
    end)

    it("a closed port: connect, and nothing was sent", function()
      local _, err = inside:run(CALL, "http://127.0.0.1:1", "create")
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
    end)

    it("a name without a resolver: connect, and what to do", function()
      local _, err = inside:run(CALL, "https://api.locker.io", "create")
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find("set resolver in nginx.conf", 1, true))
    end)

    it("a handshake that does not end: connect after connect_timeout", function()
      local _, err = inside:run(CALL, proxy.url:gsub("^http", "https"), "create", { connect_timeout = 0.2 })
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.is_true(err.elapsed >= 0.15 and err.elapsed < 4)
    end)

    it("a handshake that does not end: timeout when the attempt's time is over first", function()
      local _, err = inside:run(CALL, proxy.url:gsub("^http", "https"), "create", { attempt_timeout = 0.2 })
      assert.equal("timeout", err.kind)
      assert.equal("not_sent", err.outcome)
    end)

    it("sends a read again at once when a kept connection was dead, and nothing else", function()
      for _, how in ipairs { "fin", "rst" } do
        proxy:reset()
        proxy:script { { "idle_close_on_next", how = how } }
        assert.truthy((inside:run(CALL, proxy.url, "list")))
        local page, response = inside:run(CALL, proxy.url, "list")
        assert.truthy(page, response.text)
        assert.equal(1, #response.attempts)
        assert.equal("closed_on_next", proxy:log()[2].fault)
        assert.equal(3, #proxy:log())

        proxy:script { { "idle_close_on_next", how = how } }
        assert.truthy((inside:run(CALL, proxy.url, "list")))
        local before = #proxy:log()
        local _, err = inside:run(CALL, proxy.url, "create")
        assert.equal("network", err.kind)
        assert.equal("unknown", err.outcome)
        assert.equal(before + 1, #proxy:log())
      end
    end)

    it("does not repeat a read whose answer had begun", function()
      assert.truthy((inside:run(CALL, proxy.url, "list")))
      proxy:script { { "cut_body", at = 3 } }
      local _, err = inside:run(CALL, proxy.url, "list")
      assert.equal("network", err.kind)
      assert.equal(200, err.status)
      assert.equal(2, #proxy:log())
    end)

    it("follows no redirect", function()
      proxy:script { { "status", status = 307, headers = { Location = service.url .. "/elsewhere" } } }
      local _, err = inside:run(CALL, proxy.url, "list")
      assert.equal("bad_response", err.kind)
      assert.equal(0, service:count())
    end)

    it("leaves a connection that the service closes", function()
      service:default { status = 200, body = "[]", close = true }
      for _ = 1, 3 do assert.truthy((inside:run(CALL, service.url, "list"))) end
      assert.equal(3, service:requests()[3].connection)
    end)

    it("reads an answer that ends with its connection", function()
      service:script { { raw = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]", close = true } }
      local page, response = inside:run(CALL, service.url, "list")
      assert.truthy(page, response.text)
    end)

    it("refuses ca_file with a reason", function()
      local _, err = inside:run(CALL, service.url, "list", { ca_file = "/etc/ca.pem" })
      assert.equal("config", err.kind)
      assert.truthy(err.message:find("lua_ssl_trusted_certificate", 1, true))
      assert.equal(0, service:count())
    end)

    it("goes through a proxy", function()
      service:script { { status = 200, body = "[]" } }
      local page, response = inside:run(CALL, "http://127.0.0.1:1", "list",
        { proxy = service.url:gsub("//", "//me:p%%40ss@") })
      assert.truthy(page, response.text)
      local request = service:requests()[1]
      assert.truthy(request.path:find("^http://127.0.0.1:1/v3/relay/addresses"), request.path)
      assert.equal("Basic bWU6cEBzcw==", request.headers["proxy-authorization"])
    end)

    it("a proxy that refuses the tunnel: connect, and nothing was sent", function()
      service:default { status = 407, body = "" }
      local _, err = inside:run(CALL, "https://localhost:1", "create", { proxy = service.url, max_retries = 2 })
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal(1, #err.attempts)
      assert.is_nil(service:requests()[1].raw:find("Bearer", 1, true))
    end)

    it("a proxy of another kind: config", function()
      local _, err = inside:run(CALL, service.url, "list", { proxy = "socks5://127.0.0.1:1080" })
      assert.equal("config", err.kind)
      assert.truthy(err.message:find("http:// proxy", 1, true))
    end)

    it("serves visitors over HTTP/2 too", function()
      local path = library == "real" and nginx.resty_http() .. "/?.lua;" or runner.DOUBLE
      local two = nginx.start { path = path, servers = [[
        server {
          listen 127.0.0.1:@PORT2@ http2;
          location / { content_by_lua_block {
            local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
            local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = ngx.var.arg_url })
            local page, err = locker.addresses:list()
            ngx.print(page and "page" or tostring(err))
          } }
        }
      ]] }
      finally(function() two:stop() end)
      assert.equal("page", nginx.output_of(("curl -s --max-time 20 --http2-prior-knowledge --noproxy '*' %s"):format(
        curl.quote("http://127.0.0.1:" .. two.ports[2] .. "/?url=" .. box.url))))
    end)

    describe("over TLS", function()
      local folder = certificates.make()
      if not folder then
        pending("needs openssl to make certificates")
        return
      end

      local secure

      lazy_setup(function()
        secure = runner.start {
          transport = library,
          http = ("lua_ssl_trusted_certificate %s/ca.pem; lua_ssl_verify_depth 3;"):format(folder),
          servers = ([[
            server {
              listen 127.0.0.1:@PORT2@ ssl;
              ssl_certificate %s/good.pem; ssl_certificate_key %s/good.key;
              location / { content_by_lua_block {
                ngx.header["X-Connection"] = ngx.var.connection
                ngx.header["X-Name"] = ngx.var.ssl_server_name
                ngx.say "[]"
              } }
            }
            server {
              listen 127.0.0.1:@PORT3@ ssl;
              ssl_certificate %s/other.pem; ssl_certificate_key %s/other.key;
              location / { return 200 "[]"; }
            }
            server {
              listen 127.0.0.1:@PORT4@ ssl;
              ssl_certificate %s/selfsigned.pem; ssl_certificate_key %s/selfsigned.key;
              location / { return 200 "[]"; }
            }
          ]]):gsub("%%s", folder),
        }
      end)
      lazy_teardown(function()
        secure:stop()
        certificates.remove(folder)
      end)

      it("sends the name, and keeps the connection", function()
        local url, seen = "https://localhost:" .. secure.nginx.ports[2], {}
        for i = 1, 5 do
          local page, response = secure:run(CALL, url, "list")
          assert.truthy(page, response.text)
          assert.equal("localhost", response.headers["x-name"])
          seen[i] = response.headers["x-connection"]
        end
        for i = 2, 5 do assert.equal(seen[1], seen[i]) end
      end)

      it("refuses a certificate of another name or of nobody trusted: tls, and nothing was sent", function()
        for _, url in ipairs { "https://localhost:" .. secure.nginx.ports[3],
          "https://localhost:" .. secure.nginx.ports[4], "https://127.0.0.1:" .. secure.nginx.ports[2],
          "https://[::ffff:7f00:1]:" .. secure.nginx.ports[2] } do
          for _ = 1, 3 do
            local value, err = secure:run(CALL, url, "create")
            assert.is_nil(value)
            if not url:find "::" then assert.equal("tls", err.kind, err.text) end
            assert.equal("not_sent", err.outcome)
          end
        end
      end)

      it("does not use a connection made for another name", function()
        -- The same address and port: kept under the name it was verified for.
        assert.truthy((secure:run(CALL, "https://localhost:" .. secure.nginx.ports[2], "list")))
        local _, err = secure:run(CALL, "https://127.0.0.1:" .. secure.nginx.ports[2], "list")
        assert.equal("tls", err.kind, err.text)
      end)

      it("trusts nobody when nginx was told of nobody, and says what to set", function()
        local hints = 0
        for _ = 1, 5 do
          local _, err = inside:run(CALL, "https://localhost:" .. secure.nginx.ports[2], "create")
          assert.equal("tls", err.kind, err.text)
          if err.message:find("lua_ssl_trusted_certificate", 1, true) then hints = hints + 1 end
        end
        assert.is_true(hints > 0)
      end)

      it("a service that does not speak TLS: tls, and nothing was sent", function()
        local _, err = secure:run(CALL, "https://localhost:" .. inside.nginx.port, "create")
        assert.equal("tls", err.kind, err.text)
        assert.equal("not_sent", err.outcome)
      end)
    end)

    it("has left no coroutine behind in the error log", function()
      assert.is_nil(inside:log():find "aborted: runtime error")
      assert.is_nil(inside:log():find "%[alert%]")
      assert.is_nil(inside:log():find "%[crit%]")
    end)
  end)
end

describe_with("transport resty over the double of lua-resty-http", "resty")
describe_with("transport resty over lua-resty-http itself", "real")

describe("a lua-resty-http that cannot be loaded", function()
  local site

  setup(function()
    site = nginx.start {
      path = nginx.root .. "/spec/support/broken_resty/?.lua;",
      server = [[
        location / {
          content_by_lua_block {
            local sandbox = require "locksmith.sandbox"
            local client = assert(require("locksmith").locker { api_key = sandbox.LOCKER_KEY,
              transport = ngx.var.arg_transport })
            local _, err = client.addresses:list()
            ngx.print(err.kind, " ", err.message)
          }
        }
      ]],
    }
  end)
  teardown(function() site:stop() end)

  for _, query in ipairs { "/?transport=resty", "/" } do
    it("is not said to be missing, asked for by " .. query, function()
      local told = site:get(query).body
      assert.truthy(told:find "^config .* cannot be loaded: .*module 'resty%.string' not found %(", told)
      assert.truthy(told:find("install lua-resty-string", 1, true), told)
    end)
  end
end)
