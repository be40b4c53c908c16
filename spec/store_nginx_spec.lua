--- The shared stores inside a real nginx.

local core = require "locksmith.core"
local names = require "spec.support.names"
local nginx = require "spec.support.nginx"
local ports = require "locksmith.sandbox.server.ports"
local redis = require "spec.support.redis"
local runner = require "spec.support.nginx_runner"

if not nginx.usable "a store in nginx" then return end

local PRELUDE = [[
  local core, locksmith, sandbox = require "locksmith.core", require "locksmith", require "locksmith.sandbox"
  local NAME = "lockpub:test"

  --- Replaces what is kept.
  local function put(store, bytes, name)
    local kept, version = store.read(name or NAME)
    if kept == nil and version ~= nil then return nil, version end
    return store.swap(name or NAME, version, bytes, 60)
  end

  --- Creates a link with a client of its own.
  local function create(store, options)
    local own = { api_key = sandbox.LOCKPUB_KEY, store = store, rate = { { 2, 10 }, { 5, 60 } }, pacing = "fail",
      transport = function() return { status = 201, headers = {}, body = "{}" } end }
    for name, value in pairs(options or {}) do own[name] = value end
    local link, err = assert(locksmith.lockpub(own)).links:create { type = "url", target_url = "https://example.com/",
      password = "share-this-separately", memo = "Client contract" }
    if link then return "sent" end
    return err.kind, err.retry_after or err.message
  end
]]

describe("a shdict store in nginx", function()
  local here
  setup(function()
    here = runner.start {
      http = [[
        lua_shared_dict pacing 64k;
        lua_shared_dict tiny 20k;
        init_by_lua_block { made_early = require("locksmith").shdict "pacing" }
      ]],
    }
  end)
  teardown(function() here:stop() end)
  before_each(function() here:run "ngx.shared.pacing:flush_all() ngx.shared.tiny:flush_all()" end)

  it("carries any bytes, and tells versions apart", function()
    local ok = here:run(PRELUDE .. [[
      local bytes = {}
      for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
      bytes = table.concat(bytes):rep(5)
      assert(made_early.read(NAME) == nil)
      assert(put(made_early, "first"))
      local _, version = made_early.read(NAME)
      assert(put(made_early, bytes))
      local kept, newer = made_early.read(NAME)
      assert(kept == bytes and newer ~= version)
      assert(made_early.swap(NAME, version, "late", 60) == false)
      assert(made_early.swap(NAME, nil, "late", 60) == false)
      assert(made_early.swap(NAME, newer, "in time", 0.05))
      assert(made_early.read(NAME) == "in time")
      ngx.sleep(0.1)
      assert(made_early.read(NAME) == nil)
      return true
    ]])
    assert.is_true(ok)
  end)

  it("works when it was made before there were workers", function()
    local kinds = here:run(PRELUDE .. [[
      local kinds = {}
      for i = 1, 3 do kinds[i] = create(made_early) end
      return kinds
    ]])
    assert.same({ "sent", "sent", "would_wait" }, kinds)
  end)

  it("keeps its state when nginx is reloaded", function()
    here:run(PRELUDE .. [[
      for _ = 1, 2 do create(made_early) end
      create(made_early, { pacing = "off", transport = function()
        return { status = 201, headers = { ["x-api-quota-remaining"] = "0" }, body = "{}" }
      end })
    ]])
    local before = here.nginx:workers()[1]
    here.nginx:signal "HUP"
    for _ = 1, 100 do
      local now = here.nginx:workers()
      if #now == 1 and now[1] ~= before then break end
      core.sleep(0.05)
    end
    assert.equal("quota_exceeded", (here:run(PRELUDE .. "return create(made_early)")))
  end)

  it("says when its dict is full, and forgets nothing for it", function()
    local message, kept, kind = here:run(PRELUDE .. [[
      local store, done, message = locksmith.shdict "tiny", true, nil
      ngx.shared.tiny:set("theirs", 1)
      assert(put(store, ("x"):rep(100)))
      for i = 1, 1000 do
        done, message = put(store, ("x"):rep(100), "lockpub:" .. i)
        if not done then break end
      end
      local kept = ngx.shared.tiny:get "theirs" == 1 and #store.read(NAME) == 100
      return message, kept, create(store, { on_store_error = "fail", rate = { { 60, 60 } } })
    ]])
    assert.equal("lua_shared_dict tiny: no memory", message)
    assert.is_true(kept)
    assert.equal("store", kind)
  end)

  it("names a dict that does not exist", function()
    local message = here:run [[
      local ok, message = pcall(function() local store = require("locksmith").shdict "missing" return store end)
      return message
    ]]
    assert.matches('nginx has no "lua_shared_dict missing"', message)
  end)
end)

