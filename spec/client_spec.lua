local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local virtual = require "spec.support.virtual"

local OK = { status = 200, body = "[]" }

local function misuse(action)
  local ok, message = pcall(action)
  assert.is_false(ok)
  assert.equal("string", type(message))
  return message
end

describe("a constructor", function()
  it("does no I/O", function()
    local called = false
    local clock = { now = function() called = true return 0 end, sleep = function() called = true end }
    assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, clock = clock, transport = function() called = true end })
    assert(locksmith.locker { api_key = function() called = true end, clock = clock })
    assert.is_false(called)
  end)

  it("returns nil, err for a missing or malformed key and never shows it", function()
    for service, keys in pairs {
      lockpub = { "nonsense-key", "ll_", "", "ll_live_a b", "ll_live_a\nX-Evil: 1", "ll_live_\200", "cs.a.b.c",
        "LL_live_abcdef" },
      locker = { "nonsense-key", "cs.", "cs.a.b", "cs.a.b.c", "cs.e30.e30.", "cs.e30.!!!.e30", "cs.e30.e30.e30 ",
        "eyJ.e30.e30", "cs.e30.WzFd.e30x", "cs.e30.InN0cmluZyI.e30" },
    } do
      for _, key in ipairs(keys) do
        local client, err = locksmith[service] { api_key = key }
        assert.is_nil(client, key)
        assert.equal("unauthenticated", err.kind)
        assert.equal("not_sent", err.outcome)
        assert.equal("local", err.source)
        if #key > 4 then assert.is_nil(tostring(err):find(key, 1, true)) end
      end
    end
  end)

  it("reads the environment where api_key is left out", function()
    local getenv = os.getenv
    finally(function() os.getenv = getenv end)
    local asked
    os.getenv = function(name) asked = name end -- luacheck: ignore 122
    local client, err = locksmith.locker {}
    assert.is_nil(client)
    assert.equal("unauthenticated", err.kind)
    assert.equal("LOCKER_API_KEY", asked)
    os.getenv = function() return sandbox.LOCKPUB_KEY end -- luacheck: ignore 122
    assert(locksmith.lockpub())
  end)

  it("returns nil, err for a base_url or path_prefix that cannot be used", function()
    for _, url in ipairs { "http://example.com", "ftp://example.com", "lock.pub", "https://", "https://a b",
      "https://user:pass@lock.pub", "http://127.0.0.1.evil.com", "http://localhost.evil.com", "https://host:0",
      "https://host:65536", "https://host/../x", "https://host?x=1", "https://host#x", "https://ho\\st", "" } do
      local client, err = locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url }
      assert.is_nil(client, url)
      assert.equal("invalid_request", err.kind)
    end
    assert.equal("invalid_request",
      select(2, locksmith.locker { api_key = sandbox.LOCKER_KEY, path_prefix = "v3 relay" }).kind)
  end)

  it("takes https anywhere and http on loopback", function()
    for _, url in ipairs { "https://example.com", "https://example.com:8443/base/", "http://127.0.0.1:8080",
      "http://localhost:1", "http://[::1]:8080", "HTTPS://Example.COM" } do
      assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url })
    end
  end)

  it("returns nil, err for texts that would be cut or change their meaning on the way", function()
    for name, values in pairs {
      user_agent = { "a\r\nb", "a\0b", "a\127b" },
      ca_file = { "\0", "/etc/ca.pem\0.txt" },
      base_url = { "https://lock.pub\0.example.com", "https://lock.pub/\0" },
      path_prefix = { "/api\0/v1" },
      proxy = { "http://proxy:3128\0", "http://u%0ax:hush@proxy:3128", "http://u:hush%00@proxy:3128",
        "u%1F:hush@proxy", "http://u:hu\tsh@proxy:3128", "socks5://u%7fx:hush@proxy", "http://pro%0Dxy:3128",
        "http://u:hush\n@proxy" },
    } do
      for _, value in ipairs(values) do
        local client, err = locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, [name] = value }
        assert.is_nil(client, name .. " " .. value)
        assert.equal("invalid_request", err.kind)
        assert.equal("not_sent", err.outcome)
        assert.truthy(err.message:find(name, 1, true))
        assert.is_nil(tostring(err):find "hu.?sh")
      end
    end
    for _, proxy in ipairs { "", "http://u%20x:%25%0@proxy:3128", "http://u:caf%C3%A9@[::1]:3128", "proxy:3128",
      "http://u:%zz%@proxy" } do
      assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, proxy = proxy })
    end
  end)

  for name, bad in pairs {
    api_key = 5, base_url = 1, path_prefix = {}, timeout = "90", attempt_timeout = -1, connect_timeout = 0 / 0,
    max_retries = 1.5, pacing = "slow", rate = { 20, 10 }, pacing_margin = "x", store = "redis", on_store_error = "die",
    transport = "luasocket", clock = { now = os.time }, ca_file = true, proxy = 1, user_agent = {},
    max_response_bytes = 0, on_event = "print",
  } do
    it("raises at the caller's line for a bad " .. name, function()
      local message = misuse(function() locksmith.lockpub { [name] = bad } end)
      assert.truthy(message:find "client_spec.lua:%d+: locksmith.lockpub: option '")
      assert.truthy(message:find("option '" .. name .. "'", 1, true), message)
    end)
  end

  it("raises for a rate window without end or beyond what is kept", function()
    for _, window in ipairs { { 1, math.huge }, { 1, 0 / 0 }, { 10001, 60 } } do
      local message = misuse(function() locksmith.lockpub { rate = { window } } end)
      assert.truthy(message:find("option 'rate' must be", 1, true))
    end
  end)

  it("raises for an unknown option and for options that are no table", function()
    local message = misuse(function() locksmith.locker { api_kye = "x" } end)
    assert.truthy(message:find "client_spec.lua:%d+:.*'api_kye' is not known")
    assert.truthy(misuse(function() locksmith.locker "x" end):find "spec.lua:%d+:.*options must be a table")
  end)
