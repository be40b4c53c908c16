-- Luas: lua5.4

local cjson = require "cjson"
local faults = require "spec.support.faults"
local origin = require "spec.support.origin"
local shell = require "spec.support.shell"

local curl, eventually, sh = require("spec.support.curl").raw, shell.eventually, shell.output

local EMPTY, REFUSED = 52, 7

describe("control of the fault proxy", function()
  local service, proxy

  setup(function()
    service = origin.start()
    proxy = faults.start { upstream = service.url }
  end)

  teardown(function()
    proxy:stop()
    service:stop()
  end)

  before_each(function()
    proxy:reset()
    service:reset()
  end)

  local function post()
    return curl("-d payload " .. proxy.url .. "/things")
  end

  describe("script", function()
    it("is used up in order, then requests pass", function()
      proxy:script { { "status", status = 500, times = 2 }, "pass", { "status", status = 502 } }
      assert.equal(4, proxy:state().pending)
      local seen = {}
      for i = 1, 5 do seen[i] = post().status end
      assert.same({ 500, 500, 200, 502, 200 }, seen)
      assert.equal(0, proxy:state().pending)
    end)

    it("keeps an entry for the request it is meant for", function()
      proxy:script { { "status", status = 500, when = { method = "POST", path = "/b" } } }
      assert.equal(200, curl(proxy.url .. "/b").status)
      assert.equal(200, curl("-d x " .. proxy.url .. "/a").status)
      assert.equal(500, curl("-d x " .. proxy.url .. "/a/b").status)
    end)

    it("refuses faults and options that do not exist", function()
      assert.has_error(function() proxy:script { "no_such_fault" } end)
      assert.has_error(function() proxy:script { { "delay", seconds = 1 } } end)
      assert.has_error(function() proxy:script { { "drop_after", how = "gently" } } end)
      assert.has_error(function() proxy:chaos { rate = 2 } end)
      assert.has_error(function() proxy:chaos { rate = 1, kinds = { drop_after = -1 } } end)
    end)

    it("can be set over the proxied port", function()
      local script = cjson.encode { { "drop_after" }, { kind = "status", status = 418 } }
      local answer = curl(("-d '%s' %s/__proxy__/script"):format(script, proxy.url))
      assert.equal(200, answer.status)
      assert.equal(EMPTY, post().exit)
      assert.equal(418, post().status)
      assert.equal(2, #cjson.decode(curl(proxy.url .. "/__proxy__/log").body))
    end)
  end)

  describe("chaos", function()
    local function run(settings)
      proxy:reset()
      service:reset()
      proxy:chaos(settings)
      curl("-H 'Connection: close' " .. proxy.url .. "/[1-150]")
      local counts, kinds = {}, {}
      for i, entry in ipairs(proxy:log()) do
        kinds[i] = entry.fault
        counts[entry.fault] = (counts[entry.fault] or 0) + 1
      end
      return kinds, counts
    end

    it("is the same for the same seed", function()
      local first, counts = run { seed = 1, rate = 0.3 }
      assert.equal(150, #first)
      assert.is_true(counts.pass > 75 and counts.pass < 135)
      assert.same(first, (run { seed = 1, rate = 0.3 }))
      assert.not_same(first, (run { seed = 2, rate = 0.3 }))
    end)

    it("logs as forwarded exactly what the service acted on", function()
      run { seed = 3, rate = 0.9 }
      local forwarded, acted = {}, {}
      for _, entry in ipairs(proxy:log()) do
        if entry.forwarded then forwarded[#forwarded + 1] = entry.path end
      end
      for i, request in ipairs(service:requests()) do acted[i] = request.path end
      assert.is_true(#acted > 0 and #acted < 150)
      assert.same(acted, forwarded)
    end)

    it("weighs its kinds and can be held to some requests", function()
      local _, counts = run { seed = 4, rate = 1, kinds = { status = 4, drop_before = { weight = 1, how = "rst" } } }
      assert.equal(150, counts.status + counts.drop_before)
      assert.is_true(counts.status > counts.drop_before and counts.drop_before > 0)
      local _, others = run { seed = 4, rate = 1, kinds = { "status" }, when = { method = "POST" } }
      assert.equal(150, others.pass)
    end)

    it("can bound the faults in a row", function()
      local kinds, counts = run { seed = 5, rate = 1, kinds = { "status", "refuse" }, longest_run = 2 }
      assert.equal(50, counts.pass)
      for i = 3, #kinds, 3 do assert.equal("pass", kinds[i]) end
    end)
  end)

  describe("process", function()
    local function gone(url)
      return eventually(function() return curl("-m 1 " .. url .. "/").exit == REFUSED end)
    end

    it("ends with stop, which may be repeated", function()
      local short = faults.start { upstream = service.url }
      short:stop()
      short:stop()
      assert.equal(REFUSED, curl(short.url .. "/").exit)
    end)

    it("ends after its lifetime", function()
      local short = faults.start { upstream = service.url, lifetime = 0.2 }
      assert.is_true(gone(short.url))
      short:stop()
    end)

    it("ends when its starter is killed, even if another process holds the pipe", function()
      local name = os.tmpname()
      local file = assert(io.open(name, "w"))
      file:write([[
        local proxy = require "spec.support.faults".start { upstream = "]] .. service.url .. [[" }
        io.stdout:write(proxy.url, "\n")
        io.stdout:flush()
        os.execute("sleep 60 >/dev/null 2>&1 & echo holder=$!; kill -9 $PPID")
      ]])
      file:close()
      local output = sh("env -u LUA_PATH -u LUA_CPATH -u LUA_INIT lua5.4 " .. name .. " 2>/dev/null")
      os.remove(name)
      local url, holder = output:match("(http://%S+)\nholder=(%d+)")
      local ended = gone(url)
      os.execute("kill " .. holder)
      assert.is_true(ended)
    end)
  end)
end)
