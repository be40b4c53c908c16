local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local redis = require "spec.support.redis"
local virtual = require "spec.support.virtual"

if not redis.usable "a redis store" then return end

local NAME, BYTES, LONG = "lockpub:test", "bytes", 60
local KEY = "locksmith:2:" .. NAME
local METHODS = { "eval", "evalsha", "script" }

--- A client in lua-redis's style that counts what it is asked.
local function counted(inner)
  local calls = { eval = 0, evalsha = 0, script = 0 }
  local client = {}
  for _, name in ipairs(METHODS) do
    client[name] = function(_, ...)
      calls[name] = calls[name] + 1
      return inner[name](inner, ...)
    end
  end
  return client, calls
end

local function put(store, bytes)
  local kept, version = store.read(NAME)
  assert(kept ~= nil or version == nil, version)
  return store.swap(NAME, version, bytes or BYTES, LONG)
end

describe("a redis store", function()
  local server

  setup(function() server = redis.start() end)
  teardown(function() server:stop() end)
  before_each(function()
    server:cli "flushall"
    server:cli "script flush"
  end)

  local function store(options)
    local own = { unix = server.unix }
    for name, value in pairs(options or {}) do own[name] = value end
    return locksmith.redis(own)
  end

  it("makes one round trip for an update while nobody else was first, and one more for each who was", function()
    local client, calls = counted(server:connect())
    local one, other = store { client = client }, store()
    assert.is_true(put(one)) -- asks first, and sends the script with that
    assert.same({ eval = 1, evalsha = 2, script = 0 }, calls)
    for i = 1, 5 do
      assert.is_true(put(one, "by one"))
      assert.equal(2 + i, calls.evalsha)
    end
    assert.is_true(put(other, "by other"))
    assert.is_false(put(one, "too late"))
    assert.equal("by other", one.read(NAME))
    assert.is_true(put(one, "then"))
    assert.same({ eval = 1, evalsha = 9, script = 0 }, calls)
    assert.equal("then", other.read(NAME, nil, true))
  end)

  it("says whether what it reads is what it saw last", function()
    local one = store()
    assert.is_false((select(5, one.read(NAME))))
    assert.is_true((select(5, one.read(NAME))))
    assert.is_false((select(5, one.read(NAME, nil, true))))
  end)

  it("knows the hash of its script", function()
    local client, calls = counted(server:connect())
    local one = store { client = client }
    put(one)
    server:cli "script flush"
    put(one)
    put(one)
    put(one)
    assert.same({ eval = 2, evalsha = 5, script = 0 }, calls)
  end)

  it("tells the time of the server, whatever that of the machine is", function()
    local own = core.now
    local function time_at(offset)
      core.now = function() return own() + offset end
      local one = store()
      local ok, _, _, now = pcall(one.read, NAME)
      local _, _, again = one.read(NAME)
      core.now = own
      assert(ok)
      assert.is_true(math.abs(again - now) < 0.5)
      return now
    end
    for _, offset in ipairs { 0, 3600, -7200 } do assert.is_true(math.abs(time_at(offset) - own()) < 0.5) end
  end)

  it("finds what it has put when it is asked again because the first answer was lost", function()
    local inner = server:connect()
    local client = {}
    for _, name in ipairs { "eval", "evalsha" } do
      client[name] = function(_, ...)
        inner[name](inner, ...)
        return inner[name](inner, ...)
      end
    end
    local one = store { client = client }
    for i = 1, 3 do assert.is_true(put(one, "bytes " .. i)) end
    assert.equal("bytes 3", store().read(NAME))
  end)

  it("keeps the newest where calls in one process overtake each other", function()
    local inner, client, ended = server:connect(), {}, 0
    for _, name in ipairs { "eval", "evalsha" } do
      client[name] = function(_, ...)
        local ok, reply = pcall(inner[name], inner, ...)
        if ended < 3 then coroutine.yield() end
        if not ok then error(reply, 0) end
        return reply
      end
    end
    local one = store { client = client }
    local function run()
      for _ = 1, 5 do
        local done
        while not done do
          local bytes, version = one.read(NAME)
          done = one.swap(NAME, version, ("%d"):format((tonumber(bytes) or 0) + 1), LONG)
          assert.is_not_nil(done)
        end
      end
      ended = ended + 1
    end
    local threads = {}
    for i = 1, 3 do threads[i] = coroutine.create(run) end
    while ended < 3 do
      for _, thread in ipairs(threads) do
        if coroutine.status(thread) ~= "dead" then assert(coroutine.resume(thread)) end
      end
    end
    assert.equal("15", store().read(NAME))
    assert.is_true(put(one))
  end)

  it("takes a client in the style of lua-resty-redis", function()
    local inner = server:connect()
    local client = setmetatable({}, { __index = function(_, name)
      return function(_, ...)
        local ok, reply = pcall(inner[name], inner, ...)
        if ok then return reply end
        return false, (reply:gsub("^.*redis error: ", ""))
      end
    end })
    local one = store { client = client }
    assert.is_true(put(one, "first"))
    assert.is_true(put(one, "second"))
    assert.equal("second", store().read(NAME))
  end)

  it("takes a client that can only evaluate, and asks it nothing else then", function()
    local inner, sent, asked = server:connect(), 0, 0
    local one = store { client = {
      eval = function(_, ...)
        sent = sent + 1
        return inner:eval(...)
      end,
      evalsha = function()
        asked = asked + 1
        error "redis error: ERR unknown command 'evalsha'"
      end,
    } }
    assert.is_true(put(one))
    assert.is_true(put(one))
    assert.same({ 1, 3 }, { asked, sent })
  end)

  it("keeps one key per state, which expires", function()
    local one = store { prefix = "mine:" }
    assert.is_true(put(one))
    assert.equal("mine:2:" .. NAME, server:cli "keys '*'")
    local life = tonumber(server:cli("pttl mine:2:" .. NAME))
    assert.is_true(life > 50000 and life <= 60000)
  end)

  it("refuses what another program keeps under its key", function()
    for command, message in pairs { ["set %s short"] = "the key holds something else", ["lpush %s x"] = "WRONGTYPE",
      ["set %s " .. ("z"):rep(100)] = "the key holds something else" } do
      server:cli("del " .. KEY)
      server:cli(command:format(KEY))
      local bytes, problem = store().read(NAME)
      assert.is_nil(bytes)
      assert.matches(message, problem)
    end
  end)

  it("keeps nothing of a service without windows but pauses", function()
    local answers = { { status = 429, headers = { ["retry-after"] = "5" }, body = "{}" }, clients.address() }
    local locker = clients.locker(answers, { store = store(), max_retries = 0 })
    assert.equal("rate_limited", select(2, locker.addresses:get(7)).kind)
    local life = tonumber(server:cli("pttl " .. server:cli "keys '*'"))
    assert.is_true(life > 60000 and life <= 65000)
    server:cli "flushall"
    locker = clients.locker({ clients.address() }, { store = store() })
    assert(locker.addresses:get(7))
    assert.equal("", server:cli "keys '*'")
  end)

  it("goes on with a new connection when the old one has died", function()
    local one = store()
    assert.is_true(put(one, "first"))
    server:cli "client kill type normal"
    assert.is_true(put(one, "second"))
    assert.equal("second", one.read(NAME, nil, true))
  end)

  it("shares no connection and no version with a process that was forked off", function()
    local function connections() return tonumber(server:cli("info stats"):match "total_connections_received:(%d+)") end
    local one, own = store(), core.process
    assert.is_true(put(one))
    local _, before_fork = one.read(NAME)
    local before = connections()
    assert.is_true(put(one))
    assert.equal(1, connections() - before) -- that of redis-cli
    core.process = function() return -1 end
    local ok, done = pcall(put, one)
    core.process = own
    assert.is_true(ok and done)
    assert.equal(3, connections() - before)
    local _, version = one.read(NAME)
    assert.not_equal(before_fork:sub(1, 16), version:sub(1, 16))
  end)

  it("needs no more of Redis than its header says", function()
    server:cli "acl setuser small on '>the-words' '~locksmith:*' -@all +evalsha +eval +get +set +time"
    local one = store { username = "small", password = "the-words" }
    assert.is_true(put(one, "first"))
    assert.is_true(put(one, "second"))
    server:cli "acl setuser small -evalsha"
    assert.is_true(put(one, "third"))
    assert.is_true(put(one, "fourth"))
    assert.equal("fourth", store().read(NAME))
    server:cli "acl setuser small -set"
    local done, message = put(one)
    assert.is_nil(done)
    assert.matches("^Redis: ", message)
    local stranger = store { username = "small", password = "the-words", prefix = "other:" }
    local bytes, problem = stranger.read(NAME)
    assert.is_nil(bytes)
    assert.matches("^Redis: .*NOPERM", problem)
    assert.is_nil(message:find("the-words", 1, true))
    server:cli "acl deluser small"
  end)

  it("fails at a replica that takes no writes, and says so", function()
    local replica = redis.start("--replicaof 127.0.0.1 1 --replica-serve-stale-data yes")
    local one = locksmith.redis { unix = replica.unix }
    local bytes, version = one.read(NAME)
    assert.is_nil(bytes or version)
    local done, message = one.swap(NAME, nil, BYTES, LONG)
    assert.is_nil(done)
    assert.matches("^Redis: .*READONLY", message)
    replica:stop()
  end)

  it("fails when Redis has no memory left, and says so", function()
    local one = store()
    assert.is_true(put(one))
    server:cli "config set maxmemory 1"
    local done, message = put(one)
    server:cli "config set maxmemory 0"
    assert.is_nil(done)
    assert.matches("^Redis: .*OOM", message)
  end)

  it("says who it is without a password", function()
    local server_place = locksmith.redis { host = "example.org", port = 7, password = "hidden-words", db = 3 }
    assert.equal("locksmith.redis store (example.org:7)", tostring(server_place))
    for name, value in pairs(server_place) do
      assert.equal("function", type(value), name)
    end
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
    assert.matches("option 'tls' goes with 'host'", message_of { tls = true, unix = "/tmp/redis.sock" })
    assert.matches("options must be a table, not a string", message_of "redis.example.org")
    assert.matches("option 'username' needs option 'password'", message_of { username = "me" })
    assert.not_matches("hidden", message_of { password = "hidden-words", tls = true, unix = "/tmp/x" })
    assert.not_matches("hidden", message_of { password = "hidden-words", host = 7 })
  end)

  describe("that clients share, with a clock of the test's own,", function()
    local WINDOWS = { { 2, 10 }, { 5, 60 } }
    local clock, client, own_now, broken, trips

    setup(function()
      own_now = core.now
      local inner = server:connect()
      client = { evalsha = function() error "redis error: NOSCRIPT" end }
      function client.eval(_, text, ...)
        trips = trips + 1
        if broken then error "connection error: closed" end
        local time = clock.now()
        local whole = math.floor(time)
        inner:set("clock", ("[%.0f,%.0f]"):format(whole, (time - whole) * 1e6))
        return inner:eval((text:gsub('redis%.call%("TIME"%)', 'cjson.decode(redis.call("GET", "clock"))')), ...)
      end
    end)
    before_each(function()
      broken, trips = false, 0
      clock = virtual.clock(1780000000)
      core.now = clock.now
    end)
    after_each(function() core.now = own_now end)

    local function lose() server:cli "flushall" end

    --- A client as in a process of its own; its machine's clock may be off by so many seconds.
    local function machine(options, off)
      local times = { now = function() return clock.now() + (off or 0) end, sleep = clock.sleep }
      local own = { store = store { client = client }, clock = times, rate = WINDOWS, pacing_margin = 0,
        timeout = 1000 }
      local answers = { clients.CREATED }
      for name, value in pairs(options or {}) do
        if name == "answers" then answers = value else own[name] = value end
      end
      return (clients.lockpub(answers, own))
    end

    local function create(lockpub, opts)
      return lockpub.links:create(clients.link_fields(), opts)
    end

    local function waits(lockpub)
      local began = clock.now()
      assert(create(lockpub))
      return clock.now() - began
    end

    local function refusal(lockpub)
      local _, err = create(lockpub, { pacing = "fail" })
      return err.kind, err.retry_after
    end

    it("are asked once by a call while nobody else was first, twice for a slot that is waited for", function()
      local function trips_of(action)
        local before = trips
        action()
        return trips - before
      end
      local remaining = 1000
      local answers = { function()
        remaining = remaining - 1
        return clients.created(remaining)
      end }
      local one = machine { answers = answers, rate = { { 8, 10 } } }
      local other = machine { answers = answers, rate = { { 8, 10 } } }
      assert.equal(3, trips_of(function() assert(create(one)) end)) -- it looks first, and tells of the quota
      for _ = 1, 5 do assert.equal(1, trips_of(function() assert(create(one)) end)) end
      trips_of(function() assert(create(other)) end)
      assert.equal(2, trips_of(function() assert(create(one)) end))
      assert.equal(1, trips_of(function() assert.equal("would_wait", (refusal(one))) end))
      assert.equal(2, trips_of(function() assert.equal(10, waits(one)) end))
      local locker = clients.locker({ clients.address() }, { store = store { client = client }, clock = clock })
      for _ = 1, 3 do assert.equal(1, trips_of(function() assert(locker.addresses:get(7)) end)) end
    end)

    it("that goes back to what it kept before is noticed", function()
      local one, other = machine(), machine()
      assert.equal(0, waits(one))
      local key = server:cli "keys 'locksmith:*'"
      server:cli("copy " .. key .. " kept")
      assert.equal(0, waits(other))
      clock.sleep(1)
      server:cli("copy kept " .. key .. " replace") -- what a Redis has that saves its data now and then
      assert.same({ "would_wait", 9 }, { refusal(other) })
      clock.sleep(3)
      assert.equal(6, waits(one))
    end)

    it("are held to the windows by the server's clock", function()
      local one, other = machine(nil, 3600), machine(nil, -7200)
      local sent = {}
      for i = 1, 40 do
        assert(create(i % 2 == 0 and one or other))
        sent[i] = clock.now()
      end
      assert.is_nil(require("spec.support.pace_check").broken(sent, WINDOWS))
      assert.is_true(sent[40] - sent[1] <= 7 * 60 + 20)
    end)

    it("is taught what it lost, and gives no slot before all could come", function()
      local one, other = machine(), machine()
      for _ = 1, 2 do assert.equal(0, waits(one)) end
      clock.sleep(10)
      for _ = 1, 2 do assert.equal(0, waits(other)) end
      clock.sleep(1)
      lose()
      assert.same({ "would_wait", 3 }, { refusal(one) })
      clock.sleep(1)
      assert.equal("would_wait", (refusal(other)))
      clock.sleep(2)
      -- Two were sent 14 s ago, two 4 s ago: the next may go in 6 s, and no sixth within a minute.
      assert.equal(6, waits(one))
      assert.equal(40, waits(other))
    end)

    it("is taught by one what others have sent", function()
      local one, other = machine(), machine()
      for _ = 1, 2 do assert.equal(0, waits(one)) end
      clock.sleep(10)
      assert.equal(0, waits(other))
      lose()
      assert.same({ "would_wait", 3 }, { refusal(other) }) -- the first is never heard of again
      clock.sleep(3)
      assert.equal(0, waits(other))
      assert.equal(7, waits(other))
      assert.equal(40, waits(other))
    end)

    it("keeps nobody waiting who remembers nothing", function()
      for _ = 1, 3 do
        lose()
        assert.is_truthy(create(machine(), { pacing = "fail" }))
      end
    end)

    it("asks a waiter to wait again for the others to come", function()
      local one = machine()
      for _ = 1, 2 do assert.equal(0, waits(one)) end
      local sleep, lost = clock.sleep, false
      clock.sleep = function(seconds)
        if not lost then lose() end
        lost = true
        return sleep(seconds)
      end
      one = machine()
      assert.equal(10 + 3, waits(one))
    end)

    it("lets one ask whether the quota has started anew", function()
      local spent = { status = 201, body = "{}", headers = { ["x-api-quota-limit"] = "1000",
        ["x-api-quota-remaining"] = "0", ["x-api-quota-reset"] = "1780000005" } }
      local unsent = { kind = "connect", sent = false }
      local one = machine { answers = { spent, clients.CREATED } }
      local other = machine { answers = { unsent }, max_retries = 0 }
      assert(create(one))
      assert.same({ "quota_exceeded", 5 }, { refusal(other) })
      clock.sleep(6)
      assert.equal("connect", (refusal(other))) -- it was let through, and could not ask
      assert(create(one))
      assert.equal(999, one:quota().remaining)
    end)

    it("is told what was sent while it was out of reach", function()
      local one = machine()
      assert.equal(0, waits(one))
      broken = true
      assert.equal(0, waits(one))
      broken = false
      clock.sleep(4)
      assert.same({ "would_wait", 6 }, { refusal(one) })
      assert.same({ "would_wait", 6 }, { refusal(machine()) })
    end)

    it("is told later of a pause that it could not be told", function()
      local busy = { status = 429, headers = { ["retry-after"] = "30" }, body = "{}" }
      local one = machine { answers = { function()
        broken = true
        return busy
      end }, max_retries = 0 }
      assert.equal("rate_limited", select(2, create(one)).kind)
      broken = false
      clock.sleep(10)
      assert.same({ "would_wait", 20 }, { refusal(one) })
      assert.same({ "would_wait", 20 }, { refusal(machine()) })
    end)
  end)
end)

