--- Reloads, killed workers and visitors who leave: nothing is answered wrongly, done twice, or left behind.

local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

if not nginx.usable "a site's life" then return end

local SITE = [[
  lua_check_client_abort on;
  location = /link {
    content_by_lua_block {
      local link, err = require("site").lockpub.links:create {
        type = "url", target_url = "https://example.com/" .. ngx.var.arg_n, password = "share-this-separately",
        memo = "number " .. ngx.var.arg_n,
      }
      ngx.print(link and ngx.var.arg_n .. " " .. link.target_url .. " " .. link.slug or tostring(err))
    }
  }
  location = /slow-key {
    content_by_lua_block {
      local page, err = require("site").slow.addresses:list()
      ngx.print(page and "page" or tostring(err))
    }
  }
]]

-- Made at module level before the workers are, shared by all requests of a worker.
local MODULE = [[
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local asked = 0
  return {
    lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = "URL", max_retries = 0, RATE }),
    slow = assert(locksmith.locker {
      base_url = "URL",
      api_key = function()
        asked = asked + 1
        if asked == 1 then ngx.sleep(60) end
        return sandbox.LOCKER_KEY
      end,
    }),
  }
]]

local LOAD = [[
  local result = require("spec.support.load").run(...)
  return { seconds = result.seconds, answers = result.answers }
]]

local function start_site(transport, url, rate, workers)
  return runner.start {
    transport = transport, workers = workers or 2, path = "@DIR@/?.lua;",
    http = "init_by_lua_block { require 'site' }" .. (transport == "capture" and "" or "lua_shared_dict locksmith 1m;"),
    server = SITE,
    files = { ["site.lua"] = MODULE:gsub("URL", url):gsub("RATE", rate) },
  }
end

local function open_files(pid)
  return tonumber(nginx.output_of(("ls /proc/%d/fd 2>/dev/null | wc -l"):format(pid))) or 0
end

local function sleep(seconds)
  shell.sleep(seconds)
end

