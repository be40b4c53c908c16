--- Where in nginx calls work, and what they say where they do not.

local certificates = require "spec.support.certificates"
local curl = require "spec.support.curl"
local nginx = require "spec.support.nginx"
local origin = require "spec.support.origin"
local runner = require "spec.support.nginx_runner"

if not nginx.usable "calls in the phases of nginx" then return end

-- Clients at module level, made before there are workers, as a site would have them.
local MODULE = [[
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local site = { url = "%s" }
  site.locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = site.url, max_retries = 0 })

  function site.call()
    local page, err = site.locker.addresses:list()
    return page and "works" or err, err
  end

  -- A transport that needs no network may be called anywhere, as long as nobody has to wait.
  function site.own()
    local own = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, store = locksmith.memory(),
      rate = { { 1, 60 } },
      transport = function() return { status = 200, body = "[]" } end })
    assert(own.addresses:list())
    local page, err = own.addresses:list(nil, { timeout = 70 })
    return "works", page or err
  end

  return site
]]

local KEEP = [[require("spec.support.inside").keep("%s", require("site").call)]]
local OWN = [[require("spec.support.inside").keep("own-%s", require("site").own)]]

-- In these two a wait is possible, and would be waited.
local WAITS = { init = true, ssl_cert = true }

local function keep(name)
  return KEEP:format(name) .. (WAITS[name] and "" or " " .. OWN:format(name))
end

local function start(transport, url, folder)
  local server = [[
    location = /other { content_by_lua_block { ngx.say "other" } }
    location = /set { set_by_lua_block $never { KEEP(set) return "" } content_by_lua_block { ngx.say "set" } }
    location = /filters {
      content_by_lua_block { ngx.say "filters" }
      header_filter_by_lua_block { KEEP(header_filter) }
      body_filter_by_lua_block { if ngx.arg[1] ~= "" then KEEP(body_filter) end }
      log_by_lua_block { KEEP(log) }
    }
    location = /balanced { proxy_pass http://balanced/other; }
  ]]
  local servers = [[
    upstream balanced {
      server 0.0.0.1;
      balancer_by_lua_block { KEEP(balancer) assert(require("ngx.balancer").set_current_peer("127.0.0.1", @PORT1@)) }
    }
    server {
      listen 127.0.0.1:@PORT2@ ssl;
      ssl_certificate FOLDER/good.pem; ssl_certificate_key FOLDER/good.key;
      ssl_certificate_by_lua_block { KEEP(ssl_cert) }
      location / { return 200 "secure"; }
    }
  ]]
  local function expand(text)
    return (text:gsub("KEEP(%b())", function(name) return keep(name:sub(2, -2)) end):gsub("FOLDER", folder))
  end
  return runner.start {
    transport = transport,
    path = "@DIR@/?.lua;",
    files = { ["site.lua"] = MODULE:format(url) },
    http = expand [[
      init_by_lua_block { require "site" KEEP(init) }
      init_worker_by_lua_block { KEEP(init_worker) }
    ]],
    server = expand(server),
    servers = expand(servers),
  }
end

local CALL = [[ return require("site").call() ]]

local DIRECTIVES = { init = "init_by_lua", init_worker = "init_worker_by_lua", set = "set_by_lua",
  header_filter = "header_filter_by_lua", body_filter = "body_filter_by_lua", log = "log_by_lua",
  balancer = "balancer_by_lua", ssl_cert = "ssl_certificate_by_lua", timer = "a timer" }

local function visit(inside)
  for _, path in ipairs { "/set", "/filters", "/balanced" } do assert.equal(200, inside.nginx:get(path).status) end
  local secure = nginx.output_of(("curl -sk --max-time 20 --noproxy '*' %s"):format(
    curl.quote("https://127.0.0.1:" .. inside.nginx.ports[2] .. "/")))
  assert.equal("secure", secure)
end

local function says_phase(inside, phase, advice)
  local value, err = inside:recall(phase)
  assert.equal("phase", err and err.kind, phase .. ": " .. tostring(value))
  assert.equal("not_sent", err.outcome)
  assert.equal("local", err.source)
  assert.truthy(err.message:find(DIRECTIVES[phase], 1, true), err.message)
  for _, word in ipairs(advice) do assert.truthy(err.message:find(word, 1, true), err.message) end
end

for _, transport in ipairs { "resty", "capture" } do
  describe("calls in the phases of nginx over " .. transport, function()
    local folder = certificates.make()
    if not folder then
      pending("need openssl to make a certificate")
      return
    end

    local service, inside

    lazy_setup(function()
      service = origin.start()
      service:default { status = 200, body = "[]" }
      inside = start(transport, service.url, folder)
      visit(inside)
    end)
    lazy_teardown(function()
      inside:stop()
      service:stop()
      certificates.remove(folder)
    end)

    it("work where a request is handled", function()
      for _, phase in ipairs { "rewrite", "access", "content" } do
        assert.equal("works", (inside:run_in(phase, CALL)))
      end
    end)

    it("say phase where nothing can be sent, name it, and what to do", function()
      for _, phase in ipairs { "init_worker", "set", "header_filter", "body_filter", "log", "balancer" } do
        says_phase(inside, phase, { "ngx.timer.at", transport == "capture" and '"resty" does' or "earlier" })
      end
      says_phase(inside, "init", { "init_worker_by_lua" })
    end)

    if transport == "resty" then
      it("work in a timer and while a certificate is chosen", function()
        assert.equal("works", (inside:run_in("timer", CALL)))
        assert.equal("works", (inside:recall "ssl_cert"))
      end)
    else
      it("say phase in a timer and while a certificate is chosen, and that resty works there", function()
        says_phase(inside, "ssl_cert", { "resty", "lua-resty-http" })
        local _, err = inside:run_in("timer", CALL)
        assert.equal("phase", err.kind)
        for _, word in ipairs { "a timer", "resty", "lua-resty-http" } do
          assert.truthy(err.message:find(word, 1, true), err.message)
        end
      end)

      it("work with the same client after it could not be used in a timer", function()
        inside:run_in("timer", CALL)
        assert.equal("works", (inside:run(CALL)))
      end)
    end

    it("sent nothing from where they said phase", function()
      local before = service:count()
      visit(inside)
      -- Only the certificate's phase can send, over resty.
      assert.equal(before + (transport == "resty" and 1 or 0), service:count())
    end)

    it("work anywhere with a transport of the site's own, and say phase where somebody would have to wait", function()
      for _, phase in ipairs { "set", "header_filter", "body_filter", "log", "balancer", "init_worker" } do
        local works, err = inside:recall("own-" .. phase)
        assert.equal("works", works)
        assert.equal("phase", err.kind, err.text)
        assert.truthy(err.message:find(DIRECTIVES[phase], 1, true), err.message)
      end
    end)
  end)
end

describe("calls in nginx over curl, asked for by name", function()
  it("work, in a timer too", function()
    local service = origin.start()
    local inside = runner.start { transport = "capture" }
    finally(function()
      inside:stop()
      service:stop()
    end)
    service:default { status = 200, body = "[]" }
    for _, phase in ipairs { "content", "timer", "rewrite" } do
      local page, response = inside:run_in(phase, [[
        local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
        local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = ..., transport = "curl" })
        return locker.addresses:list()
      ]], service.url)
      assert.truthy(page, response.text)
    end
    assert.equal(3, service:count())
  end)
end)
