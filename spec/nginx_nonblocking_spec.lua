--- While calls wait for their service, the worker serves everybody else.

local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"

if not nginx.usable "calls that wait" then return end

local DELAY, CALLS = 0.2, 100

local SITE = [[
  location = /other { content_by_lua_block { ngx.print "other" } }
  location = /call {
    content_by_lua_block {
      local site = package.loaded.site
      if not site then
        local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
        local function make(options)
          options.api_key, options.base_url, options.store = sandbox.LOCKER_KEY, "URL", locksmith.memory()
          options.max_retries = 0
          return assert(locksmith.locker(options))
        end
        site = { free = make {}, curl = make { transport = "curl" }, paced = make { rate = { { 1, 0.4 } } } }
        package.loaded.site = site
      end
      local page, err = site[ngx.var.arg_client or "free"].addresses:list()
      ngx.print(page and "page" or tostring(err))
    }
  }
]]

local LOAD = [[
  local load = require "spec.support.load"
  local result = load.run(...)
  local beside = result.beside
  return { seconds = result.seconds, answers = result.answers, count = #beside,
    median = load.percentile(beside, 0.5), p99 = load.percentile(beside, 0.99), worst = load.percentile(beside, 1) }
]]

local REPORT = "\n%s: %d calls of %d ms in flight on one worker took %.0f ms; an unrelated location beside them: "
  .. "median %.2f ms, p99 %.2f ms, worst %.2f ms over %d requests (idle: median %.2f ms, p99 %.2f ms)"

local function report(name, idle, busy)
  print(REPORT:format(name, CALLS, DELAY * 1000, busy.seconds * 1000, busy.median * 1000, busy.p99 * 1000,
    busy.worst * 1000, busy.count, idle.median * 1000, idle.p99 * 1000))
end

for _, transport in ipairs { "capture", "resty" } do
  describe("calls that wait, over " .. transport, function()
    local box, site, visitors

    lazy_setup(function()
      box = server.sandbox { rate = false, throttle = false, delay = DELAY }
      site = runner.start { transport = transport, server = SITE:gsub("URL", box.url) }
      visitors = runner.start()
    end)
    lazy_teardown(function()
      visitors:stop()
      site:stop()
      box.stop()
    end)

    local function visit(options)
      options.port = site.nginx.port
      return visitors:run(LOAD, options)
    end

    it("hold up nobody, nor each other", function()
      visit { path = "/call", count = CALLS, width = CALLS } -- connections and code are there from now on
      local idle = visit { beside = "/other", samples = 500, count = 0 }
      local busy = visit { path = "/call", count = CALLS, width = CALLS, beside = "/other" }
      report(transport, idle, busy)
      assert.same({ ["200 page"] = CALLS }, busy.answers)
      assert.is_true(busy.count > 20)
      assert.is_true(busy.p99 < DELAY / 2, "p99 " .. busy.p99)
      assert.is_true(busy.seconds < DELAY * CALLS / 10, busy.seconds .. " s for all")
    end)

    it("hold up nobody while they wait for a slot", function()
      local busy = visit { path = "/call?client=paced", count = 3, width = 3, beside = "/other" }
      assert.same({ ["200 page"] = 3 }, busy.answers)
      assert.is_true(busy.seconds >= 0.8)
      assert.is_true(busy.p99 < DELAY / 2, "p99 " .. busy.p99)
    end)

    it("run side by side in the threads of one request", function()
      local seconds, failed = site:run([[
        local count, url = ...
        local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
        local core = require "locksmith.core"
        local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url, max_retries = 0,
          store = locksmith.memory() })
        local threads, failed, began = {}, 0, core.now()
        for i = 1, count do
          threads[i] = ngx.thread.spawn(function()
            local page = locker.addresses:list()
            if not page then failed = failed + 1 end
          end)
        end
        for i = 1, count do ngx.thread.wait(threads[i]) end
        return core.now() - began, failed
      ]], CALLS, box.url)
      assert.equal(0, failed)
      assert.is_true(seconds < DELAY * CALLS / 10, seconds .. " s for all")
    end)

    if transport == "capture" then
      it("would hold up everybody over curl, which is why nginx never chooses it", function()
        local busy = visit { path = "/call?client=curl", count = 4, width = 4, beside = "/other" }
        assert.same({ ["200 page"] = 4 }, busy.answers)
        assert.is_true(busy.seconds >= DELAY * 4)
        assert.is_true(busy.worst >= DELAY / 2, "worst " .. busy.worst)
      end)
    end
  end)
end