describe("a redis store that is out of reach", function()
  it("fails without raising, and does not try at once again", function()
    local one = locksmith.redis { unix = "/nonexistent/redis.sock" }
    local bytes, message = one.read(NAME)
    assert.is_nil(bytes)
    assert.matches("^Redis: no connection to /nonexistent/redis.sock: ", message)
    local again, same = one.swap(NAME, nil, BYTES, LONG)
    assert.is_nil(again)
    assert.equal(message, same)
  end)

  it("rests after a failure, longer after an expensive one, and then asks again", function()
    local now, own, calls, cost = 1780000000, core.now, 0, 0
    core.now = function() return now end
    local client = {}
    function client.evalsha()
      calls, now = calls + 1, now + cost
      error "connection error: timeout"
    end
    client.eval = client.evalsha
    local one = locksmith.redis { client = client, timeout = 1 }
    local function tries_after(seconds)
      local before = calls
      now = now + seconds
      assert.is_nil((one.read(NAME)))
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
    assert.is_true(put(one))
    server:suspend()
    local began = core.now()
    local _, message = one.read(NAME, 0.1, true)
    local short = core.now() - began
    assert.equal("Redis: timeout", message)
    began = core.now()
    assert.is_nil((one.read(NAME, nil, true))) -- so little time proved nothing
    local long = core.now() - began
    assert.is_true(short >= 0.09 and short < long)
    assert.is_true(long >= 0.29)
    server:resume()
    server:stop()
  end)

  it("knows nothing of a key whose swap it got no answer to", function()
    local server = redis.start()
    local one = locksmith.redis { unix = server.unix, timeout = 0.2 }
    assert.is_true(put(one))
    server:suspend()
    assert.is_nil((put(one, "perhaps")))
    server:resume()
    core.sleep(1)
    assert.is_false((select(5, one.read(NAME))))
    assert.is_true(put(one))
    server:stop()
  end)

  it("says when Redis has no password for the one it is given", function()
    local server = redis.start()
    local one = locksmith.redis { unix = server.unix, password = "the-words" }
    assert.same({ nil, "Redis: AUTH failed: this Redis has no password set" }, { one.read(NAME) })
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
        local one = locksmith.redis { client = { eval = answer, evalsha = answer } }
        assert.same({ nil, "Redis: " .. message }, { one.read(NAME) })
      end
    end
  end)

  it("shows no password, whatever Redis says", function()
    local server = redis.start "--requirepass the-right-words"
    local function try(password)
      return put(locksmith.redis { unix = server.unix, password = password, db = 2 })
    end
    local ok, message = pcall(try, "the-wrong-words")
    assert.is_false(ok)
    assert.matches("Redis: AUTH failed: WRONGPASS$", message)
    ok, message = pcall(try, nil)
    assert.is_false(ok)
    assert.matches("Redis: NOAUTH: it wants a password and was given none$", message)
    assert.is_true(try "the-right-words")
    assert.matches("^db2:keys=1", server:cli "-a the-right-words --no-auth-warning info keyspace | tail -n 1")
    server:stop()
  end)
end)
