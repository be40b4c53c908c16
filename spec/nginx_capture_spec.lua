--- Transport "capture" inside a real nginx: what reaches the service, what failures come to, what it depends on.

local certificates = require "spec.support.certificates"
local curl = require "spec.support.curl"
local faults = require "spec.support.faults"
local names = require "spec.support.names"
local nginx = require "spec.support.nginx"
local origin = require "spec.support.origin"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"
local shell = require "spec.support.shell"
local stack = require "spec.support.stack"

if not nginx.usable "transport capture" then return end

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

local INCLUDES = "include @ROOT@/lua/locksmith/nginx/locksmith-http.conf;"

describe("transport capture", function()
  local box, proxy, service, inside

  lazy_setup(function()
    box = server.sandbox { rate = false, throttle = false }
    proxy = faults.start { upstream = box.url }
    service = origin.start()
    inside = runner.start { transport = "capture" }
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

  describe("keeps the visitor's request to itself", function()
    local VISITOR = {
      { "Cookie", "session=visitor-cookie" }, { "Authorization", "Basic visitor-login" }, { "X-Visitor", "visitor" },
      { "Referer", "https://visitor.example/" }, { "User-Agent", "visitor-agent" }, { "Accept", "text/visitor" },
      { "Accept-Language", "visitor" }, { "Content-Type", "text/visitor-form" }, { "X-Forwarded-For", "visitor" },
      { "traceparent", "00-visitor" }, { "Expect", "" }, { "Range", "bytes=0-visitor" }, { "If-None-Match", "visitor" },
      { "Upgrade", "visitor" }, { "TE", "visitor" }, { "Host", "visitor.example" },
    }
    local REQUESTS = [[
      local url = ...
      local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
      local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url })
      for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE" } do
        locker:request { method = method, path = "things" }
        locker:request { method = method, path = "things", body = { own = "body" } }
      end
    ]]

    local ALLOWED = { host = true, authorization = true, accept = true, ["accept-encoding"] = true,
      ["user-agent"] = true, ["content-type"] = true, ["content-length"] = true }

    for _, phase in ipairs { "content", "access", "rewrite" } do
      for _, coding in ipairs { "a plain body", "a chunked body" } do
        it("in " .. phase .. ", with " .. coding, function()
          inside.headers = { unpack(VISITOR) }
          if coding == "a chunked body" then table.insert(inside.headers, { "Transfer-Encoding", "chunked" }) end
          inside:run_in(phase .. "?visitor=argument", REQUESTS .. "-- visitor-body", service.url)
          local requests = service:requests()
          assert.equal(10, #requests)
          for i, request in ipairs(requests) do
            assert.is_nil(request.raw:find("visitor", 1, true), request.raw)
            for name in pairs(request.headers) do assert.is_true(ALLOWED[name], name .. " in " .. request.raw) end
            assert.equal("/v3/relay/things", request.path)
            assert.equal(i % 2 == 0 and '{"own":"body"}' or "", request.body)
            assert.equal("127.0.0.1:" .. service.port, request.headers.host)
          end
        end)
      end
    end

    it("and its internal locations from the visitor", function()
      for _, path in ipairs { "/locksmith-internal-call", "/locksmith-internal-variables", "/locksmith-internal-call?x",
        "/%6cocksmith-internal-call" } do
        for _, method in ipairs { "GET", "POST" } do
          local answer = inside.nginx:get(path, { method = method, timeout = 2 })
          assert.equal(404, answer.status)
          assert.truthy(answer.body:find("404 Not Found", 1, true))
        end
      end
    end)
  end)

  it("keeps its connection", function()
    for _ = 1, 5 do inside:run(CALL, service.url, "list") end
    inside:run([[
      for _ = 1, 20 do assert(loadstring(...))(select(2, ...)) end
    ]], CALL, service.url, "list")
    local connections = {}
    for _, request in ipairs(service:requests()) do connections[request.connection] = true end
    assert.equal(25, service:count())
    assert.is_nil(next(connections, next(connections)))
  end)

  describe("tells failures apart", function()
    for _, case in ipairs(stack.LOST) do
      local kind = case[3]
      it(case[1] .. ": " .. kind, function()
        proxy:script { case[2] }
        local value, err = inside:run(CALL, proxy.url, "create", { attempt_timeout = 0.3, max_response_bytes = 100000 })
        assert.is_nil(value)
        assert.equal(kind, err.kind, err.text)
        assert.equal("unknown", err.outcome)
        assert.equal(1, #proxy:log())
      end)
    end

    it("a body without a length above max_response_bytes: too_large, and it takes no memory", function()
      proxy:script { { "huge", how = "chunked", bytes = 20000000 } }
      local value, err = inside:run(CALL, proxy.url, "list", { max_response_bytes = 100000 })
      assert.is_nil(value)
      assert.equal("too_large", err.kind)
      assert.is_true(nginx.memory(inside.nginx:workers()[1]) < 40000)
    end)

    it("a body with a length above max_response_bytes: too_large at once", function()
      proxy:script { { "huge", how = "length", bytes = 20000000 } }
      assert.equal("too_large", select(2, inside:run(CALL, proxy.url, "list", { max_response_bytes = 100000 })).kind)
    end)

    for status, kind in pairs { [404] = "not_found", [502] = "server_error", [504] = "server_error",
      [302] = "bad_response", [401] = "unauthenticated", [409] = "conflict" } do
      it(("the service's own %d: %s"):format(status, kind), function()
        proxy:script { { "status", status = status, headers = { Location = "/elsewhere" } } }
        local _, err = inside:run(CALL, proxy.url, "get", nil, 7)
        assert.equal(kind, err.kind)
        assert.equal(status, err.status)
        assert.equal(1, #proxy:log())
      end)
    end

    it("a closed port: connect, and nothing was sent", function()
      local _, err = inside:run(CALL, "http://127.0.0.1:1", "create")
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
    end)

    it("a name without a resolver: connect, and what to do", function()
      local _, err = inside:run(CALL, "https://api.locker.io", "create")
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find("resolver", 1, true))
    end)
  end)

  it("follows nothing that the answer tells nginx to do", function()
    proxy:script { { "status", status = 200, body = "[]", headers = { ["X-Accel-Redirect"] = "/recall/x",
      ["X-Accel-Limit-Rate"] = "1" } } }
    local page, response = inside:run(CALL, proxy.url, "list")
    assert.truthy(page)
    assert.equal(200, response.status)
  end)

  for _, method in ipairs { "create", "list" } do
    it("never sends twice on its own when a kept connection is dead: " .. method, function()
      inside:run(CALL, proxy.url, "list")
      for _, how in ipairs { "fin", "rst" } do
        proxy:reset()
        proxy:script { "pass", { "idle_close_on_next", how = how } }
        inside:run(CALL, proxy.url, "list")
        inside:run(CALL, proxy.url, "list")
        local before = #proxy:log()
        local _, err = inside:run(CALL, proxy.url, method)
        assert.equal("network", err.kind, err.text)
        assert.equal(before + 1, #proxy:log())
      end
    end)
  end

  it("ends an attempt in time where the connection is kept, and returns a late answer where it is not", function()
    proxy:script { { "delay", ms = 600 } }
    local _, err = inside:run(CALL, proxy.url, "create", { attempt_timeout = 0.2 })
    assert.equal("timeout", err.kind)
    assert.is_true(err.elapsed < 0.55, "after " .. err.elapsed)
  end)

  it("refuses ca_file and proxy with a reason", function()
    for option, value in pairs { ca_file = "/etc/ca.pem", proxy = "http://127.0.0.1:3128" } do
      local _, err = inside:run(CALL, service.url, "list", { [option] = value })
      assert.equal("config", err.kind)
      assert.truthy(err.message:find(option, 1, true))
    end
    assert.equal(0, service:count())
  end)

  describe("without its location", function()
    local bare, elsewhere

    lazy_setup(function()
      bare = runner.start()
      elsewhere = runner.start { http = INCLUDES, server = [[
          location / { proxy_pass ]] .. service.url .. [[; }
        ]], servers = [[
          server { listen 127.0.0.1:@PORT2@; include @ROOT@/lua/locksmith/nginx/locksmith.conf; }
        ]] }
    end)
    lazy_teardown(function()
      bare:stop()
      elsewhere:stop()
    end)

    it("is config, which names both transports when none was asked for", function()
      local _, err = bare:run(CALL, service.url, "list")
      assert.equal("config", err.kind)
      assert.equal("not_sent", err.outcome)
      for _, word in ipairs { "lua-resty-http", "locksmith-http.conf", "locksmith.conf", "opm get", "server" } do
        assert.truthy(err.message:find(word, 1, true), err.message)
      end
    end)

    it("is config, which says what to include when capture was asked for", function()
      local _, err = bare:run(CALL, service.url, "list", { transport = "capture" })
      assert.equal("config", err.kind)
      assert.truthy(err.message:find("locksmith-http.conf inside http", 1, true))
    end)

    it("says what to install when resty was asked for", function()
      local _, err = bare:run(CALL, service.url, "list", { transport = "resty" })
      assert.equal("config", err.kind)
      assert.truthy(err.message:find("lua-resty-http", 1, true))
    end)

    it("is config where another server has it, whatever this one answers", function()
      for _, what in ipairs { "list", "create", "delete" } do
        local value, err = elsewhere:run(CALL, service.url, what, nil, what == "delete" and 7 or nil)
        assert.is_nil(value)
        assert.equal("config", err.kind, err.text)
        assert.equal("not_sent", err.outcome)
      end
      local requests = service:requests()
      assert.equal(3, #requests)
      for _, request in ipairs(requests) do
        assert.equal("GET", request.method)
        assert.is_nil(request.raw:find("Bearer", 1, true))
      end
    end)

    it("does not let nginx start with half of it", function()
      local ok, message = pcall(nginx.start, { server = [[
        proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
        include @ROOT@/lua/locksmith/nginx/locksmith.conf;
      ]] })
      assert.is_false(ok)
      assert.truthy(message:find("locksmith_http_conf_3_is_included", 1, true))
    end)
  end)

  it("does not mind the server it is included in", function()
    local site = runner.start { transport = "capture", http = [[
        proxy_intercept_errors on;
        proxy_set_header Cookie $http_cookie;
        proxy_set_header X-Site "site-wide";
        proxy_next_upstream error timeout http_502 non_idempotent;
        proxy_buffering off;
        proxy_read_timeout 1s;
        gzip on; gzip_types *; gzip_min_length 1;
      ]], server = [[
        error_page 404 500 502 504 =200 /fallback;
        recursive_error_pages on;
        location = /fallback { return 200 "[]"; }
        set $site_variable $request_uri;
        if ($http_x_never) { return 403; }
        add_header X-Site "site-wide" always;
        rewrite_by_lua_block { if ngx.is_subrequest then ngx.exit(500) end }
        header_filter_by_lua_block { ngx.header["X-Seen"] = ngx.status }
        body_filter_by_lua_block { if ngx.arg[1] then ngx.arg[1] = ngx.arg[1]:gsub("id", "di") end }
        proxy_method POST;
      ]] }
    finally(function() site:stop() end)
    site.headers = { { "Cookie", "visitor" } }
    -- The body filter of this site spoils what it answers to the visitor, so that only "raised" comes back whole.
    local function outcome(...)
      local ok, problem = pcall(site.run, site, [[
        local value, err = assert(loadstring(...))(select(2, ...))
        error((value and "value" or err.kind .. " " .. err.outcome) .. " " .. tostring(err.status), 0)
      ]], CALL, ...)
      assert.is_false(ok)
      return problem
    end
    proxy:script { { "status", status = 404 } }
    assert.equal("not_found rejected 404", outcome(proxy.url, "get", nil, 7))
    proxy:reset()
    proxy:script { "drop_after" }
    assert.equal("network unknown nil", outcome(proxy.url, "create"))
    assert.equal(1, #proxy:log())
    assert.equal("connect not_sent nil", outcome("http://127.0.0.1:1", "create"))
    assert.equal("value 200", outcome(proxy.url, "list"))
    proxy:reset()
    outcome(service.url, "list")
    local request = service:requests()[1]
    assert.equal("GET", request.method)
    assert.is_nil(request.raw:find("site-wide", 1, true))
    assert.is_nil(request.raw:find("visitor", 1, true))
  end)

  it("has limits of its own, hides nothing and logs nothing", function()
    local site = runner.start { transport = "capture", http = [[
        limit_req_zone $server_name zone=requests:32k rate=1r/m;
        limit_conn_zone $server_name zone=connections:32k;
        log_format bodies "$uri $request_body";
        proxy_hide_header Retry-After;
      ]], server = [[
        client_max_body_size 8k;
        limit_req zone=requests burst=9;
        limit_conn connections 1;
        log_subrequest on;
        access_log @DIR@/access.log bodies;
        location = /limited {
          rewrite_by_lua_block {
            local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
            local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = ngx.var.arg_url,
              max_retries = 0, store = locksmith.memory() })
            for _ = 1, 2 do assert(locker:request { method = "POST", path = "x", body = { ("y"):rep(9000) } }) end
            local _, err = locker.addresses:list()
            ngx.header["X-Asked"] = err.retry_after
          }
          content_by_lua_block { return ngx.exit(204) }
        }
      ]] }
    finally(function() site:stop() end)
    service:default { status = 200, json = {} }
    service:script { { status = 200, json = {} }, { status = 200, json = {} },
      { status = 429, headers = { ["Retry-After"] = "77" }, json = {} } }
    local answer = site.nginx:get("/limited?url=" .. service.url, { timeout = 5 })
    assert.same({ 204, "77" }, { answer.status, answer.headers["x-asked"] })
    local function log() return nginx.read(site.nginx.dir .. "/access.log") end
    shell.eventually(function() return log():find("/limited", 1, true) ~= nil end) -- logged after the answer
    assert.equal("/limited -\n", log())
  end)

  it("says so where nginx itself refuses the subrequest", function()
    local own = nginx.read("lua/locksmith/nginx/locksmith.conf"):gsub("client_max_body_size 0;", "")
    local site = runner.start { http = INCLUDES, server = "include @DIR@/own.conf; client_max_body_size 8k;",
      files = { ["own.conf"] = own } }
    finally(function() site:stop() end)
    local _, err = site:run([[
      local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
      local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = ... })
      return locker:request { method = "POST", path = "x", body = { ("y"):rep(9000) } }
    ]], service.url)
    assert.same({ "config", "not_sent" }, { err.kind, err.outcome })
    assert.truthy(err.message:find("HTTP 413", 1, true), err.message)
    assert.equal(0, service:count())
  end)

  it("answers a visitor over HTTP/2 with phase, where the Lua module cannot do better", function()
    local two = runner.start { transport = "capture", servers = [[
      server {
        listen 127.0.0.1:@PORT2@ http2;
        include @ROOT@/lua/locksmith/nginx/locksmith.conf;
        location / { content_by_lua_block {
          local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
          local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = ngx.var.arg_url })
          local page, err = locker.addresses:list()
          ngx.print(page and "page" or err.kind .. " " .. err.outcome .. " " .. err.message)
        } }
      }
    ]] }
    finally(function() two:stop() end)
    local answer = nginx.output_of(("curl -s --max-time 20 --http2-prior-knowledge --noproxy '*' %s"):format(
      curl.quote("http://127.0.0.1:" .. two.nginx.ports[2] .. "/?url=" .. box.url)))
    if answer ~= "page" then
      assert.truthy(answer:find "^phase not_sent .*HTTP/2.*lua%-resty%-http", answer)
    end
  end)