describe("a shdict store in nginx whose workers are killed", function()
  it("loses nothing that was confirmed, and holds up nobody", function()
    -- Each worker counts up one number as fast as it can, and beside it what was confirmed to it; and dies after so
    -- many instructions of its own, each later than the one before it. (nginx's own memory does not survive a death
    -- within one operation of a dict, of which Lua sees nothing.)
    local DEATHS = 40
    local here = nginx.start {
      workers = 4,
      http = ([[
        lua_shared_dict pacing 16m;
        lua_shared_dict confirmed 64k;
        init_worker_by_lua_block {
          jit.off()
          local ffi = require "ffi"
          ffi.cdef "int kill(int pid, int signal);"
          local pid = ngx.worker.pid()
          local store = require("locksmith").shdict "pacing"
          local deaths = ngx.shared.confirmed:incr("deaths", 1, -4)
          local function run(premature)
            if premature then return end
            if deaths <= %d then
              debug.sethook(function() ffi.C.kill(pid, 9) end, "", 900 + 23 * (deaths + 4))
            end
            for _ = 1, 50 do
              local bytes, version = store.read "lockpub:test"
              local done, message = store.swap("lockpub:test", version, ("%%d"):format((tonumber(bytes) or 0) + 1), 600)
              if done then ngx.shared.confirmed:incr("count", 1, 0) end
              if done == nil then error(message) end
            end
            assert(ngx.timer.at(0.001, run))
          end
          assert(ngx.timer.at(0, run))
        }
      ]]):format(DEATHS - 4),
      server = [[
        location /count {
          content_by_lua_block {
            local confirmed = ngx.shared.confirmed:get "count"
            ngx.print((require("locksmith").shdict "pacing".read "lockpub:test"), " ", confirmed, " ",
              ngx.shared.confirmed:get "deaths")
          }
        }
      ]],
    }
    local function counted()
      local body = here:get("/count").body
      local kept, confirmed, deaths = body:match "^(%d+) (%d+) (%d+)$"
      if not kept then error(body .. here:log()) end
      return tonumber(kept), tonumber(confirmed), tonumber(deaths)
    end
    local function killed()
      local _, count = here:log():gsub("exited on signal 9", "")
      return count
    end
    for _ = 1, 1500 do
      if killed() == DEATHS and #here:workers() == 4 and select(3, counted()) == DEATHS then break end
      core.sleep(0.02)
    end
    local before = counted()
    core.sleep(0.2)
    local kept, confirmed, deaths = counted()
    local log, died = here:log(), killed()
    here:stop()
    assert.equal(DEATHS, deaths)
    assert.equal(DEATHS, died)
    assert(kept > before, ("%d after %d\n%s"):format(kept, before, log))
    -- Who died may have counted once more than it could say; the others are in the midst of it.
    assert.is_true(kept >= confirmed - 4 and kept <= confirmed + died + 4, ("%d of %d"):format(kept, confirmed))
  end)
end)

describe("workers that share no store", function()
  local function warnings(options)
    options.workers = 2
    options.http = (options.http or "") .. [[
      init_by_lua_block {
        local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
        assert(locksmith.locker { api_key = sandbox.LOCKER_KEY })
        for _ = 1, 2 do assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY }) end
      }
    ]]
    local site = runner.start(options)
    site:run [[ return true ]]
    local log = site:log()
    site:stop()
    return select(2, log:gsub("each of the 2 workers paces on its own: put \"lua_shared_dict locksmith 1m;\"", "")), log
  end

  it("are told so, once", function()
    local count, log = warnings {}
    assert.equal(1, count, log)
  end)

  it("are not where the dict is there", function()
    assert.equal(0, (warnings { http = "lua_shared_dict locksmith 1m;" }))
  end)
end)

