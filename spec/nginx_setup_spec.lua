--- What an nginx.conf needs: the section of the README as it is but for paths and ports, and what is said where
--- something is missing.

local nginx = require "spec.support.nginx"
local origin = require "spec.support.origin"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

if not nginx.usable "the settings of nginx" then return end

local core = require "locksmith.core"

local MAIN = "@USER@\ndaemon off;\npid @DIR@/nginx.pid;\nerror_log @DIR@/error.log notice;\nevents { }\n"
local HTTP = [[
  access_log off;
  client_body_temp_path @DIR@/body;
  proxy_temp_path @DIR@/proxy;
  fastcgi_temp_path @DIR@/fastcgi;
  uwsgi_temp_path @DIR@/uwsgi;
  scgi_temp_path @DIR@/scgi;
  lua_package_cpath "@CPATH@/?.so;;";
]]

local function section()
  local text = nginx.read("README.md"):match "```nginx\n(.-)```"
  return assert(text, "the README has no section of an nginx.conf")
end

local function replace(text, from, to)
  local at, last = text:find(from, 1, true)
  assert(at, from .. " is not in the section")
  return text:sub(1, at - 1) .. to .. text:sub(last + 1)
end

describe("the nginx.conf of the README", function()
  local box
  lazy_setup(function() box = server.sandbox { rate = false, throttle = false } end)
  lazy_teardown(function() box.stop() end)

  for _, transport in ipairs { "capture", "resty" } do
    it("works with transport " .. transport, function()
      local conf = section()
      local path = transport == "resty" and runner.DOUBLE or nginx.WITHOUT_RESTY
      path = path .. "@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;;"
      conf = replace(conf, "http {\n", "http {\n" .. HTTP .. '  lua_package_path "' .. path .. '";\n')
      conf = conf:gsub("include /usr/local/share/lua/5%.1/", "include @ROOT@/lua/")
      conf = replace(conf, "listen 80;", "listen 127.0.0.1:@PORT1@;")
      conf = replace(conf, 'require("locksmith").lockpub()',
        ('require("locksmith").lockpub { api_key = "%s", base_url = "%s" }'):format(server.LOCKPUB_KEY, box.url))
      local site = nginx.start { conf = MAIN .. conf }
      finally(function() site:stop() end)
      local answer = site:get "/link"
      assert.matches("^https://lock%.pub/%w+\n$", answer.body)
    end)
  end
end)

describe("where the authorities are not where Debian has them, nginx", function()
  local function start(said)
    local settings = nginx.read "lua/locksmith/nginx/locksmith-http.conf"
    local started = nginx.start {
      http = replace(settings, "\nproxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;",
        "\nproxy_ssl_trusted_certificate @DIR@/nowhere.pem;"),
      server = said .. "include @ROOT@/lua/locksmith/nginx/locksmith.conf;",
    }
    started:stop()
  end

  it("does not start", function()
    local ok, message = pcall(start, "")
    assert.is_false(ok)
    -- The OpenSSL function that failed is another one from nginx to nginx.
    assert.truthy(message:find("[emerg]", 1, true), message)
    assert.truthy(message:find("nowhere.pem", 1, true), message)
  end)

  it("starts with the system's own named in the server block", function()
    start "proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;"
  end)
end)

describe("a client in nginx without a key", function()
  it("says how nginx.conf lets workers see it", function()
    local site = runner.start { transport = "capture" }
    finally(function() site:stop() end)
    local _, err = site:run [[ return require("locksmith").lockpub() ]]
    assert.equal("unauthenticated", err.kind)
    assert.truthy(err.message:find("LOCKPUB_API_KEY", 1, true))
    assert.truthy(err.message:find('"env LOCKPUB_API_KEY;"', 1, true), err.message)
  end)
end)

-- Makes one call and returns its results.
local CALL = [[
  local url, options = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local own = { api_key = sandbox.LOCKER_KEY, base_url = url, max_retries = 0, store = locksmith.memory() }
  for name, value in pairs(options or {}) do own[name] = value end
  return assert(locksmith.locker(own)).addresses:list()
]]

describe("a call in nginx", function()
  local service
  lazy_setup(function() service = origin.start() end)
  lazy_teardown(function() service:stop() end)
  before_each(function() service:reset() end)

  for _, rewrite in ipairs { "rewrite ^/locksmith /elsewhere last;", "if ($uri ~ ^/locksmith) { return 404; }" } do
    it("over capture says what catches it: " .. rewrite, function()
      local site = runner.start { transport = "capture", server = rewrite .. " location = /elsewhere { return 200; }" }
      finally(function() site:stop() end)
      local _, err = site:run(CALL, service.url)
      assert.equal("config", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find('a "rewrite", "return" or "if" of the server block', 1, true), err.message)
      assert.equal(0, service:count())
    end)
  end

  -- Both ways of ending a request while a light thread of it is at a call.
  local EXIT = [[
    local call, url = ...
    ngx.thread.spawn(assert(loadstring(call)), url, { attempt_timeout = 2 })
    ngx.sleep(0.05)
    return select(2, pcall(ngx.exit, ngx.HTTP_NO_CONTENT))
  ]]

  it("over resty ends with ngx.exit beside it", function()
    local site = runner.start { transport = "resty" }
    finally(function() site:stop() end)
    service:default { status = 200, body = "[]", delay = 2000 }
    local began = core.now()
    local ok, problem = pcall(site.run, site, EXIT, CALL, service.url)
    assert.is_false(ok)
    assert.truthy(problem:find("nginx answered: $"), problem) -- 204: there is no body
    assert.is_true(core.now() - began < 1.5)
    shell.eventually(function() return service:count() == 1 end)
  end)
end)
