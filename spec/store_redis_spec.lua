local check = require "spec.support.pace_check"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local redis = require "spec.support.redis"
local script = require "locksmith.store.redis_script"

if not redis.usable "a redis store" then return end

local library = require "redis"
local NAME, WINDOWS = "lockpub:test", { { 2, 10 }, { 5, 60 } }
local KEY = "locksmith:" .. NAME

describe("a redis store", function()
  local server

  setup(function() server = redis.start() end)
  teardown(function() server:stop() end)
  before_each(function() server:cli "flushall" end)

  local function connect()
    local unix = require "socket.unix"
    local socket = (type(unix) == "table" and unix.stream or unix)()
    assert(socket:connect(server.unix))
    return library.connect { socket = socket }
  end

  local function store(options)
    local own = { unix = server.unix }
    for name, value in pairs(options or {}) do own[name] = value end
    return locksmith.redis(own)
  end

  local function request(more)
    return check.request(WINDOWS, core.now(), more)
  end

  -- A client in lua-redis's style that counts what it is asked.
  local function counted(inner)
    local calls = { eval = 0, evalsha = 0, script = 0, fail = false }
    local client = {}
    for _, name in ipairs { "eval", "evalsha", "script" } do
      client[name] = function(_, ...)
        calls[name] = calls[name] + 1
        if calls.fail then error "connection error: closed" end
        return inner[name](inner, ...)
      end
    end
    return client, calls
  end

  describe("with a clock of the test's own", function()
    local time, client
    local clock = { now = function() return time end }
    local own_text, own_now = script.TEXT, core.now

    function clock.set(to)
      time = math.floor(to * 1e6 + 0.5) / 1e6
      local whole = math.floor(time)
      client:set("clock", ("[%.0f,%.0f]"):format(whole, (time - whole) * 1e6))
    end

    setup(function()
      client = connect()
      script.TEXT = script.TEXT:gsub('redis%.call%("TIME"%)', 'cjson.decode(redis.call("GET", "clock"))')
      core.now = clock.now
    end)
    teardown(function() script.TEXT, core.now = own_text, own_now end)
    before_each(function() clock.set(1780000000) end)

    it("does what the core's own history does, whichever client asks", function()
      for seed = 1, 40 do
        client:flushall()
        clock.set(1780000000 + seed * 1e6)
        assert.is_nil(check.compare({ store(), store(), store() }, clock, seed, 250))
      end
    end)

    it("does what the core does with the quota", function()
      for seed = 1, 40 do
        client:flushall()
        clock.set(1780000000 + seed * 1e8)
        assert.is_nil(check.compare_quota({ store(), store() }, clock, seed, 150))
      end
    end)

    it("counts by the server's clock, whatever those of the machines say", function()
      local one, other = store(), store()
      local sent = {}
      for i = 1, 40 do
        local machine = i % 2 == 0 and one or other
        local wait, token = machine:reserve(check.request(WINDOWS, time + (i % 2 == 0 and 3600 or -7200)))
        sent[i] = token.slot / 1e6
        if wait > 0 then clock.set(time + wait) end
      end
      assert.is_nil(check.broken(sent, WINDOWS))
      assert.is_true(sent[40] - sent[1] <= 7 * 60 + 20)
    end)

    it("loses no slot when an answer is lost and the question is put again", function()
      local inner, broken = client, true
      local flaky = setmetatable({}, { __index = function(_, name)
        return function(_, ...)
          local reply = inner[name](inner, ...)
          if broken and name ~= "script" then
            broken = false
            error "connection error: closed"
          end
          return reply
        end
      end })
      -- What the link does with a connection that broke: the same words once more.
      local again = setmetatable({}, { __index = function(_, name)
        return function(_, ...)
          local ok, reply = pcall(flaky[name], flaky, ...)
          if ok then return reply end
          return flaky[name](flaky, ...)
        end
      end })
      assert.equal(0, (store { client = again }:reserve(check.request(WINDOWS, time))))
      assert.equal(1, client:zcount(KEY, "0", "+inf"))
    end)

    --- Loses everything, the clock excepted.
    local function lose()
      client:flushall()
      clock.set(time)
    end

    it("is taught by its clients what it lost, and gives no slot before they could all come", function()
      local one, other = store(), store()
      for _ = 1, 2 do assert.equal(0, (one:reserve(check.request(WINDOWS, time)))) end
      clock.set(time + 10)
      for _ = 1, 2 do assert.equal(0, (other:reserve(check.request(WINDOWS, time)))) end
      clock.set(time + 1)
      lose()
      local wait, kind, seconds = one:reserve(check.request(WINDOWS, time))
      assert.is_nil(wait)
      assert.equal("again", kind)
      assert.equal(3, seconds)
      clock.set(time + 1)
      wait, kind, seconds = other:reserve(check.request(WINDOWS, time))
      assert.is_nil(wait)
      assert.equal("again", kind)
      assert.equal(2, seconds)
      clock.set(time + 2)
      -- Two were sent 14 s ago, two 4 s ago: the next may go in 6 s, and no sixth within a minute.
      assert.equal(6, (one:reserve(check.request(WINDOWS, time))))
      assert.equal(46, (other:reserve(check.request(WINDOWS, time))))
    end)

    it("learns from one client what others have sent", function()
      local one, other = store(), store()
      for _ = 1, 2 do assert.equal(0, (one:reserve(check.request(WINDOWS, time)))) end
      clock.set(time + 10)
      assert.equal(0, (other:reserve(check.request(WINDOWS, time))))
      lose()
      other:reserve(check.request(WINDOWS, time)) -- the first is never heard of again
      clock.set(time + 3)
      assert.equal(0, (other:reserve(check.request(WINDOWS, time))))
      assert.equal(7, (other:reserve(check.request(WINDOWS, time))))
      assert.equal(47, (other:reserve(check.request(WINDOWS, time))))
    end)

    it("notices a memory that is older than it should be", function()
      local one, other = store(), store()
      one:reserve(check.request(WINDOWS, time))
      server:cli("copy " .. KEY .. " kept")
      other:reserve(check.request(WINDOWS, time))
      clock.set(time + 1)
      client:del(KEY)
      client:rename("kept", KEY) -- what a Redis has that saves its data now and then
      local _, kind = other:reserve(check.request(WINDOWS, time))
      assert.equal("again", kind)
      clock.set(time + 3)
      assert.equal(6, (one:reserve(check.request(WINDOWS, time))))
    end)

    it("does not keep a client waiting that remembers nothing", function()
      for _ = 1, 3 do
        lose()
        assert.equal(0, (store():reserve(check.request(WINDOWS, time, { longest = 0 }))))
      end
    end)

    it("asks a waiter to wait again for the clients to come", function()
      local one = store()
      for _ = 1, 2 do one:reserve(check.request(WINDOWS, time)) end
      local wait, token = one:reserve(check.request(WINDOWS, time))
      assert.equal(10, wait)
      clock.set(time + 10)
      lose()
      local answer, kind = one:renew(check.request(WINDOWS, time), token)
      assert.is_nil(answer)
      assert.equal("again", kind)
      clock.set(time + 3)
      assert.equal(0, (one:renew(check.request(WINDOWS, time), token)))
      assert.equal(3, client:zcount(KEY, "0", "+inf"))
    end)

    it("lets one client ask whether the quota has started anew", function()
      local one, other = store(), store()
      local function ask(asker) return asker:reserve(check.request(WINDOWS, time, { quota = true })) end
      one:observe(NAME, time, "1000", "0", ("%.0f"):format(time + 5))
      local wait, kind, retry_after = ask(other)
      assert.is_nil(wait)
      assert.equal("quota_exceeded", kind)
      assert.equal(5, retry_after)
      clock.set(time + 6)
      local granted, token = ask(other)
      assert.equal(0, granted)
      wait, kind, retry_after = ask(one)
      assert.is_nil(wait)
      assert.equal("quota_exceeded", kind)
      assert.equal(30, retry_after)
      other:release(NAME, token)
      assert.equal(0, (ask(one)))
    end)

    it("counts what was sent while it was out of reach", function()
      local inner, calls = counted(client)
      local one = store { client = inner }
      one:reserve(check.request(WINDOWS, time))
      calls.fail = true
      local _, kind = one:reserve(check.request(WINDOWS, time))
      assert.equal("store", kind)
      one:note(NAME, time, time)
      local mark = one:note(NAME, time, time)
      one:forget(NAME, mark)
      calls.fail = false
      clock.set(time + 5)
      assert.equal(5, (one:reserve(check.request(WINDOWS, time))))
      assert.equal(3, client:zcount(KEY, "0", "+inf"))
    end)

    it("passes on a pause that it could not be told", function()
      local inner, calls = counted(client)
      local one, other = store { client = inner }, store()
      calls.fail = true
      local answer, kind = one:pause(NAME, time, 30)
      assert.is_nil(answer)
      assert.equal("store", kind)
      calls.fail = false
      clock.set(time + 10)
      assert.equal(20, (one:reserve(check.request({}, time))))
      assert.equal(20, (other:reserve(check.request({}, time))))
    end)
  end)

  it("makes one round trip per reservation", function()
    local client, calls = counted(connect())
    local one = store { client = client }
    for _ = 1, 5 do one:reserve(request()) end
    assert.same({ eval = 0, evalsha = 5, script = 1, fail = false }, calls)
  end)

  it("loads its script again when Redis does not know it any more", function()
    local client, calls = counted(connect())
    local one = store { client = client }
    assert(one:reserve(request()))
    server:cli "script flush"
    assert(one:reserve(request()))
    assert(one:reserve(request()))
    assert.same({ eval = 1, evalsha = 3, script = 1, fail = false }, calls)
  end)

  it("takes a client in the style of lua-resty-redis", function()
    local inner = connect()
    local client = setmetatable({}, { __index = function(_, name)
      if name == "script" then return function() return false, "NOPERM this user may not" end end
      return function(_, ...)
        local ok, reply = pcall(inner[name], inner, ...)
        if ok then return reply end
        return false, (reply:gsub("^.*redis error: ", ""))
      end
    end })
    local one = store { client = client }
    assert.equal(0, (one:reserve(request())))
    assert.equal(0, (one:reserve(request())))
    assert.is_true(one:reserve(request()) > 9)
  end)

  it("takes a client that can only evaluate", function()
    local inner, sent = connect(), 0
    local one = store { client = {
      eval = function(_, ...)
        sent = sent + 1
        return inner:eval(...)
      end,
      evalsha = function() error "redis error: ERR unknown command 'evalsha'" end,
    } }
    assert.equal(0, (one:reserve(request())))
    assert.equal(0, (one:reserve(request())))
    assert.equal(2, sent)
  end)

  it("keeps one key per state, which expires", function()
    local one = store { prefix = "mine:" }
    one:reserve(request())
    one:pause(NAME, core.now(), 5)
    assert.equal("mine:" .. NAME, server:cli "keys '*'")
    local life = tonumber(server:cli("ttl mine:" .. NAME))
    assert.is_true(life > 60 and life <= 121)
    one:observe(NAME, core.now(), "1000", "7", "")
    assert.is_true(tonumber(server:cli("ttl mine:" .. NAME)) > 31 * 86400)
  end)

  it("knows of a service without windows nothing but pauses", function()
    local one = store()
    assert.equal(0, (one:reserve(request { windows = {} })))
    assert.equal("", server:cli "keys '*'")
    one:pause(NAME, core.now(), 5)
    assert.is_true(one:reserve(request { windows = {} }) > 4)
    assert.is_true(tonumber(server:cli("ttl " .. KEY)) <= 65)
  end)

  it("goes on with a new connection when the old one has died", function()
    local one = store()
    assert.equal(0, (one:reserve(request())))
    server:cli "client kill type normal"
    assert.equal(0, (one:reserve(request())))
    assert.is_true(one:reserve(request()) > 9)
  end)

  it("shares no connection with a process that was forked off", function()
    local function connections() return tonumber(server:cli("info stats"):match "total_connections_received:(%d+)") end
    local one, own = store(), core.process
    assert(one:reserve(request()))
    local before = connections()
    assert(one:reserve(request { longest = 0 }))
    assert.equal(1, connections() - before) -- that of redis-cli
    core.process = function() return -1 end
    local ok, wait = pcall(one.reserve, one, request { windows = {} })
    core.process = own
    assert.is_true(ok)
    assert.equal(0, wait)
    assert.equal(3, connections() - before)
  end)

  it("says who it is without a password", function()
    local server_place = locksmith.redis { host = "example.org", port = 7, password = "hidden-words", db = 3 }
    assert.equal("locksmith.redis store (example.org:7)", tostring(server_place))
  end)

  it("raises for wrong options at the caller's line", function()
    local function message_of(options)
      local ok, message = pcall(function()
        local made = locksmith.redis(options)
        return made
      end)
      assert.is_false(ok)
      assert.matches("store_redis_spec%.lua:%d+: locksmith%.redis: ", message)
      return message
    end
    assert.matches("option 'hots' is not known", message_of { hots = "example.org" })
    assert.matches("option 'port' must be a port", message_of { port = "6379" })
    assert.matches("option 'timeout' must be more than 0", message_of { timeout = 0 })
    assert.matches("option 'db' must be a whole number", message_of { db = 1.5 })
    assert.matches("option 'client' must be a connected client", message_of { client = {} })
    assert.matches("option 'tls': lua%-redis knows no TLS", message_of { tls = true })
    assert.matches("options must be a table, not a string", message_of "redis.example.org")
    assert.matches("option 'username' needs option 'password'", message_of { username = "me" })
    assert.not_matches("hidden", message_of { password = "hidden-words", tls = true })
    assert.not_matches("hidden", message_of { password = "hidden-words", host = 7 })
  end)
end)

