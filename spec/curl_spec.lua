local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local origins = require "spec.support.origin"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"

describe("over libcurl", function()
  local service, origin

  setup(function()
    service = server.sandbox { rate = false, throttle = false }
    origin = origins.start()
  end)

  teardown(function()
    service.stop()
    origin:stop()
  end)

  local function lockpub(url, options)
    local own = { api_key = sandbox.LOCKPUB_KEY, base_url = url, store = locksmith.memory() }
    for name, value in pairs(options or {}) do own[name] = value end
    return assert(locksmith.lockpub(own))
  end

  local function locker(url, options)
    local own = { api_key = sandbox.LOCKER_KEY, base_url = url, store = locksmith.memory() }
    for name, value in pairs(options or {}) do own[name] = value end
    return assert(locksmith.locker(own))
  end

  it("both services answer", function()
    local link, response = lockpub(service.url).links:create(clients.link_fields { memo = "caf\195\169 \226\130\172" })
    assert.truthy(link, response)
    assert.equal("caf\195\169 \226\130\172", link.memo)
    assert.equal(201, response.status)
    assert.truthy(response.headers["content-type"]:find "json")
    local client = locker(service.url)
    local made = assert(client.addresses:create { description = "first" })
    assert.equal("first", assert(client.addresses:get(made.id)).description)
    assert.is_true(client.addresses:delete(made.id))
  end)

  it("calls share one connection", function()
    origin:reset()
    origin:default { status = 200, body = "[]" }
    local client = locker(origin.url)
    for _ = 1, 5 do assert(client.addresses:all()) end
    local connections = {}
    for _, request in ipairs(origin:requests()) do connections[request.connection] = true end
    assert.is_nil(next(connections, (next(connections))))
  end)

  it("the request is what was meant, and no more", function()
    origin:reset()
    origin:default { status = 201, json = { shortUrl = "x" } }
    assert(lockpub(origin.url).links:create(clients.link_fields()))
    local request = origin:requests()[1]
    assert.equal("POST", request.method)
    assert.equal("/api/v1/links", request.path)
    assert.equal("Bearer " .. sandbox.LOCKPUB_KEY, request.headers.authorization)
    assert.equal("application/json", request.headers["content-type"])
    assert.equal("application/json", request.headers.accept)
    assert.is_nil(request.headers.expect)
    assert.is_nil(request.headers.cookie)
    assert.truthy(request.headers["user-agent"]:find "^locksmith/")
  end)

  it("a redirect is not followed with the key", function()
    origin:reset()
    origin:default { status = 302, headers = { Location = origin.url .. "/elsewhere" }, body = "" }
    local list, err = locker(origin.url).addresses:list()
    assert.is_nil(list)
    assert.equal("bad_response", err.kind)
    assert.equal(302, err.status)
    assert.equal(1, #origin:requests())
  end)

  it("nobody listening is connect, not sent", function()
    local _, err = lockpub("http://127.0.0.1:1", { max_retries = 1 }).links:create(clients.link_fields())
    assert.equal("connect", err.kind)
    assert.equal("not_sent", err.outcome)
    assert.equal("transport", err.source)
    assert.equal(2, #err.attempts)
  end)

  it("a body over max_response_bytes is refused while it comes in", function()
    origin:reset()
    origin:default { status = 200, body = "[" .. (" "):rep(50000) .. "]" }
    local _, err = locker(origin.url, { max_response_bytes = 10000 }).addresses:list()
    assert.equal("too_large", err.kind)
  end)

  it("silence ends with the attempt, in time", function()
    origin:reset()
    origin:default { status = 200, body = "[]", delay = 5000 }
    local client = locker(origin.url, { attempt_timeout = 0.2, max_retries = 0 })
    local _, err = client.addresses:list()
    assert.equal("timeout", err.kind)
    assert.equal("unknown", err.outcome)
    assert.is_true(err.elapsed < 3)
  end)

  it("a closed client stays closed", function()
    local client = locker(service.url)
    assert(client.addresses:list())
    client:close()
    assert.equal("closed", select(2, client.addresses:list()).kind)
  end)
end)
