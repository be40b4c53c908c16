--- Pacing shared by processes and by nginx workers, against a service that enforces its windows.

local check = require "spec.support.pace_check"
local core = require "locksmith.core"
local curl = require "spec.support.curl"
local nginx = require "spec.support.nginx"
local redis = require "spec.support.redis"
local saturate = require "spec.support.saturate"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

if not nginx.usable "pacing between processes" then return end

-- A few of the interpreters that there are modules for.
local function interpreters()
  local found = {}
  for _, lua in ipairs { "luajit", "lua5.4", "lua5.1", "lua5.3", "lua5.2" } do
    local abi = lua:match "%d%.%d" or "5.1"
    local cpath = package.cpath:gsub("/5%.1/%?%.so", "/" .. abi .. "/?.so")
    local built = false
    for place in cpath:gmatch "[^;]+" do
      built = built or nginx.read((place:gsub("%?", "locksmith/core"))) ~= ""
    end
    if built and nginx.output_of("command -v " .. lua) ~= "" then
      local path = curl.quote("./?.lua;" .. package.path)
      found[#found + 1] = ("LUA_CPATH=%s LUA_PATH=%s %s"):format(curl.quote(cpath), path, lua)
    end
  end
  return found
end

local COMMANDS = interpreters()

-- When the service was asked for the first time: a busy machine may take long to start somebody who asks.
local function first_seen(service)
  for _ = 1, 2000 do
    local entry = service:log()[1]
    if entry then return entry.at end
    core.sleep(0.01)
  end
  error("nobody asks", 2)
end

--- Starts processes that saturate the service from now on, for so many seconds each.
---@return table[] pipes
---@return number begins the first request
local function start_processes(n, service, place, seconds, options)
  local at, pipes = core.now() + 0.4, {}
  for i = 1, n do
    pipes[i] = assert(io.popen(("%s spec/support/saturate.lua process-%d %s %s %.3f %.3f %s 2>&1"):format(
      COMMANDS[(i - 1) % #COMMANDS + 1], i, service.url, curl.quote(place), at, seconds, curl.quote(options or "{}"))))
  end
  return pipes, first_seen(service)
end

local function results_of(pipes)
  local results = {}
  for i, pipe in ipairs(pipes) do
    local text = pipe:read "*a"
    pipe:close()
    local ok, result = pcall(require("cjson").decode, text)
    assert(ok and type(result) == "table", "process " .. i .. " ended with: " .. text)
    results[i] = result
  end
  return results
end

--- What the service saw: the times of what it accepted, how many it refused, and how many each client sent.
local function seen_by(service, from)
  local accepted, refused, shares = {}, 0, {}
  for _, entry in ipairs(service:log()) do
    if entry.service == "lockpub" and entry.at >= (from or 0) then
      local who = entry.headers["user-agent"]:match "%S+$"
      if entry.status == 429 then
        refused = refused + 1
      else
        accepted[#accepted + 1] = entry.at
        shares[who] = (shares[who] or 0) + 1
      end
    end
  end
  table.sort(accepted)
  return accepted, refused, shares
end

local function report(what, sent, seconds, shares)
  local list = {}
  for who, count in pairs(shares) do list[#list + 1] = ("%s %d"):format(who, count) end
  table.sort(list)
  print(("%s: %d requests in %.1f s, %.1f %% of the most the windows allow; no 429; %s"):format(what, sent,
    seconds, 100 * sent / saturate.most(seconds), table.concat(list, ", ")))
end

-- How many lie before `ends`: afterwards fewer and fewer want to send.
local function count_until(times, ends)
  local n = 0
  for _, at in ipairs(times) do if at <= ends then n = n + 1 end end
  return n
end

-- Slots go to whoever asks first; nobody is left behind by more than a busy machine explains.
local function assert_fair(shares, n)
  local least, total, count = math.huge, 0, 0
  for _, share in pairs(shares) do least, total, count = math.min(least, share), total + share, count + 1 end
  assert.equal(n, count)
  if least < 0.5 * total / n then error(("one of %d got %d of %d"):format(n, least, total), 2) end
end

-- The third sixty are out after 7.8 s; a busy machine may be later.
local SECONDS = 9

--- Lets four processes send as much as they may through a store, and looks at what the service saw.
local function check_processes(what, service, place)
  local pipes, begins = start_processes(4, service, place, SECONDS)
  for _, result in ipairs(results_of(pipes)) do
    assert.same({}, result.kinds, result.said)
    assert.equal(0, result.store_errors)
  end
  local accepted, refused, shares = seen_by(service)
  assert.equal(0, refused)
  assert.is_nil(check.broken(accepted, saturate.RATE))
  assert_fair(shares, 4)
  local sent = count_until(accepted, begins + SECONDS)
  report(what .. ", 4 processes", sent, SECONDS, shares)
  assert.is_true(sent >= 0.95 * saturate.most(SECONDS))
end

describe("pacing between processes of a machine", function()
  it("that share a file uses the windows to the full, and never meets a 429", function()
    local service, folder = server.sandbox { rate = saturate.RATE, quota = 1000000 }, shell.folder "pacing"
    finally(function()
      service.stop()
      os.execute("rm -rf " .. shell.quote(folder))
    end)
    check_processes("file", service, "file:" .. folder .. "/state")
  end)
end)

describe("pacing between processes", function()
  local reason = redis.missing()
  if reason then return pending(reason) end

  local service, store
  before_each(function()
    service = server.sandbox { rate = saturate.RATE, quota = 1000000 }
    store = redis.start()
  end)
  after_each(function()
    service.stop()
    store:stop()
  end)

  it("that share a Redis uses the windows to the full, and never meets a 429", function()
    check_processes("redis", service, "redis:" .. store.unix)
  end)

  it("goes on when Redis is killed, and keeps the windows soon after an empty one is back", function()
    local pipes, begins = start_processes(4, service, "redis:" .. store.unix, 8)
    core.sleep(begins + 0.9 - core.now())
    store:kill()
    core.sleep(begins + 2 - core.now())
    store:restart()
    local back = core.now()
    local errors = 0
    for _, result in ipairs(results_of(pipes)) do
      errors = errors + result.store_errors
      assert.is_true(result.overrun < 1, "a call outlived its deadline by " .. result.overrun)
      for kind in pairs(result.kinds) do assert.truthy(kind == "would_wait" or kind == "rate_limited", kind) end
    end
    assert.is_true(errors > 0)
    local accepted, refused = seen_by(service, back + 3.5)
    assert.equal(0, refused)
    assert.is_nil(check.broken(accepted, saturate.RATE))
    assert.is_true(#accepted >= 20)
    print(("redis killed for %.1f s: %d requests after its return, no 429 from 3.5 s on"):format(back - begins - 0.9,
      #accepted))
  end)

  it("tells an empty Redis what was sent before it was killed", function()
    local rate = { { 20, 0.5 }, { 60, 6 } }
    service:reset { rate = rate, quota = 1000000 }
    -- They ask all the time: an empty Redis that gave them slots would let them send at once.
    local options = '{"pacing":"fail","rate":[[20,0.5],[60,6]]}'
    local pipes, begins = start_processes(4, service, "redis:" .. store.unix, 7.5, options)
    core.sleep(begins + 1.8 - core.now())
    store:kill()
    core.sleep(begins + 2.4 - core.now())
    store:restart()
    local errors = 0
    for _, result in ipairs(results_of(pipes)) do
      errors = errors + result.store_errors
      result.kinds.would_wait = nil
      assert.same({}, result.kinds, result.said)
    end
    assert.is_true(errors >= 4)
    local accepted, refused = seen_by(service)
    assert.equal(0, refused)
    assert.is_nil(check.broken(accepted, rate))
    assert.equal(60, count_until(accepted, begins + 6))
    assert.is_true(#accepted >= 80)
  end)

  it("holds a process that was restarted to what the one before it sent", function()
    local chunk = [[
      require("spec.support.redis").find_library()
      local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
      local fields = require("spec.support.saturate").FIELDS
      local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = "@URL@", pacing = "fail",
        store = locksmith.redis { unix = "@SOCKET@" } })
      local sent = 0
      while true do
        local link, err = lockpub.links:create(fields)
        if not link then
          print(sent, err.kind, err.retry_after)
          return
        end
        sent = sent + 1
      end
    ]]
    service:reset { rate = false }
    chunk = chunk:gsub("@URL@", service.url):gsub("@SOCKET@", store.unix)
    local file = os.tmpname()
    nginx.write(file, chunk)
    local lines = {}
    for i = 1, 2 do
      lines[i] = nginx.output_of(COMMANDS[(i - 1) % #COMMANDS + 1] .. " " .. curl.quote(file) .. " 2>&1")
    end
    os.remove(file)
    local first, second = lines[1]:match "^20%s+would_wait%s+([%d.]+)", lines[2]:match "^0%s+would_wait%s+([%d.]+)"
    assert.truthy(first, lines[1])
    assert.truthy(second, lines[2])
    assert.is_true(tonumber(second) <= tonumber(first) and tonumber(second) > 5)
  end)
end)

describe("pacing between nginx workers", function()
  local TRANSPORT = [[
    -- HTTP by cosockets: subrequests are not to be had in a timer.
    local function transport(request)
      local host, port, path = request.url:match "^http://([^:/]+):(%d+)(.*)$"
      local socket = ngx.socket.tcp()
      socket:settimeout(request.timeout * 1000)
      if not socket:connect(host, tonumber(port)) then return nil, { kind = "connect", sent = false } end
      local lines = { request.method .. " " .. path .. " HTTP/1.1", "Host: " .. host,
        "Content-Length: " .. #request.body }
      for _, header in ipairs(request.headers) do lines[#lines + 1] = header[1] .. ": " .. header[2] end
      socket:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. request.body)
      local status = (socket:receive "*l" or ""):match "^HTTP/1.1 (%d+)"
      if not status then return nil, { kind = "network", sent = true } end
      local headers = {}
      for line in function() return socket:receive "*l" end do
        if line == "" then break end
        local name, value = line:match "^([^:]+):%s*(.*)$"
        headers[name:lower()] = value
      end
      local body = headers["content-length"] and socket:receive(tonumber(headers["content-length"])) or ""
      socket:close()
      return { status = tonumber(status), headers = headers, body = body }
    end
  ]]

  it("that share a dict uses the windows to the full, and never meets a 429", function()
    local service = server.sandbox { rate = saturate.RATE, quota = 1000000 }
    local n = nginx.start {
      workers = 4,
      http = ([[
        lua_shared_dict locksmith 256k;
        lua_shared_dict results 256k;
        init_worker_by_lua_block {
          %s
          local saturate = require "spec.support.saturate"
          local function run(premature, i)
            if premature then return end
            local name, options = ("worker-%%d"):format(ngx.worker.id()), { transport = transport }
            ngx.update_time()
            local ok, result = pcall(saturate.run, name, "%s", ngx.now() + %.3f, options)
            ngx.shared.results:rpush("list", require("cjson").encode(ok and result or { raised = tostring(result) }))
          end
          for i = 1, 3 do assert(ngx.timer.at(0.2, run, i)) end
        }
      ]]):format(TRANSPORT, service.url, SECONDS),
      server = [[
        location /results {
          content_by_lua_block {
            for _ = 1, 12 do ngx.say(ngx.shared.results:lpop "list" or "") end
          }
        }
        location /count { content_by_lua_block { ngx.print(ngx.shared.results:llen "list") } }
      ]],
    }
    local begins = first_seen(service)
    core.sleep(begins + SECONDS - core.now())
    for _ = 1, 200 do
      if n:get("/count").body == "12" then break end
      core.sleep(0.1)
    end
    local results = 0
    for line in n:get("/results").body:gmatch "[^\n]+" do
      local result = require("cjson").decode(line)
      assert.is_nil(result.raised)
      assert.same({}, result.kinds, result.said)
      assert.equal(0, result.store_errors)
      results = results + 1
    end
    local accepted, refused, shares = seen_by(service)
    local log = n:log()
    n:stop()
    service.stop()
    assert.equal(12, results, log)
    assert.equal(0, refused)
    assert.is_nil(check.broken(accepted, saturate.RATE))
    assert_fair(shares, 4)
    local sent = count_until(accepted, begins + SECONDS)
    report("shdict, 4 workers", sent, SECONDS, shares)
    assert.is_true(sent >= 0.95 * saturate.most(SECONDS))
  end)
end)