end)

describe("transport capture over TLS", function()
  local folder = certificates.make()
  if not folder then
    pending("needs openssl to make certificates")
    return
  end

  local box, resolver, inside

  lazy_setup(function()
    box = server.sandbox { rate = false, throttle = false, tls = { folder .. "/good.pem", folder .. "/good.key" } }
    box.ca_file, box.url = folder .. "/ca.pem", "https://localhost:" .. box.port
    resolver = names.start { "api.locker.io", "lock.pub", "other.example" }
    inside = runner.start {
      transport = "capture",
      http = ("resolver 127.0.0.1:%d ipv6=off;"):format(resolver.port),
      server = ("proxy_ssl_trusted_certificate %s/ca.pem;"):format(folder),
      servers = ([[
        server {
          listen 127.0.0.1:@PORT2@ ssl;
          ssl_certificate %s/good.pem; ssl_certificate_key %s/good.key;
          location / { content_by_lua_block {
            ngx.header["X-Connection"] = ngx.var.connection
            ngx.header["X-Name"] = ngx.var.ssl_server_name
            ngx.header["X-Host"] = ngx.var.http_host
            ngx.say "[]"
          } }
          location /late/ { content_by_lua_block {
            ngx.sleep(0.4)
            for _ = 1, 500 do
              if not ngx.print " " or not ngx.flush(true) then return end
              ngx.sleep(0.02)
            end
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
    inside:stop()
    resolver:stop()
    box.stop()
    certificates.remove(folder)
  end)

  it("keeps its connections to the two services, by the address nginx's resolver found", function()
    local port = inside.nginx.ports[2]
    local connections, count = {}, 0
    for _ = 1, 10 do
      local _, response = inside:run(CALL, "https://api.locker.io:" .. port, "list")
      local headers = response.headers
      assert.equal("api.locker.io", headers["x-name"])
      assert.equal("api.locker.io:" .. port, headers["x-host"])
      if not connections[headers["x-connection"]] then count = count + 1 end
      connections[headers["x-connection"]] = true
    end
    -- One to learn the address, one to keep.
    assert.equal(2, count)
    assert.same({ "api.locker.io" }, resolver:asked())
  end)

  it("refuses a certificate of another name or of nobody trusted", function()
    for _, url in ipairs {
      "https://api.locker.io:" .. inside.nginx.ports[3], "https://localhost:" .. inside.nginx.ports[3],
      "https://localhost:" .. inside.nginx.ports[4], "https://127.0.0.1:" .. inside.nginx.ports[2],
      "https://other.example:" .. inside.nginx.ports[2],
    } do
      local value, err = inside:run(CALL, url, "create")
      assert.is_nil(value)
      assert.equal("connect", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find("certificate", 1, true))
    end
  end)

  it("refuses a certificate that went bad although the address is known", function()
    local place = nginx.start { servers = [[
      server {
        listen 127.0.0.1:@PORT2@ ssl;
        ssl_certificate @DIR@/now.pem; ssl_certificate_key @DIR@/now.key;
        location / { return 200 "[]"; }
      }
    ]], files = { ["now.pem"] = nginx.read(folder .. "/good.pem"), ["now.key"] = nginx.read(folder .. "/good.key") } }
    finally(function() place:stop() end)
    local url = "https://lock.pub:" .. place.ports[2]
    for _ = 1, 3 do assert.truthy((inside:run(CALL, url, "list"))) end
    for _, ending in ipairs { "pem", "key" } do
      -- Other files by the same names: nginx from 1.27.4 on reads none again that was written in the same second.
      local file = place.dir .. "/now." .. ending
      nginx.write(file .. ".new", nginx.read(folder .. "/other." .. ending))
      assert(os.rename(file .. ".new", file))
    end
    nginx.wait_for_end(place:reload())
    local _, err = inside:run(CALL, url, "create")
    assert.equal("connect", err.kind)
    assert.truthy(err.message:find("certificate", 1, true))
  end)

  it("trusts what the system trusts when nothing else is said", function()
    local strict = runner.start {
      transport = "capture", http = ("resolver 127.0.0.1:%d ipv6=off;"):format(resolver.port),
    }
    finally(function() strict:stop() end)
    local _, err = strict:run(CALL, "https://api.locker.io:" .. inside.nginx.ports[2], "list")
    assert.equal("connect", err.kind)
  end)

  it("returns a late answer where it cannot set the time limit", function()
    box:call("set_delay", 0.5)
    local value, response = inside:run(CALL, box.url, "list", { attempt_timeout = 0.1 })
    assert.truthy(value, response.text)
    assert.is_true(response.elapsed > 0.4)
  end)

  it("gives a late answer that does not end as long again", function()
    local url = "https://localhost:" .. inside.nginx.ports[2]
    local _, err = inside:run(CALL, url, "create", { attempt_timeout = 0.2, path_prefix = "/late" })
    assert.equal("timeout", err.kind, err.text)
    assert.equal(200, err.status)
    assert.is_true(err.elapsed >= 0.59 and err.elapsed < 5, "after " .. err.elapsed)
  end)

  it("asks for the address again when the old one refuses", function()
    local gone = "https://lock.pub:1"
    inside:run(CALL, gone, "list")
    local asked = #resolver:asked()
    shell.sleep(1.2) -- nginx itself remembers every name until the second is over
    inside:run(CALL, gone, "list")
    assert.equal(asked + 1, #resolver:asked())
  end)
end)
