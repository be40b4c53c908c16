--- The shared stores inside a real nginx.

local nginx = require "spec.support.nginx"
local redis = require "spec.support.redis"
local runner = require "spec.support.nginx_runner"

if not nginx.usable "a store in nginx" then return end

-- A store remembers what an emptied Redis forgot: each test has a state of its own.
local PRELUDE = [[
  local core, locksmith = require "locksmith.core", require "locksmith"
  local function request(more)
    local own = { name = "lockpub:test", windows = { { 2, 10 }, { 5, 60 } }, margin = 0.05, now = core.now(),
      longest = 100, patience = 10, count_only = false, quota = false }
    for name, value in pairs(more or {}) do own[name] = value end
    return own
  end
]]

describe("a shdict store in nginx", function()
  local here
  setup(function()
    here = runner.start {
      http = [[
        lua_shared_dict pacing 64k;
        lua_shared_dict tiny 12k;
        init_by_lua_block { made_early = require("locksmith").shdict "pacing" }
      ]],
    }
  end)
  teardown(function() here:stop() end)
  before_each(function() here:run "ngx.shared.pacing:flush_all() ngx.shared.tiny:flush_all()" end)

  it("works when it was made before there were workers", function()
    local first, _, third = unpack(here:run(PRELUDE .. [[
      local waits = {}
      for i = 1, 3 do waits[i] = made_early:reserve(request()) end
      return waits
    ]]))
    assert.equal(0, first)
    assert.is_true(third > 9)
  end)

  it("keeps its state when nginx is reloaded", function()
    here:run(PRELUDE .. [[
      for _ = 1, 2 do made_early:reserve(request()) end
      made_early:observe("lockpub:test", core.now(), "1000", "0", "")
    ]])
    local before = here.nginx:workers()[1]
    here.nginx:signal "HUP"
    local wait
    for _ = 1, 100 do
      local now = here.nginx:workers()
      if #now == 1 and now[1] ~= before then break end
      require("locksmith.core").sleep(0.05)
    end
    wait = here:run(PRELUDE .. [[ return (made_early:reserve(request())) ]])
    assert.is_true(wait > 5)
    local kind = here:run(PRELUDE .. [[ return (select(2, made_early:reserve(request { quota = true }))) ]])
    assert.equal("quota_exceeded", kind)
  end)

  it("says when its dict is full, and forgets nothing for it", function()
    local problem, message, kept = here:run(PRELUDE .. [[
      local store, problem, message = locksmith.shdict "tiny"
      ngx.shared.tiny:set("theirs", 1)
      for i = 1, 1000 do
        local wait
        wait, problem, message = store:reserve(request { name = "lockpub:" .. i })
        if not wait then break end
      end
      return problem, message, ngx.shared.tiny:get "theirs" and store:quota("lockpub:1", core.now()) == nil
    ]])
    assert.equal("store", problem)
    assert.equal("lua_shared_dict tiny: no memory", message)
    assert.is_true(kept)
  end)

  it("names a dict that does not exist", function()
    local message = here:run [[
      local ok, message = pcall(function() local store = require("locksmith").shdict "missing" return store end)
      return message
    ]]
    assert.matches('nginx has no "lua_shared_dict missing"', message)
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
        init_worker_by_lua_block { early = { store:quota("lockpub:test") } }
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
    local waits = here:run(PRELUDE .. [[
      local waits = {}
      for i = 1, 3 do waits[i] = store:reserve(request()) end
      for _ = 1, 100 do assert(store:reserve(request { windows = {} })) end
      store:observe("lockpub:test", core.now(), "1000", "12", "")
      waits[4] = store:quota("lockpub:test").remaining
      return waits
    ]])
    assert.equal(0, waits[1])
    assert.is_true(waits[3] > 9)
    assert.equal(12, waits[4])
    assert.equal("locksmith:lockpub:test", cli "-n 3 keys '*'")
    assert.is_true(tonumber(cli("info stats"):match "total_connections_received:(%d+)") < 12)
  end)

  it("says that Redis wants a password, and does not use a connection that was made with one", function()
    local messages = here:run(PRELUDE .. [[
      assert(store:reserve(request { windows = {} }))
      local messages = {}
      for i, password in ipairs { "", "wrong" } do
        local own = { unix = ..., db = 3, password = password ~= "" and password or nil }
        messages[i] = select(3, locksmith.redis(own):reserve(request()))
      end
      return messages
    ]], server.unix)
    assert.matches("NOAUTH: it wants a password", messages[1])
    assert.equal("Redis: AUTH failed: WRONGPASS", messages[2])
  end)

  it("serves coroutines at the same time", function()
    local granted = here:run(PRELUDE .. [[
      local threads, granted = {}, 0
      for i = 1, 20 do
        threads[i] = ngx.thread.spawn(function()
          if store:reserve(request { name = "lockpub:coroutines", longest = 0 }) then granted = granted + 1 end
        end)
      end
      for i = 1, 20 do ngx.thread.wait(threads[i]) end
      return granted
    ]])
    assert.equal(2, granted)
  end)

  it("goes on after Redis was restarted", function()
    here:run(PRELUDE .. [[ assert(store:reserve(request { windows = {} })) ]])
    server:kill()
    local problem = here:run(PRELUDE .. [[ return (select(2, store:reserve(request { windows = {} }))) ]])
    assert.equal("store", problem)
    server:restart()
    assert.equal(0, (here:run(PRELUDE .. [[
      ngx.sleep(0.6)
      return (store:reserve(request { windows = {} }))
    ]])))
  end)

  it("waits no longer than its timeout for a Redis that does not answer", function()
    here:run(PRELUDE .. [[
      ngx.sleep(0.6) -- it may rest yet
      assert(store:reserve(request { windows = {} }))
    ]])
    server:suspend()
    local problem, message, took = here:run(PRELUDE .. [[
      local began = core.now()
      local _, problem, message = store:reserve(request { windows = {} })
      return problem, message, core.now() - began
    ]])
    assert.equal("store", problem)
    assert.equal("Redis: timeout", message)
    assert.is_true(took >= 0.29 and took < 2)
    server:resume()
  end)

  it("answers with an error, not by raising, where there are no sockets", function()
    local early = here:run [[ return early[2], early[3] ]]
    assert.equal("store", early)
    local problem, message = here:run [[ return early[2], early[3] ]]
    assert.equal("store", problem)
    assert.matches("API disabled in the context of init_worker_by_lua", message)
  end)
end)
