--- Redis over TLS in plain Lua: nobody is talked to whose certificate does not say the name that was asked for.
-- Luas: lua5.4 luajit

local certificates = require "spec.support.certificates"
local locksmith = require "locksmith"
local missing = require "spec.support.missing"
local redis = require "spec.support.redis"
local redis_tls = require "locksmith.store.redis_tls"

local NAME = "lockpub:test"

local folder, reason
if redis.missing() then
  reason = redis.missing()
elseif not pcall(require, "ssl") then
  reason = "needs the module ssl (LuaSec)"
else
  folder = certificates.make()
  if not folder then reason = "needs openssl" end
end
if not missing.declare("a redis store over TLS", reason or nil) then return end

local function free_port()
  local socket = assert(require("socket").bind("127.0.0.1", 0))
  local _, port = socket:getsockname()
  socket:close()
  return tonumber(port)
end

describe("a redis store over TLS", function()
  local servers = {}
  teardown(function()
    for _, server in pairs(servers) do server:stop() end
    certificates.remove(folder)
  end)

  -- A server that shows that certificate.
  local function server_of(name)
    if servers[name] then return servers[name] end
    local port = free_port()
    local server = redis.start(("--tls-port %d --tls-cert-file %s/%s.pem --tls-key-file %s/%s.key "
      .. "--tls-ca-cert-file %s/ca.pem --tls-auth-clients no"):format(port, folder, name, folder, name, folder))
    server.port, servers[name] = port, server
    return server
  end

  local function store(name, more)
    local options = { host = "localhost", port = server_of(name).port, tls = true, ca_file = folder .. "/ca.pem",
      timeout = 5 }
    for option, value in pairs(more or {}) do options[option] = value end
    return locksmith.redis(options)
  end

  local function message_of(one)
    local bytes, message = one.read(NAME)
    assert.is_nil(bytes)
    return message
  end

  it("carries bytes of any length, over one connection", function()
    local server, one = server_of "good", store "good"
    local function connections()
      return tonumber(server:cli("info stats"):match "total_connections_received:(%d+)")
    end
    one.read(NAME)
    local before = connections()
    for _, bytes in ipairs { "first", ("\0\255"):rep(1000), ("0123456789"):rep(20000), "short again" } do
      local _, version = one.read(NAME)
      assert.is_true(one.swap(NAME, version, bytes, 60))
      assert.is_true((one.read(NAME, nil, true)) == bytes)
    end
    assert.equal(1, connections() - before) -- that of redis-cli
  end)

  it("goes on with a new connection when the old one has died", function()
    local one = store "good"
    one.read(NAME)
    server_of "good":cli "client kill type normal"
    assert.is_nil((select(2, one.read("lockpub:absent", nil, true))))
  end)

  it("waits no longer than its timeout", function()
    local one = store("good", { timeout = 0.3 })
    one.read(NAME)
    server_of "good":suspend()
    local bytes, message = one.read(NAME, nil, true)
    server_of "good":resume()
    assert.same({ nil, "Redis: timeout" }, { bytes, message })
  end)

  it("talks to nobody else", function()
    assert.equal("Redis: no connection to localhost:" .. server_of "other".port
      .. ": TLS: the certificate is not of localhost", message_of(store "other"))
    assert.matches("TLS: certificate verify failed", message_of(store "selfsigned"))
    assert.matches("TLS: the certificate is not of 127.0.0.1", message_of(store("good", { host = "127.0.0.1" })))
    assert.matches("TLS: ", message_of(store("good", { ca_file = "/nonexistent/ca.pem" })))
  end)

  it("does not speak TLS to a server that does not", function()
    local port = free_port()
    local plain = redis.start("--port " .. port)
    assert.matches("TLS: ", message_of(locksmith.redis { host = "localhost", port = port, tls = true,
      ca_file = folder .. "/ca.pem" }))
    plain:stop()
  end)

  it("takes the authorities of the system where it is told none", function()
    local options = { host = "localhost" }
    assert.is_nil(redis_tls.prepare(options))
    assert.equal("string", type(options.ca_file))
    assert.matches("TLS: certificate verify failed",
      message_of(locksmith.redis { host = "localhost", port = server_of "good".port, tls = true }))
  end)

  it("is refused where it cannot be", function()
    local function refusal(options)
      options.tls = true
      return select(2, pcall(locksmith.redis, options))
    end
    assert.matches("option 'tls' goes with 'host'", refusal { unix = "/tmp/x" })
    local own = package.loaded.ssl
    package.loaded.ssl, package.preload.ssl = nil, function() error "none" end
    local message = refusal { host = "localhost" }
    package.loaded.ssl, package.preload.ssl = own, nil
    assert.matches("option 'tls' needs the module ssl %(LuaSec%)", message)
  end)
end)
