--- Calls against a served sandbox that must come out the same whatever moves the bytes. A scenario runs where its
--- transport works, inside nginx too, and raises what is wrong; `before` and `after` run beside the server.

local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local scenarios = {}
local list = {}

local function scenario(name, parts)
  parts.name = name
  list[#list + 1] = parts
end

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function equal(wanted, got, what)
  if wanted ~= got then
    error(("%s: expected %s, got %s"):format(what or "value", show(wanted), show(got)), 2)
  end
end

local function truthy(value, what)
  if not value then error((what or "value") .. " is missing", 2) end
  return value
end

local function failure(err, wanted)
  truthy(err, "the error")
  for name, value in pairs(wanted) do
    if err[name] ~= value then
      error(("%s: expected %s, got %s in %s"):format(name, show(value), show(err[name]), tostring(err)), 2)
    end
  end
end

local function make(service, env, options)
  local own = {
    api_key = sandbox[service == "locker" and "LOCKER_KEY" or "LOCKPUB_KEY"], base_url = env.url,
    transport = env.transport, store = locksmith.memory(), rate = false, random = function() return 0 end,
  }
  for name, value in pairs(options or {}) do own[name] = value end
  return assert(locksmith[service](own))
end

local function locker(env, options) return make("locker", env, options) end
local function lockpub(env, options) return make("lockpub", env, options) end

local function link(with)
  local fields = { type = "url", target_url = "https://example.com/private", password = "share-this-separately",
    memo = "Client contract" }
  for name, value in pairs(with or {}) do fields[name] = value end
  return fields
end

scenario("a link is made", {
  run = function(env)
    local made, response = lockpub(env).links:create(link { memo = "na\195\175ve \226\152\131", redirect_limit = 3 })
    truthy(made, tostring(response))
    truthy(made.short_url:find "^https://lock%.pub/", "short_url")
    equal("3", tostring(made.redirect_limit))
    equal(201, response.status)
    equal("999", response.headers["x-api-quota-remaining"])
    equal(999, response.quota.remaining)
    equal(1, #response.attempts)
  end,
  after = function(box)
    local sent = box:log()[1]
    equal("POST", sent.method)
    equal("application/json", sent.headers["content-type"])
    equal("application/json", sent.headers.accept)
    equal("Bearer " .. sandbox.LOCKPUB_KEY, sent.headers.authorization)
    truthy(sent.headers["user-agent"]:find "^locksmith/%d", "user-agent")
    truthy(sent.body:find("na\195\175ve", 1, true) or sent.body:find "\\u00ef", "the memo")
  end,
})

scenario("a link refused here sends nothing", {
  run = function(env)
    local _, err = lockpub(env).links:create(link { custom_slug = "X" })
    failure(err, { kind = "invalid_request", outcome = "not_sent", source = "local" })
  end,
  after = function(box) equal(0, #box:log()) end,
})

scenario("a slug that is taken is a conflict", {
  run = function(env)
    local client = lockpub(env)
    truthy(client.links:create(link { custom_slug = "taken-one" }))
    local _, err = client.links:create(link { custom_slug = "taken-one" })
    failure(err, { kind = "conflict", outcome = "rejected", source = "remote", status = 409 })
  end,
})

scenario("a used-up quota is told apart from a short pause", {
  box = { quota = 1, quota_used = 1 },
  run = function(env)
    local _, err = lockpub(env).links:create(link())
    failure(err, { kind = "quota_exceeded", outcome = "rejected" })
    truthy(err.retry_after > 0, "retry_after")
    equal(1, #err.attempts)
  end,
})

scenario("a 429 is waited out", {
  before = function(box)
    box:fault { fault = { status = 429, headers = { ["Retry-After"] = "0.2" }, body = "{}" }, times = 1 }
  end,
  run = function(env)
    local made, response = lockpub(env).links:create(link())
    truthy(made, tostring(response))
    equal(2, #response.attempts)
    equal("rate_limited", response.attempts[1].kind)
    truthy(response.attempts[2].wait >= 0.19, "the wait of " .. response.attempts[2].wait)
  end,
})

scenario("a slot is waited for, or not", {
  run = function(env)
    local client = lockpub(env, { rate = { { 1, 0.2 } }, pacing_margin = 0 })
    truthy(client.links:create(link()))
    local _, err = client.links:create(link(), { pacing = "fail" })
    failure(err, { kind = "would_wait", outcome = "not_sent" })
    local made, response = client.links:create(link())
    truthy(made, tostring(response))
    truthy(response.attempts[1].wait > 0.05, "the wait")
  end,
  after = function(box) equal(2, #box:log()) end,
})

scenario("a lost answer to a creation is never repeated", {
  before = function(box) box:fault { fault = "drop_after", method = "POST" } end,
  run = function(env)
    local made, err = locker(env).addresses:create()
    equal(nil, made)
    failure(err, { kind = "network", outcome = "unknown", source = "transport" })
    equal(1, #err.attempts)
  end,
  after = function(box) equal(1, #box:log()) end,
})

scenario("a lost answer to a creation with a slug is found again", {
  before = function(box) box:fault { fault = "drop_after", method = "POST" } end,
  run = function(env)
    local made, response = lockpub(env).links:create(link(), { idempotent = true })
    truthy(made, tostring(response))
    equal(true, response.recovered)
    truthy(made.slug, "the slug")
  end,
  after = function(box) equal(2, #box:log()) end,
})

scenario("a lost answer to a deletion is made sure of", {
  before = function(box)
    box:fault { fault = "drop_after", method = "DELETE" }
  end,
  run = function(env)
    local client = locker(env)
    local address = truthy(client.addresses:create())
    local done, response = client.addresses:delete(address.id)
    equal(true, done, tostring(response))
    equal(true, response.recovered)
    failure(select(2, client.addresses:get(address.id)), { kind = "not_found", status = 404, outcome = "rejected" })
  end,
})

scenario("a read comes through after what passes", {
  before = function(box)
    box:fault { fault = { status = 503, body = "busy" }, method = "GET", times = 2 }
  end,
  run = function(env)
    local page, response = locker(env).addresses:list()
    truthy(page, tostring(response))
    equal(3, #response.attempts)
    equal("server_error", response.attempts[1].kind)
    equal(503, response.attempts[2].status)
  end,
})

scenario("a read comes through after lost connections", {
  before = function(box)
    box:fault { fault = "drop_before", method = "GET" }
    box:fault { fault = "drop_after", method = "GET" }
  end,
  run = function(env)
    local page, response = locker(env).addresses:list()
    truthy(page, tostring(response))
  end,
  after = function(box) equal(3, #box:log()) end,
})

scenario("every alias is met once", {
  before = function(box)
    for _ = 1, 25 do box:call("add_address", nil, {}) end
  end,
  run = function(env)
    local client, seen, count = locker(env), {}, 0
    for address in client.addresses:each { size = 10 } do
      equal(nil, seen[address.id], "the second time of " .. tostring(address.id))
      seen[address.id], count = true, count + 1
    end
    equal(25, count)
    equal(25, #truthy(client.addresses:all { size = 10 }))
  end,
})

scenario("an alias is made, described, switched off, changed and removed", {
  run = function(env)
    local client = locker(env)
    local address, response = client.addresses:create { description = "shop" }
    truthy(address, tostring(response))
    equal("shop", address.description)
    truthy(tostring(address.id):find "^%d+$", "a whole id")
    equal(false, truthy(client.addresses:set_enabled(address.id, false)).enabled)
    equal("other", truthy(client.addresses:update(address.id, { description = "other" })).description)
    equal(true, client.addresses:delete(address.id))
  end,
})

scenario("a full free plan is limit_reached", {
  box = { plan = "free" },
  before = function(box)
    for _ = 1, 5 do box:call("add_address", nil, {}) end
  end,
  run = function(env)
    local _, err = locker(env).addresses:create()
    failure(err, { kind = "limit_reached", code = "8000", outcome = "rejected" })
  end,
})

scenario("a changed key is asked for once after a 401", {
  before = function(box) box:fault { fault = { status = 401, body = "{}" } } end,
  run = function(env)
    local asked = 0
    local client = lockpub(env, {
      api_key = function()
        asked = asked + 1
        return asked == 1 and "ll_live_old0123456789abcdefghijklmnop" or sandbox.LOCKPUB_KEY
      end,
    })
    truthy(client.links:create(link()))
    equal(2, asked)
  end,
})

scenario("a wrong key is unauthenticated and shown nowhere", {
  run = function(env)
    local key = "ll_live_wrong123456789abcdefghijklmno"
    local _, err = lockpub(env, { api_key = key }).links:create(link())
    failure(err, { kind = "unauthenticated", status = 401, outcome = "rejected" })
    equal(nil, tostring(err):find(key, 1, true))
  end,
})

scenario("flags of the account are read and set", {
  run = function(env)
    local client = locker(env)
    equal(true, client.subdomains:set_in_use(false))
    equal(false, client.subdomains:in_use())
  end,
})

scenario("any method and any query reach the service", {
  run = function(env)
    local client = locker(env)
    for _, method in ipairs { "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "POST" } do
      client:request { method = method, path = "nowhere", query = { a = "x y&z", b = 2 } }
    end
    client:request { method = "HEAD", path = "addresses" }
    client:request { method = "DELETE", path = "nowhere", body = { why = "because" } }
    client:request { method = "PUT", path = "/elsewhere/%C3%A9" }
  end,
  after = function(box)
    local log, methods = box:log(), {}
    for i, entry in ipairs(log) do methods[i] = entry.method end
    equal("GET PUT PATCH DELETE OPTIONS POST HEAD DELETE PUT", table.concat(methods, " "))
    for i = 1, 6 do
      equal("/v3/relay/nowhere", log[i].path)
      equal("x y&z", log[i].query.a)
      equal("", log[i].body)
      equal((i == 2 or i == 3 or i == 6) and "0" or nil, log[i].headers["content-length"], methods[i])
    end
    equal('{"why":"because"}', log[8].body)
    equal("/elsewhere/\195\169", log[9].path)
  end,
})

scenario("silence is a timeout", {
  before = function(box) box:call("set_delay", 1) end,
  run = function(env)
    local core = require "locksmith.core"
    local began = core.now()
    local _, err = locker(env).addresses:create(nil, { attempt_timeout = 0.2 })
    failure(err, { kind = "timeout", outcome = "unknown" })
    truthy(core.now() - began < 0.9, "the end in time")
  end,
})

scenario("too large an answer is refused", {
  before = function(box)
    for _ = 1, 10 do box:call("add_address", nil, {}) end
  end,
  run = function(env)
    local _, err = locker(env, { max_response_bytes = 100 }).addresses:list()
    failure(err, { kind = "too_large", outcome = "unknown" })
    truthy(locker(env).addresses:list())
  end,
})

scenario("a large body goes there", {
  run = function(env)
    local address = truthy(locker(env).addresses:create())
    local text = ("x"):rep(300000)
    local _, response = locker(env):request { method = "PUT", path = "addresses/" .. tostring(address.id),
      body = { address = address.address, description = text } }
    truthy(response, "an answer")
  end,
  after = function(box) truthy(box:log()[2].body_bytes > 300000, "the whole body") end,
})

scenario("a large body comes back", {
  before = function(box)
    box:fault { fault = { status = 200, body = '["' .. ("x"):rep(2000000) .. '"]' } }
  end,
  run = function(env)
    local value, response = locker(env):request { method = "GET", path = "things" }
    equal(2000000, #truthy(value, tostring(response))[1])
  end,
})

scenario("a refused connection is connect, and nothing was sent", {
  run = function(env)
    local client = locker({ url = "http://127.0.0.1:1", transport = env.transport }, { max_retries = 0 })
    local _, err = client.addresses:create()
    failure(err, { kind = "connect", outcome = "not_sent", source = "transport" })
  end,
})

scenario("a closed client fails", {
  run = function(env)
    local client = locker(env)
    truthy(client.addresses:list())
    client:close()
    failure(select(2, client.addresses:list()), { kind = "closed", outcome = "not_sent" })
  end,
})

scenario("events tell what happens", {
  before = function(box)
    box:fault { fault = { status = 429, headers = { ["Retry-After"] = "0.01" }, body = "{}" }, times = 1 }
  end,
  run = function(env)
    local types = {}
    local client = locker(env, { on_event = function(event) types[#types + 1] = event.type end })
    truthy(client.addresses:list())
    equal("request response retry request response", table.concat(types, " "))
  end,
})

scenarios.list = list

--- Runs a scenario's own part.
---@param name string
---@param env table { url = of the sandbox, transport = option of the client }
function scenarios.run(name, env)
  for _, each in ipairs(list) do
    if each.name == name then return each.run(env) end
  end
  error("no scenario " .. name)
end

--- Runs a scenario against a served sandbox; raises what is wrong.
---@param each table
---@param box table see spec/support/server.lua
---@param run fun(name: string, env: table) runs it where its transport is
---@param env table
function scenarios.play(each, box, run, env)
  local options = { rate = false, throttle = false }
  for name, value in pairs(each.box or {}) do options[name] = value end
  box:reset(options)
  if each.before then each.before(box) end
  run(each.name, env)
  if each.after then each.after(box) end
end

return scenarios