--- Counts answers that are right; collects the others.
local function judge(answers)
  local right, wrong, slugs = 0, {}, {}
  for answer, count in pairs(answers) do
    local n, target, slug = answer:match "^200 (%d+) https://example%.com/(%d+) (%S+)$"
    if n and n == target and count == 1 and not slugs[slug] then
      right, slugs[slug] = right + 1, true
    else
      wrong[#wrong + 1] = count .. " times " .. answer
    end
  end
  return right, wrong
end

for _, transport in ipairs { "capture", "resty" } do
  describe("a site's life over " .. transport, function()
    local box, visitors

    lazy_setup(function()
      box = server.sandbox { rate = false, throttle = false }
      visitors = runner.start()
    end)
    lazy_teardown(function()
      visitors:stop()
      box.stop()
    end)
    -- So slow that the load outlasts what is done to the site.
    before_each(function()
      box:reset { rate = false, throttle = false, quota = 1000000, log_limit = 100000, delay = 0.01 }
    end)

    local function begin(site, count, width)
      return visitors:begin(LOAD, { port = site.nginx.port, path = "/link?n=%d", count = count, width = width,
        once = true })
    end

    it("survives reloads under load: every visitor gets his own link, and none is made twice", function()
      local site = start_site(transport, box.url, "rate = false")
      finally(function() site:stop() end)
      local finish = begin(site, 3000, 20)
      local old = {}
      for _ = 1, 3 do
        sleep(0.1)
        for _, pid in ipairs(site.nginx:reload()) do old[#old + 1] = pid end
      end
      local result = finish()
      local right, wrong = judge(result.answers)
      assert.same({}, wrong)
      assert.equal(3000, right)
      assert.equal(3000, #box:log())
      assert.is_true(result.seconds > 0.5)
      nginx.wait_for_end(old)
      assert.equal(2, #site.nginx:workers())
      for _, pid in ipairs(site.nginx:workers()) do
        assert.is_true(open_files(pid) < 100, open_files(pid) .. " files")
      end
      assert.is_nil(site:log():find "open socket")
      assert.is_nil(site:log():find "%[alert%]")
    end)

    it("survives killed workers under load: who is answered is answered right", function()
      local site = start_site(transport, box.url, "rate = false")
      finally(function() site:stop() end)
      local finish = begin(site, 3000, 20)
      for _ = 1, 3 do
        sleep(0.1)
        site.nginx:signal("KILL", site.nginx:workers()[1])
      end
      local right, wrong = judge(finish().answers)
      -- Those whose worker was killed got nothing.
      for _, answer in ipairs(wrong) do assert.truthy(answer:find "^%d+ times nil ", answer) end
      assert.is_true(right >= 3000 - 3 * 20 and right <= 3000, right .. " right")
      assert.is_true(#box:log() >= right and #box:log() <= 3000)
      local after, failed = judge(begin(site, 100, 10)().answers)
      assert.same({}, failed)
      assert.equal(100, after)
    end)

    it("keeps to the windows over workers, reloads and a killed worker", function()
      box:reset { rate = { { 10, 0.5 } }, throttle = false, quota = 1000000 }
      local site = start_site(transport, box.url, "rate = { { 10, 0.5 } }, pacing_margin = 0.2, timeout = 60")
      finally(function() site:stop() end)
      local finish = begin(site, 60, 20)
      sleep(0.6)
      site.nginx:reload()
      sleep(0.6)
      site.nginx:signal("KILL", site.nginx:workers()[1])
      local result = finish()
      local right = judge(result.answers)
      local refused = 0
      for _, entry in ipairs(box:log()) do
        if entry.status == 429 then refused = refused + 1 end
      end
      assert.equal(0, refused)
      assert.is_true(right >= 40, right .. " right")
      -- Without a window shared by the workers they would be through in half the time.
      assert.is_true(result.seconds > 1.5, result.seconds .. " s")
    end)

    it("stops waiting for a visitor who left, and sends nothing for him", function()
      local site = start_site(transport, box.url, "rate = { { 1, 1 } }", 1)
      finally(function() site:stop() end)
      assert.equal(200, site.nginx:get("/link?n=1").status)
      assert.equal(0, site.nginx:get("/link?n=2", { timeout = 0.3 }).status)
      sleep(1.5)
      assert.equal(1, #box:log())
      assert.truthy(site.nginx:get("/link?n=3").body:find "^3 ")
      assert.equal(2, #box:log())
    end)

    local LEAVE = [[
      local port, count, after = ...
      local threads = {}
      for i = 1, count do
        threads[i] = ngx.thread.spawn(function()
          local sock = ngx.socket.tcp()
          assert(sock:connect("127.0.0.1", port))
          sock:send("GET /link?n=" .. i .. " HTTP/1.1\r\nHost: x\r\n\r\n")
          ngx.sleep(after)
          sock:close()
        end)
      end
      for i = 1, count do ngx.thread.wait(threads[i]) end
    ]]

    it("gives the slots of a hundred visitors who left to those who stay", function()
      local site = start_site(transport, box.url, "rate = { { 4, 2 } }")
      finally(function() site:stop() end)
      visitors:run(LEAVE, site.nginx.port, 100, 0.4)
      -- The last of their slots comes in 50 s: until it is known who is there, whoever asks is refused.
      local body
      for _ = 1, 15 do
        body = site.nginx:get("/link?n=101", { timeout = 20 }).body
        if not body:find "would_wait" then break end
        sleep(1)
      end
      assert.truthy(body:find "^101 ", body)
      assert.is_true(#box:log() < 20, #box:log() .. " sent")
    end)

    it("does not wait for the key that a visitor who left was asking for", function()
      local site = start_site(transport, box.url, "rate = false", 1)
      finally(function() site:stop() end)
      assert.equal(0, site.nginx:get("/slow-key", { timeout = 0.3 }).status)
      assert.equal("page", site.nginx:get("/slow-key", { timeout = 10 }).body)
    end)

    it("outlives a visitor who leaves while his call is under way", function()
      box:reset { rate = false, throttle = false, delay = 0.5 }
      local site = start_site(transport, box.url, "rate = false", 1)
      finally(function() site:stop() end)
      site.nginx:get "/" -- then there is one
      local pid = site.nginx:workers()[1]
      visitors:run(LEAVE, site.nginx.port, 50, 0.1)
      sleep(1)
      assert.equal("1", site.nginx:get("/link?n=1").body:match "^%d+")
      assert.equal(pid, site.nginx:workers()[1])
      assert.is_true(open_files(pid) < 100, open_files(pid) .. " files")
      assert.is_nil(site:log():find "%[alert%]")
      assert.is_nil(site:log():find "aborted: runtime error")
    end)
  end)
end