describe("a redis store that is out of reach", function()
  it("fails without raising, and does not try at once again", function()
    local one = locksmith.redis { unix = "/nonexistent/redis.sock" }
    local request = check.request(WINDOWS, core.now())
    local wait, kind, message = one:reserve(request)
    assert.is_nil(wait)
    assert.equal("store", kind)
    assert.matches("^Redis: no connection to /nonexistent/redis.sock: ", message)
    for _, method in ipairs { "quota", "release", "pause", "observe", "forecast", "move" } do
      local arguments = {
        quota = { NAME, 0 }, release = { NAME, { id = "x" } }, pause = { NAME, 0, 1 },
        observe = { NAME, 0, "1", "1", "" }, forecast = { NAME, WINDOWS, 0, 1 },
        move = { NAME, { id = "x", slot = 0, at = 0 }, 1 },
      }
      local answer, problem, words = one[method](one, (table.unpack or unpack)(arguments[method]))
      assert.is_nil(answer)
      assert.equal("store", problem)
      assert.equal(message, words)
    end
  end)

  it("rests after a failure, longer after an expensive one, and then asks again", function()
    local now, own, calls, cost = 1780000000, core.now, 0, 0
    core.now = function() return now end
    local client = {}
    function client.evalsha()
      calls, now = calls + 1, now + cost
      error "connection error: timeout"
    end
    client.eval, client.script = client.evalsha, function() return "hash" end
    local one = locksmith.redis { client = client, timeout = 1 }
    local function tries_after(seconds)
      local before = calls
      now = now + seconds
      assert.is_nil(one:reserve(check.request(WINDOWS, now)))
      return calls - before
    end
    local ok, problem = pcall(function()
      assert.equal(1, tries_after(0))
      assert.equal(0, tries_after(0.4))
      assert.equal(1, tries_after(0.2))
      cost = 0.25
      assert.equal(1, tries_after(0.6))
      assert.equal(0, tries_after(0.9))
      assert.equal(1, tries_after(0.2))
      cost = 0.9
      assert.equal(1, tries_after(1.1))
      assert.equal(0, tries_after(1.9))
      assert.equal(1, tries_after(0.2))
    end)
    core.now = own
    assert(ok, problem)
  end)

  it("takes no longer than its timeout, or what the call has left", function()
    local server = redis.start()
    local one = locksmith.redis { unix = server.unix, timeout = 0.3 }
    assert.equal(0, (one:reserve(check.request(WINDOWS, core.now()))))
    server:suspend()
    local began = core.now()
    local _, kind, message = one:reserve(check.request(WINDOWS, core.now(), { patience = 0.1 }))
    local short = core.now() - began
    assert.equal("store", kind)
    assert.equal("Redis: timeout", message)
    began = core.now()
    _, kind = one:reserve(check.request(WINDOWS, core.now())) -- so little time proved nothing
    local long = core.now() - began
    assert.equal("store", kind)
    assert.is_true(short >= 0.09 and short < long)
    assert.is_true(long >= 0.29)
    server:resume()
    server:stop()
  end)

  it("says when Redis has no password for the one it is given", function()
    local server = redis.start()
    local one = locksmith.redis { unix = server.unix, password = "the-words" }
    local _, kind, message = one:reserve(check.request(WINDOWS, core.now()))
    assert.equal("store", kind)
    assert.equal("Redis: AUTH failed: this Redis has no password set", message)
    server:stop()
  end)

  it("knows every way in which a password is missed or refused", function()
    for told, message in pairs {
      ["NOAUTH Authentication required."] = "NOAUTH: it wants a password and was given none",
      ["ERR Protocol error: unauthenticated multibulk length"] =
        "NOAUTH: it wants a password and was given none",
      ["ERR Protocol error: unauthenticated bulk length"] =
        "NOAUTH: it wants a password and was given none",
      ["ERR no such thing"] = "ERR no such thing",
    } do
      for _, raises in ipairs { true, false } do
        local function answer()
          if raises then error("redis error: " .. told) end
          return false, told
        end
        local one = locksmith.redis { client = { eval = answer, evalsha = answer, script = answer } }
        assert.same({ "store", "Redis: " .. message },
          { select(2, one:reserve(check.request(WINDOWS, core.now()))) })
      end
    end
  end)

  it("shows no password, whatever Redis says", function()
    local server = redis.start "--requirepass the-right-words"
    local function try(password)
      local one = locksmith.redis { unix = server.unix, password = password, db = 2 }
      return one:reserve(check.request(WINDOWS, core.now()))
    end
    local _, kind, message = try "the-wrong-words"
    assert.equal("store", kind)
    assert.equal("Redis: AUTH failed: WRONGPASS", message)
    _, kind, message = try(nil)
    assert.equal("store", kind)
    assert.equal("Redis: NOAUTH: it wants a password and was given none", message)
    assert.equal(0, (try "the-right-words"))
    assert.matches("^db2:keys=1", server:cli "-a the-right-words --no-auth-warning info keyspace | tail -n 1")
    server:stop()
  end)
end)