describe("a redis store in nginx", function()
  local reason = redis.missing()
  local here, server
  if reason then return pending(reason) end

  setup(function()
    server = redis.start "--requirepass the-right-words"
    here = runner.start {
      http = ([[
        init_by_lua_block {
          store = require("locksmith").redis { unix = "%s", password = "the-right-words", db = 3, timeout = 0.3 }
        }
        init_worker_by_lua_block { early = { store.read("lockpub:test") } }
      ]]):format(server.unix),
    }
  end)
  teardown(function()
    here:stop()
    server:stop()
  end)

  local function cli(command)
    return server:cli("-a the-right-words --no-auth-warning " .. command)
  end

  it("asks by cosockets, whose connections it keeps", function()
    local kinds = here:run(PRELUDE .. [[
      local kinds = {}
      for i = 1, 3 do kinds[i] = create(store) end
      for i = 1, 100 do assert(put(store, "bytes " .. i, "lockpub:other")) end
      return kinds
    ]])
    assert.same({ "sent", "sent", "would_wait" }, kinds)
    local keys = cli "-n 3 keys '*'"
    assert.matches("locksmith:2:lockpub:other", keys)
    assert.matches("locksmith:2:lockpub:%x+", keys)
    assert.is_true(tonumber(cli("info stats"):match "total_connections_received:(%d+)") < 12)
  end)

  it("says that Redis wants a password, and does not use a connection that was made with one", function()
    local messages = here:run(PRELUDE .. [[
      assert(store.read(NAME, nil, true) == nil)
      local messages = {}
      for i, password in ipairs { "", "wrong" } do
        local own = { unix = ..., db = 3, password = password ~= "" and password or nil }
        messages[i] = select(2, locksmith.redis(own).read(NAME))
      end
      return messages
    ]], server.unix)
    assert.matches("NOAUTH: it wants a password", messages[1])
    assert.equal("Redis: AUTH failed: WRONGPASS", messages[2])
  end)

  it("finds a server by its name, whose connection it keeps", function()
    local port = ports.free()
    local by_name, known = redis.start("--port " .. port), names.start { "redis.example" }
    local site = runner.start { http = ("resolver 127.0.0.1:%d ipv6=off;"):format(known.port) }
    finally(function()
      site:stop()
      known:stop()
      by_name:stop()
    end)
    local connections = site:run(PRELUDE .. [[
      local port = ...
      for _, host in ipairs { "redis.example", "localhost" } do
        local own = locksmith.redis { host = host, port = port, timeout = 2 }
        for i = 1, 10 do assert(own.read(NAME, nil, true) == nil and put(own, "bytes " .. i, host)) end
      end
    ]], port)
    assert.is_nil(connections)
    assert.same({ "redis.example" }, known:asked())
    assert.is_true(tonumber(by_name:cli("info stats"):match "total_connections_received:(%d+)") < 6)
  end)

  it("waits no longer for a name server that says nothing", function()
    local site = runner.start { http = "resolver 127.0.0.1:9 valid=30s; resolver_timeout 5s;" }
    finally(function() site:stop() end)
    local kind, message, elapsed = site:run(PRELUDE .. [[
      local own = locksmith.redis { host = "redis.example", timeout = 0.2 }
      local began = ngx.now()
      local _, message = own.read(NAME, nil, true)
      ngx.update_time()
      local elapsed = ngx.now() - began
      return create(locksmith.redis { host = "redis.example", timeout = 0.2 }, { timeout = 3 }), message, elapsed
    ]])
    assert.equal("sent", kind) -- by the limiter of this process
    assert.equal("Redis: no connection to redis.example:6379: timeout", message)
    assert.is_true(elapsed < 1, "after " .. elapsed)
  end)

  it("serves coroutines at the same time", function()
    local granted, errors = here:run(PRELUDE .. [[
      local threads, granted, errors = {}, 0, 0
      for i = 1, 20 do
        threads[i] = ngx.thread.spawn(function()
          local kind = create(store, { api_key = sandbox.LOCKPUB_KEY:sub(1, -2) .. "x", rate = { { 7, 10 } },
            on_store_error = "fail" })
          if kind == "sent" then granted = granted + 1 elseif kind ~= "would_wait" then errors = errors + 1 end
        end)
      end
      for i = 1, 20 do ngx.thread.wait(threads[i]) end
      return granted, errors
    ]])
    assert.same({ 7, 0 }, { granted, errors })
  end)

  it("goes on after Redis was restarted", function()
    here:run(PRELUDE .. [[ assert(put(store, "bytes")) ]])
    server:kill()
    local message = here:run(PRELUDE .. [[ return (select(2, put(store, "more"))) ]])
    assert.matches("^Redis: ", message)
    server:restart()
    assert.is_true(here:run(PRELUDE .. [[
      ngx.sleep(0.6)
      return put(store, "again")
    ]]))
  end)

  it("waits no longer than its timeout for a Redis that does not answer", function()
    here:run(PRELUDE .. [[
      ngx.sleep(0.6) -- it may rest yet
      assert(put(store, "bytes"))
    ]])
    server:suspend()
    local message, took = here:run(PRELUDE .. [[
      local began = core.now()
      local _, message = put(store, "more")
      return message, core.now() - began
    ]])
    assert.equal("Redis: timeout", message)
    assert.is_true(took >= 0.29 and took < 2)
    server:resume()
  end)

  it("answers with an error, not by raising, where there are no sockets", function()
    local early, message = here:run [[ return early[1], early[2] ]]
    assert.is_nil(early)
    assert.matches("API disabled in the context of init_worker_by_lua", message)
  end)
end)
