--- Instructions that one nginx spends on a visitor's request with one links:create in it, and on the same call written
--- by hand, over each transport: callgrind's counts, the difference of many calls and few. The visitor's request and
--- answer are in them.

local by_hand = require "spec.bench.by_hand"
local find_nginx = require "locksmith.sandbox.server.find_nginx"
local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local shell = require "spec.support.shell"

local calls = {}

-- The first ones warm up.
local FEW, MANY, VISITORS = 500, 1500, 16

-- Its quota goes down by one with each call, as the service's does.
local UPSTREAM = [[
  keepalive_timeout 600s;
  location = /api/v1/links {
    content_by_lua_block {
      remaining = (remaining or 100000000) - 1
      local header = ngx.header
      header["Content-Type"] = "application/json"
      header["X-Api-Quota-Limit"] = "100000000"
      header["X-Api-Quota-Remaining"] = ("%.0f"):format(remaining)
      header["X-Api-Quota-Reset"] = "4102444800"
      ngx.status = 201
      local body = '{"shortUrl":"https://lock.pub/5clfu146"}'
      header["Content-Length"] = #body
      ngx.print(body)
    }
  }
]]

local HTTP = [[
  keepalive_timeout 600s;
  lua_shared_dict pacing 1m;
]]

local SERVER = [[
  location = /call { content_by_lua_block { require("site")() } }
]]

local MODULE = [[
  local by_hand = require "spec.bench.by_hand"
  local url, key, transport, way = "http://127.0.0.1:PORT", "KEY", "TRANSPORT", "WAY"
  local make

  if way == "by hand" and transport == "capture" then
    function make()
      return by_hand.capture("/by-hand", { method = ngx.HTTP_POST, body = by_hand.body() })
    end
  elseif way == "by hand" then
    make = by_hand.resty(PORT, key)
  else
    local locksmith = require "locksmith"
    -- Under callgrind some 40 slots are kept, and nobody waits.
    local lockpub = assert(locksmith.lockpub { api_key = key, base_url = url, transport = transport,
      rate = { { 100, 0.25 } }, pacing_margin = 0,
      store = way == "dict" and locksmith.shdict "pacing" or locksmith.memory() })
    function make()
      return lockpub.links:create { type = "url", target_url = "https://example.com/private",
        password = "share-this-separately", memo = "Client contract", redirect_limit = 3 }
    end
  end
  return function()
    local made, problem = make()
    ngx.print(made and made.short_url or tostring(problem))
  end
]]

local LOAD = [[
  local port, count, width = ...
  local result = require("spec.support.load").run { port = port, path = "/call", count = count, width = width }
  return result.answers, result.seconds
]]

local function fill(text, fields)
  return (text:gsub("%u%u%u+", fields))
end

--- Instructions of one run of nginx with so many calls in it.
---@return integer
---@return number seconds the calls took under callgrind
local function count(upstream, visitors, transport, way, number)
  local key = require("locksmith.sandbox").LOCKPUB_KEY
  local fields = { PORT = tostring(upstream.port), KEY = key, TRANSPORT = transport, WAY = way }
  local out = shell.folder "callgrind"
  local site = runner.start {
    transport = runner.best(transport),
    master = "off", path = "@DIR@/?.lua;", http = HTTP .. fill(by_hand.HTTP, fields),
    server = SERVER .. fill(by_hand.SERVER, fields),
    files = { ["site.lua"] = fill(MODULE, fields) },
    under = "valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file=" .. out .. "/log",
  }
  local answers, seconds = visitors:run(LOAD, site.nginx.port, number, VISITORS)
  local log = site:log()
  site:stop()
  local instructions = tonumber(shell.read(out .. "/log"):match "Collected : *(%d+)")
  os.execute("rm -rf " .. shell.quote(out))
  for answer, times in pairs(answers) do
    if answer ~= "200 https://lock.pub/5clfu146" then
      error(("%d times %s\n%s"):format(times, answer, log:sub(1, 1000)), 0)
    end
  end
  return assert(instructions, "callgrind counted nothing"), seconds
end

--- As a program.
---@param transports string their names
function calls.main(transports)
  assert(find_nginx())
  local upstream, visitors = nginx.start { server = UPSTREAM }, runner.start()
  for transport in transports:gmatch "[a-z]+" do
    local _, remark = runner.best(transport)
    for _, way in ipairs { "dict", "memory", "by hand" } do
      local few = count(upstream, visitors, transport, way, FEW)
      local many, seconds = count(upstream, visitors, transport, way, MANY)
      print(("nginx, %s%s, %-7s %4.0f k instructions per call (%.0f calls/s under callgrind)"):format(transport, remark,
        way .. ":", (many - few) / (MANY - FEW) / 1000, MANY / seconds))
    end
  end
  visitors:stop()
  upstream:stop()
end

return calls
