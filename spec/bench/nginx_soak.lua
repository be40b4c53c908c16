--- One nginx worker at full speed: links:create and the same call written by hand, in turns.

local by_hand = require "spec.bench.by_hand"
local core = require "locksmith.core"
local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"

local soak = {}

local UPSTREAM = [[
  keepalive_requests 1000000000;
  location = /api/v1/links {
    default_type application/json;
    add_header X-Api-Quota-Limit 100000000;
    add_header X-Api-Quota-Remaining 99999999;
    add_header X-Api-Quota-Reset 4102444800;
    return 201 '{"shortUrl":"https://lock.pub/5clfu146"}';
  }
]]

local MODULE = [[
  if not COMPILED then jit.off() end
  local by_hand, locksmith = require "spec.bench.by_hand", require "locksmith"
  local key, port, url, transport = "KEY", PORT, "http://127.0.0.1:PORT", "TRANSPORT"

  local function client(rate)
    return assert(locksmith.lockpub { api_key = key, base_url = url, transport = transport, rate = rate,
      pacing = "off" })
  end
  -- Nobody waits, yet every call is counted in the shared dict.
  local paced, free = client { { 50, 0.1 } }, client(false)

  local function ours(lockpub)
    return lockpub.links:create { type = "url", target_url = "https://example.com/private",
      password = "share-this-separately", memo = "Client contract", redirect_limit = 3 }
  end

  local site = {
    paced = function() return ours(paced) end,
    free = function() return ours(free) end,
    ["the same location"] = function()
      local text = by_hand.body()
      return by_hand.capture("/locksmith-internal-call", {
        vars = { locksmith_url = "http://locksmith_loopback/api/v1/links", locksmith_method = "POST",
          locksmith_host = "127.0.0.1:PORT", locksmith_authorization = "Bearer " .. key,
          locksmith_user_agent = "by-hand", locksmith_content_type = "application/json",
          locksmith_content_length = tostring(#text) },
        ctx = { locksmith_address = "127.0.0.1", locksmith_port = port, locksmith_limit = 10, locksmith_connect = 5,
          locksmith_maximum = 1048576 },
        body = text,
      })
    end,
    ["a location of its own"] = function()
      return by_hand.capture("/by-hand", { method = ngx.HTTP_POST, body = by_hand.body() })
    end,
    ["lua-resty-http"] = transport == "resty" and by_hand.resty(port, key) or nil,
  }
  return {
    call = function()
      local made, problem = site[ngx.unescape_uri(ngx.var.arg_way)]()
      ngx.print(made and made.short_url or tostring(problem))
    end,
    heap = function()
      collectgarbage()
      collectgarbage()
      ngx.print(collectgarbage "count")
    end,
  }
]]

local SERVER = [[
  location = /call { content_by_lua_block { require("site").call() } }
  location = /heap { content_by_lua_block { require("site").heap() } }
]]

-- Each visitor asks again as soon as he is answered.
local LOAD = [[
  local port, path, seconds, width = ...
  local core, load = require "locksmith.core", require "spec.support.load"
  local calls, wrong, threads, began = 0, {}, {}, core.now()
  for i = 1, width do
    threads[i] = ngx.thread.spawn(function()
      while core.now() - began < seconds do
        local status, body = load.get(port, path)
        if status == 200 and body == "https://lock.pub/5clfu146" then
          calls = calls + 1
        else
          wrong[#wrong + 1] = tostring(status) .. " " .. body
        end
      end
    end)
  end
  for i = 1, width do ngx.thread.wait(threads[i]) end
  return calls, core.now() - began, wrong
]]

-- Seconds of CPU time that a process used, in the kernel's ticks of 1/100 s.
local function cpu_of(pid)
  local fields = nginx.read(("/proc/%d/stat"):format(pid)):match "%) (.*)$"
  local user, system = fields:match("^" .. ("%S+ "):rep(11) .. "(%d+) (%d+)")
  return (user + system) / 100
end

local function start(transport, compiled)
  local up = nginx.start { server = UPSTREAM }
  local function fill(text)
    return (text:gsub("COMPILED", tostring(compiled)):gsub("TRANSPORT", transport):gsub("PORT", up.port):gsub("KEY",
      require("locksmith.sandbox").LOCKPUB_KEY))
  end
  local site = runner.start { transport = runner.best(transport), path = "@DIR@/?.lua;",
    http = fill(by_hand.HTTP) .. (transport == "resty" and "lua_shared_dict locksmith 1m;" or ""),
    server = SERVER .. fill(by_hand.SERVER), files = { ["site.lua"] = fill(MODULE) } }
  return up, site, runner.start()
end

soak.WAYS = {
  capture = { "paced", "free", "the same location", "a location of its own" },
  resty = { "paced", "free", "lua-resty-http" },
}

--- Calls for so long, each way in turn.
---@param options table `{ transport = "capture" unless told, seconds, ways = of soak.WAYS, width = calls at a time,
---  default 32, compiled = false: what LuaJIT compiles in its own time is not to show in the memory }`
---@return table # `{ transport, ways = way -> { calls, seconds, cpu }, wrong = texts, rss, heap = KiB at four points }`
function soak.run(options)
  local result = { transport = options.transport or "capture", ways = {}, wrong = {}, rss = {}, heap = {} }
  local up, site, visitors = start(result.transport, options.compiled ~= false)
  local pid = site.nginx:workers()[1]

  local function slice(way, seconds)
    local before = cpu_of(pid)
    local calls, took, wrong = visitors:run(LOAD, site.nginx.port, "/call?way=" .. way:gsub(" ", "%%20"), seconds,
      options.width or 32)
    for _, text in ipairs(wrong) do result.wrong[#result.wrong + 1] = way .. ": " .. text end
    return calls, took, cpu_of(pid) - before
  end

  local ok, problem = pcall(function()
    for _, way in ipairs(options.ways) do
      slice(way, 0.3)
      result.ways[way] = { calls = 0, seconds = 0, cpu = 0 }
    end
    local rounds = 4 * math.max(1, math.floor(options.seconds / #options.ways / 4))
    for round = 1, rounds do
      for _, way in ipairs(options.ways) do
        local calls, took, cpu = slice(way, options.seconds / rounds / #options.ways)
        local sum = result.ways[way]
        sum.calls, sum.seconds, sum.cpu = sum.calls + calls, sum.seconds + took, sum.cpu + cpu
      end
      if round % (rounds / 4) == 0 then
        result.rss[#result.rss + 1] = nginx.memory(pid)
        result.heap[#result.heap + 1] = tonumber(site.nginx:get("/heap").body)
      end
    end
    result.same_worker = site.nginx:workers()[1] == pid
    result.log = site:log()
  end)
  visitors:stop()
  site:stop()
  up:stop()
  if not ok then error(problem, 0) end
  return result
end

local NAMES = { paced = "locksmith", free = "locksmith, rate = false" }

--- What came of it, in lines.
---@param result table
---@return string
function soak.report(result)
  local lines = {}
  local function add(...) lines[#lines + 1] = string.format(...) end
  for _, way in ipairs(soak.WAYS[result.transport]) do
    local sum = result.ways[way]
    if sum then
      add("%-37s %6.0f calls/s, %4.0f us of CPU time each", (NAMES[way] or "by hand over " .. way) .. ":",
        sum.calls / sum.seconds, sum.cpu / sum.calls * 1e6)
    end
  end
  for _, ours in ipairs { "paced", "free" } do
    for _, other in ipairs { "the same location", "a location of its own", "lua-resty-http" } do
      local a, b = result.ways[ours], result.ways[other]
      if a and b then
        add("ratio %s to by hand over %s: %.2f in calls/s, %.2f in CPU time", NAMES[ours], other,
          a.calls / a.seconds / (b.calls / b.seconds), b.cpu / b.calls / (a.cpu / a.calls))
      end
    end
  end
  add("worker's memory at the quarters: %s KiB, Lua's heap %s KiB, %d failed", table.concat(result.rss, " "),
    (table.concat(result.heap, " "):gsub("(%d+)%.%d+", "%1")), #result.wrong)
  return table.concat(lines, "\n")
end

--- The whole soak, as a program.
---@param seconds number for both transports together
function soak.main(seconds)
  local failed = 0
  for _, transport in ipairs { "capture", "resty" } do
    local began = core.now()
    local result = soak.run { transport = transport, seconds = seconds / 2, ways = soak.WAYS[transport] }
    local _, remark = runner.best(transport)
    print(("nginx, one worker, %s%s, %.0f s:\n%s"):format(transport, remark, core.now() - began, soak.report(result)))
    if result.wrong[1] then io.stderr:write(result.wrong[1], "\n") end
    failed = failed + #result.wrong
  end
  os.exit(failed == 0 and 0 or 1)
end

return soak
