--- The examples of spec/examples/nginx, run as they are but for paths and ports.

local curl = require "spec.support.curl"
local json = require "locksmith.sandbox.json"
local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

if not nginx.usable "the examples for nginx" then return end

local ffi = require "ffi"
ffi.cdef [[
  int setenv(const char *name, const char *value, int overwrite);
  int unsetenv(const char *name);
]]

local FOLDER = "spec/examples/nginx/"
-- Nobody listens there.
local NOBODY = "http://127.0.0.1:1"

-- What belongs to the machine, not to the example.
local MAIN = "@USER@\ndaemon off;\npid @DIR@/nginx.pid;\nerror_log @DIR@/error.log notice;\n"
local HTTP = [[
  access_log off;
  client_body_temp_path @DIR@/body;
  proxy_temp_path @DIR@/proxy;
  fastcgi_temp_path @DIR@/fastcgi;
  uwsgi_temp_path @DIR@/uwsgi;
  scgi_temp_path @DIR@/scgi;
  lua_package_cpath "@CPATH@/?.so;;";
  server {
    listen 127.0.0.1:@PORT3@; # the application behind nginx
    location / { return 200 "$request_method with alias $http_x_alias\n"; }
  }
]]

local function replace(text, from, to, at_least)
  local parts, first, count = {}, 1, 0
  local at, last = text:find(from, 1, true)
  while at do
    parts[#parts + 1], first, count = text:sub(first, at - 1) .. to, last + 1, count + 1
    at, last = text:find(from, first, true)
  end
  assert(count >= (at_least or 1), from .. " is not in the example")
  return table.concat(parts) .. text:sub(first)
end

local function on_this_machine(conf, library, seconds)
  conf = replace(conf, "http {\n", "http {\n" .. HTTP)
  local double = library == "resty" and runner.DOUBLE or nginx.WITHOUT_RESTY
  conf = replace(conf, '"$prefix/?.lua;;"', '"$prefix/?.lua;' .. double .. '@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;;"')
  conf = replace(conf, "include /usr/local/share/lua/5.1/", "include @ROOT@/lua/", 0)
  conf = replace(conf, "worker_processes auto;", "worker_processes 2;")
  conf = replace(conf, "127.0.0.1:8080;", "127.0.0.1:@PORT1@;")
  conf = replace(conf, "127.0.0.1:8081;", "127.0.0.1:@PORT2@;", 0)
  conf = replace(conf, "127.0.0.1:9000;", "127.0.0.1:@PORT3@;", 0)
  if seconds then conf = replace(conf, "every = 3600", ("every = %g"):format(seconds)) end
  return MAIN .. conf
end

local function with_environment(variables, action)
  local before = {}
  for name, value in pairs(variables) do
    before[name] = os.getenv(name) or false
    ffi.C.setenv(name, value, 1)
  end
  local ok, result = pcall(action)
  for name, value in pairs(before) do
    if value then ffi.C.setenv(name, value, 1) else ffi.C.unsetenv(name) end
  end
  if not ok then error(result, 0) end
  return result
end

--- Starts an example. `which` is { folder, handler }; `options` { library = "resty" for the double of lua-resty-http,
--- url = of both services, keys? = values of the environment, seconds? = between runs of the timer }.
local function start(which, options)
  local folder = FOLDER .. which.folder .. "/"
  local conf = on_this_machine(nginx.read(folder .. "nginx.conf"), options.library, options.seconds)
  local keys = options.keys or { LOCKPUB_API_KEY = server.LOCKPUB_KEY, LOCKER_API_KEY = server.LOCKER_KEY }
  keys.LOCKPUB_BASE_URL, keys.LOCKER_BASE_URL = options.url, options.url
  return with_environment(keys, function()
    return nginx.start { conf = conf, files = { [which.handler] = nginx.read(folder .. which.handler) } }
  end)
end

local function eventually(what, check)
  for _ = 1, 200 do
    if check() then return end
    shell.sleep(0.05)
  end
  error(what, 2)
end

local function says_nothing_of(secrets, ...)
  for _, text in ipairs { ... } do
    for _, secret in ipairs(secrets) do assert.is_nil(text:find(secret, 1, true), text) end
  end
end

local function transports(body)
  for _, library in ipairs { "capture", "resty" } do
    describe("over " .. library, function()
      body(library)
    end)
  end
end

local ONE_TIME_LINK = { folder = "one-time-link", handler = "invoice_link.lua" }
local SIGN_UP_ALIAS = { folder = "sign-up-alias", handler = "sign_up.lua" }
local SPAM_TIMER = { folder = "disable-spammed", handler = "disable_spammed.lua" }
local SPAM_CRON = { folder = "spam-cron", handler = "spam_job.lua" }

describe("the example one-time-link", function()
  transports(function(library)
    local box, site

    lazy_setup(function()
      box = server.sandbox()
      site = start(ONE_TIME_LINK, { library = library, url = box.url })
    end)
    lazy_teardown(function()
      site:stop()
      box.stop()
    end)
    before_each(function() box:reset() end)

    it("makes a link that opens once, and answers with it", function()
      local answer = site:get("/invoice-link?invoice=4711", { method = "POST" })
      assert.equal(201, answer.status, answer.body .. site:log())
      local links = box:call "links"
      assert.equal(1, #links)
      assert.equal(1, links[1].redirectLimit)
      assert.equal("https://shop.example/invoices/4711", links[1].targetUrl)
      local told = json.decode(answer.body)
      assert.equal(links[1].shortUrl, told.link)
      local sent = json.decode(box:log()[1].body)
      assert.equal(sent.password, told.password)
      says_nothing_of({ told.password, server.LOCKPUB_KEY }, site:log())
    end)

    it("makes one link when the first answer is lost", function()
      box:fault { fault = "drop_after" }
      local answer = site:get("/invoice-link?invoice=4711", { method = "POST" })
      local links = box:call "links"
      assert.equal(1, #links)
      assert.equal(201, answer.status, answer.body .. site:log())
      assert.equal("https://lock.pub/" .. links[1].slug, json.decode(answer.body).link)
    end)

    it("sends nothing for a request that makes no sense", function()
      assert.equal(400, site:get("/invoice-link?invoice=../x", { method = "POST" }).status)
      assert.equal(400, site:get("/invoice-link", { method = "POST" }).status)
      assert.equal(403, site:get("/invoice-link?invoice=4711").status)
      assert.equal(0, #box:log())
    end)

    it("answers 503 when the service wants no more links", function()
      box:reset { quota = 1, quota_used = 1 }
      local answer = site:get("/invoice-link?invoice=4711", { method = "POST" })
      assert.equal(503, answer.status)
      assert.truthy(tonumber(answer.headers["retry-after"]) > 0)
    end)
  end)

  it("says so when the service is down, and tells nobody a secret", function()
    local down = start(ONE_TIME_LINK, { url = NOBODY })
    finally(function() down:stop() end)
    local answer = down:get("/invoice-link?invoice=4711", { method = "POST" })
    assert.equal(502, answer.status)
    assert.same({ error = "no link could be made" }, json.decode(answer.body))
    local log = down:log()
    assert.truthy(log:find("lockpub.links.create: connect", 1, true), log)
    says_nothing_of({ server.LOCKPUB_KEY, "password" }, answer.body, log)
  end)
end)

describe("the example sign-up-alias", function()
  local FORGED = { { "X-Alias", "forged@example.com" } }

  transports(function(library)
    local box, site

    lazy_setup(function()
      box = server.sandbox()
      site = start(SIGN_UP_ALIAS, { library = library, url = box.url })
    end)
    lazy_teardown(function()
      site:stop()
      box.stop()
    end)
    before_each(function() box:reset() end)

    it("gives each new sign-up an alias of its own and tells the application", function()
      local seen = {}
      for i = 1, 2 do
        local answer = site:get("/sign-up", { method = "POST", body = "name=anna", headers = FORGED })
        assert.equal(200, answer.status, answer.body .. site:log())
        seen[i] = answer.body:match "^POST with alias (%S+)\n$"
      end
      local addresses = box:call "addresses"
      assert.equal(2, #addresses)
      for i, address in ipairs(addresses) do
        assert.equal(address.full_address, seen[i])
        assert.truthy(address.description:find "^signed up %d+%-%d+%-%d+$", address.description)
      end
    end)

    it("passes on no alias that the visitor names, and makes none but for a sign-up", function()
      for _, path in ipairs { "/sign-up", "/", "/other" } do
        assert.equal("GET with alias \n", site:get(path, { headers = FORGED }).body)
      end
      assert.equal("POST with alias \n", site:get("/other", { method = "POST", headers = FORGED }).body)
      assert.equal(0, #box:log())
    end)

    it("uses an alias whose description could not be set", function()
      box:fault { method = "PUT", fault = { status = 400, body = "{}" } }
      local answer = site:get("/sign-up", { method = "POST" })
      local addresses = box:call "addresses"
      assert.equal(1, #addresses)
      assert.equal("", addresses[1].description)
      assert.equal("POST with alias " .. addresses[1].full_address .. "\n", answer.body)
    end)
  end)

  it("lets nobody through to the application when the service is down", function()
    local down = start(SIGN_UP_ALIAS, { url = NOBODY })
    finally(function() down:stop() end)
    local answer = down:get("/sign-up", { method = "POST" })
    assert.equal(503, answer.status)
    assert.is_nil(answer.body:find "with alias")
    assert.truthy(tonumber(answer.headers["retry-after"]) > 0)
    local log = down:log()
    assert.truthy(log:find("locker.addresses.create: connect", 1, true), log)
    says_nothing_of({ server.LOCKER_KEY }, answer.body, log)
  end)
end)

local function spammed_box()
  local box = server.sandbox { throttle = false }
  for _, spam in ipairs { 0, 5, 9 } do
    box:call("add_address", nil, { description = "quiet", num_spam = spam, num_forwarded = 1000 })
  end
  box:call("add_address", nil, { description = "spammed", num_spam = 20 })
  box:call("add_address", nil, { description = "spammed", num_spam = 500, num_forwarded = 3 })
  box:call("add_address", nil, { description = "off", num_spam = 500, enabled = false })
  return box
end

local function enabled(box)
  local count = { quiet = 0, spammed = 0, off = 0 }
  for _, address in ipairs(box:call "addresses") do
    count[address.description] = count[address.description] + (address.enabled and 1 or 0)
  end
  return count
end

local CLEAN = { quiet = 3, spammed = 0, off = 0 }

describe("the example disable-spammed", function()
  it("disables what is spammed and nothing else, at once and by its timer", function()
    local box = spammed_box()
    local site = start(SPAM_TIMER, { library = "resty", url = box.url, seconds = 0.2 })
    finally(function()
      site:stop()
      box.stop()
    end)
    eventually("nothing was disabled", function() return enabled(box).spammed == 0 end)
    assert.same(CLEAN, enabled(box))
    box:call("add_address", nil, { description = "spammed", num_spam = 20 })
    eventually("the timer ran once only", function() return enabled(box).spammed == 0 end)
    assert.same(CLEAN, enabled(box))
  end)

  local function complains(library, kind)
    local site = start(SPAM_TIMER, { library = library, url = NOBODY, seconds = 0.2 })
    finally(function() site:stop() end)
    local wanted = "locker.addresses.list: " .. kind
    eventually(wanted .. " is not in the log", function() return site:log():find(wanted, 1, true) end)
    says_nothing_of({ server.LOCKER_KEY }, site:log())
    assert.equal("well\n", site:get("/health").body)
    return site:log()
  end

  it("says in the log that the service is down", function() complains("resty", "connect") end)

  it("says in the log that it needs lua-resty-http", function()
    assert.truthy(complains("capture", "phase"):find("lua-resty-http", 1, true))
  end)
end)

describe("the example spam-cron", function()
  local function call(site, from, method)
    return nginx.output_of(("curl -s --max-time 20 --noproxy '*' --interface %s -w '%%{http_code}' -X %s %s"):format(
      from, method or "POST", curl.quote("http://127.0.0.1:" .. site.ports[2] .. "/disable-spammed")))
  end

  it("disables what is spammed and nothing else, called by cron only", function()
    local box = spammed_box()
    local site = start(SPAM_CRON, { url = box.url })
    finally(function()
      site:stop()
      box.stop()
    end)
    assert.truthy(call(site, "127.0.0.2"):find "403$")
    assert.truthy(call(site, "127.0.0.1", "GET"):find "405$")
    assert.equal("the site\n", site:get("/disable-spammed").body)
    assert.equal(2, enabled(box).spammed)
    assert.equal("2 disabled\n200", call(site, "127.0.0.1"), site:log())
    assert.same(CLEAN, enabled(box))
    assert.equal("0 disabled\n200", call(site, "127.0.0.1"))
  end)

  it("answers 503 to cron when the service is down", function()
    local site = start(SPAM_CRON, { url = NOBODY })
    finally(function() site:stop() end)
    local answer = call(site, "127.0.0.1")
    assert.equal("spammed aliases are left: see the error log\n503", answer)
    assert.truthy(site:log():find("spammed aliases are left: locker.addresses.list: connect", 1, true))
    says_nothing_of({ server.LOCKER_KEY }, answer, site:log())
  end)

  it("does not start without a usable key, and says why", function()
    local malformed = "not-a-key-but-secret"
    local ok, problem = pcall(start, SPAM_CRON, { url = NOBODY, keys = { LOCKER_API_KEY = malformed } })
    assert.is_false(ok)
    assert.truthy(tostring(problem):find "unauthenticated", tostring(problem))
    says_nothing_of({ malformed }, tostring(problem))
  end)
end)