end)

describe("per-call options", function()
  it("raise at the caller's line for a bad or unknown one", function()
    local locker = clients.locker { OK }
    for name, bad in pairs { timeout = "1", attempt_timeout = -1, max_retries = -1, pacing = 1, timeuot = 1 } do
      local message = misuse(function() locker.addresses:list(nil, { [name] = bad }) end)
      assert.truthy(message:find("client_spec.lua:%d+: locker.addresses.list: option '" .. name), message)
    end
  end)

  it("override the client's", function()
    local locker, requests = clients.locker({ { kind = "connect", sent = false } }, { max_retries = 5 })
    locker.addresses:list(nil, { max_retries = 0, attempt_timeout = 3 })
    assert.equal(1, #requests)
    assert.equal(3, requests[1].timeout)
    locker.addresses:list(nil, { timeout = 2 })
    assert.equal(2, requests[2].timeout)
  end)
end)

describe("a client", function()
  it("never shows its key", function()
    local seen = {}
    local function look(value, depth)
      if depth > 6 or seen[value] then return end
      assert.is_nil(tostring(value):find(sandbox.LOCKER_KEY, 1, true))
      if type(value) == "table" then
        seen[value] = true
        for k, v in pairs(value) do look(k, depth + 1) look(v, depth + 1) end
      end
    end
    local events = {}
    local locker = clients.locker({ { status = 401, body = '{"message":"' .. sandbox.LOCKER_KEY .. ' is bad"}' } },
      { on_event = function(event) events[#events + 1] = event end })
    local _, err = locker.addresses:list()
    look(locker, 0)
    look(err, 0)
    look(events, 0)
    assert.equal("locksmith.locker (https://api.locker.io)", tostring(locker))
    assert.is_true(#events >= 3)
  end)

  it("fails with closed after close, which may be repeated", function()
    local locker, requests = clients.locker { OK }
    locker:close()
    locker:close()
    local list, err = locker.addresses:list()
    assert.is_nil(list)
    assert.equal("closed", err.kind)
    assert.equal("closed", select(2, locker:key_info()).kind)
    assert.equal("locksmith.locker (closed)", tostring(locker))
    assert.equal(0, #requests)
  end)

  it("may be dropped while its resources are in use", function()
    local addresses = clients.locker({ OK }).addresses
    collectgarbage()
    collectgarbage()
    assert(addresses:list())
  end)

  it("reads the claims of its key", function()
    local info = assert(clients.locker({ OK }):key_info())
    assert.equal("api", info.scope)
    assert.equal("number", type(info.expired_time))
    assert.is_nil(info.signature)
  end)

  it("refuses a key whose expired_time has passed before anything is sent", function()
    -- {"alg":"none"} . {"user":"x","expired_time":1640631435,"scope":"api"} . x
    local expired = "cs.eyJhbGciOiJub25lIn0.eyJ1c2VyIjoieCIsImV4cGlyZWRfdGltZSI6MTY0MDYzMTQzNSwic2NvcGUiOiJhcGkifQ.eA"
    local locker, requests = clients.locker({ OK }, { api_key = expired })
    assert.equal(1640631435, locker:key_info().expired_time)
    local _, err = locker.addresses:list()
    assert.equal("unauthenticated", err.kind)
    assert.equal("local", err.source)
    assert.equal("not_sent", err.outcome)
    assert.equal(0, #requests)
  end)

  it("appends user_agent to the library's own", function()
    local locker, requests = clients.locker({ OK }, { user_agent = "backup-job/2" })
    assert(locker.addresses:list())
    assert.truthy(virtual.header(requests[1], "user-agent"):find "^locksmith/%S+ backup%-job/2$")
    assert.equal("invalid_request",
      select(2, locksmith.locker { api_key = sandbox.LOCKER_KEY, user_agent = "a\r\nb" }).kind)
  end)

  it("uses base_url and path_prefix", function()
    local locker, requests = clients.locker({ OK },
      { base_url = "http://127.0.0.1:8787/", path_prefix = "/v3/cystack_platform/relay/" })
    assert(locker.addresses:list())
    assert.truthy(requests[1].url:find("http://127.0.0.1:8787/v3/cystack_platform/relay/addresses?", 1, true))
  end)

  it("tells a method called without a colon", function()
    local locker = clients.locker { OK }
    assert.truthy(misuse(function() locker.addresses.list() end):find "with a colon")
  end)
end)

describe("a transport of nginx", function()
  it("is of kind config elsewhere", function()
    for _, name in ipairs { "capture", "resty" } do
      local locker = clients.locker(name)
      local items, err = locker.addresses:all()
      assert.is_nil(items)
      assert.equal("config", err.kind)
      assert.equal("not_sent", err.outcome)
    end
  end)
end)

describe("client:request", function()
  it("reaches what the library does not know, below path_prefix or at the host", function()
    local locker, requests = clients.locker { { status = 200, body = '{"n":1.0,"gone":null}' } }
    local value, response = locker:request { method = "GET", path = "plan", query = { b = "x y&", a = 1, c = true } }
    assert.equal("1", tostring(value.n))
    assert.is_nil(value.gone)
    assert.equal(200, response.status)
    assert(locker:request { method = "PATCH", path = "/v4/thing", body = { flag = false } })
    assert.equal("https://api.locker.io/v3/relay/plan?a=1&b=x%20y%26&c=true", requests[1].url)
    assert.is_nil(requests[1].body)
    assert.equal("https://api.locker.io/v4/thing", requests[2].url)
    assert.equal('{"flag":false}', requests[2].body)
  end)

  it("repeats a GET, and nothing else unless told that it is safe", function()
    local lost = { kind = "network", sent = true }
    local function attempts(request)
      local locker, requests = clients.locker { lost }
      locker:request(request)
      return #requests
    end
    assert.equal(3, attempts { method = "GET", path = "x" })
    assert.equal(1, attempts { method = "GET", path = "x", retry = "never" })
    assert.equal(1, attempts { method = "PUT", path = "x" })
    assert.equal(3, attempts { method = "PUT", path = "x", retry = "safe" })
  end)

  it("gives true for an empty answer and an error for one that is no JSON", function()
    local locker = clients.locker { { status = 204 }, { status = 200, body = "<html>" } }
    local value, response = locker:request { method = "DELETE", path = "x" }
    assert.is_true(value)
    assert.equal(204, response.status)
    local _, err = locker:request { method = "DELETE", path = "x" }
    assert.equal("bad_response", err.kind)
  end)

  it("refuses what could change the meaning of the request", function()
    local locker, requests = clients.locker { OK }
    for _, request in ipairs { { method = "get", path = "x" }, { method = "GET", path = "a?b=c" },
      { method = "GET", path = "../x" }, { method = "GET", path = "a b" }, { method = "GET", path = "x#y" },
      { method = "GET\r\n", path = "x" }, { method = "GET\0", path = "x" }, { method = "GET\0POST", path = "x" },
      { method = "GET", path = "x\0y" }, { method = "GET", path = "%00" },
      { method = "POST", path = "x", body = { f = print } } } do
      local _, err = locker:request(request)
      assert.equal("invalid_request", err.kind)
      assert.equal("locker.request", err.operation)
    end
    assert.equal(0, #requests)
  end)

  it("raises for missing or mistyped parts", function()
    local locker = clients.locker { OK }
    assert.truthy(misuse(function() locker:request() end):find "client_spec.lua:%d+: .*'request' must be a table")
    assert.truthy(misuse(function() locker:request { path = "x" } end):find "'request.method' must be a string")
    assert.truthy(misuse(function() locker:request { method = "GET", path = "x", qury = {} } end):find "'qury'")
    assert.truthy(misuse(function() locker:request { method = "GET", path = "x", query = { a = {} } } end)
      :find "client_spec.lua:%d+: .*'query'")
  end)
end)

describe("what a caller's own request was made from", function()
  local SECRETS = { "correct horse", "the safe is behind it", "https://example.com/private", "Client contract" }

  it("stands in no error, however deep it is echoed", function()
    local body = { type = "url", password = SECRETS[1], secretMemo = SECRETS[2], memo = SECRETS[4],
      nested = { { targetUrl = SECRETS[3] } } }
    for _, echo in ipairs {
      { code = "x", message = table.concat(SECRETS, " / ") },
      { message = "no", details = { password = { SECRETS[1] }, list = { { SECRETS[2] }, SECRETS[3] .. "!" } } },
      { errors = { { message = SECRETS[4] .. " is taken" } } },
      { error = SECRETS[3] },
      { code = SECRETS[2], message = "bad" },
    } do
      local client = clients.lockpub { { status = 400, headers = { ["x-echo"] = SECRETS[1] },
        body = require("locksmith.json").encode(echo) } }
      local _, err = client:request { method = "POST", path = "links", body = body, query = { who = SECRETS[4] } }
      assert.equal("invalid_request", err.kind)
      local shown = require("cjson").encode(err) .. tostring(err)
      for _, secret in ipairs(SECRETS) do
        assert.is_nil(shown:gsub("\\/", "/"):find(secret, 1, true), shown)
      end
      assert.truthy(shown:find("[redacted]", 1, true))
    end
  end)

  it("stands in no error when the body was a bare text", function()
    local client = clients.lockpub { { status = 400, body = '"correct horse is no link"' } }
    local _, err = client:request { method = "POST", path = "links", body = "correct horse" }
    assert.equal("[redacted] is no link", err.message)
  end)
end)

describe("with a key function that was not asked yet", function()
  local function with_function(ask, options)
    options = options or {}
    options.api_key = ask
    return clients.lockpub({ clients.CREATED }, options)
  end

  it("quota and plan ask for the key, since by it the state is named", function()
    local store = locksmith.memory()
    local first = clients.lockpub({ clients.CREATED }, { store = store })
    for _ = 1, 20 do assert(first.links:create(clients.link_fields())) end
    local asked = 0
    local second = with_function(function()
      asked = asked + 1
      return sandbox.LOCKPUB_KEY
    end, { store = store })
    assert.equal(999, second:quota().remaining)
    assert.equal(1, asked)
    local third = with_function(function() return sandbox.LOCKPUB_KEY end, { store = store })
    local plan = assert(third:plan(1))
    assert.is_true(plan.seconds > 9)
    assert.equal(1, plan.fits)
  end)

  it("quota and plan say why there is no key", function()
    for _, method in ipairs { "quota", "plan" } do
      local lockpub = with_function(function() return nil, "not logged in" end)
      local value, err = lockpub[method](lockpub, 1)
      assert.is_nil(value)
      assert.equal("unauthenticated", err.kind)
      assert.equal("lockpub." .. method, err.operation)
      assert.truthy(err.message:find("not logged in", 1, true))
    end
  end)

  it("plan prints whole seconds whole", function()
    local plan = assert(with_function(function() return sandbox.LOCKPUB_KEY end):plan(1))
    assert.equal("0", tostring(plan.seconds))
    assert.equal("1", tostring(plan.n))
  end)
end)
