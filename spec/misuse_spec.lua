local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local lockpub = clients.lockpub({})
local locker = clients.locker({})

--- The message that `action` raises, which must name the line it is called from: the one it was defined on.
local function misuse(action)
  local ok, message = pcall(action)
  assert.is_false(ok)
  assert.equal("string", type(message))
  local line = debug.getinfo(action, "S").linedefined
  local place, text = message:match "^(.-misuse_spec%.lua:%d+): (.*)$"
  assert.truthy(place, message)
  assert.equal(line, tonumber(place:match "%d+$"), message)
  return text
end

describe("misuse is told at the caller's line", function()
  it("when a method is called with a dot", function()
    for name, action in pairs {
      ["addresses:list()"] = function() locker.addresses.list() end,
      ["addresses:get()"] = function() locker.addresses.get(7) end,
      ["addresses:each()"] = function() locker.addresses.each {} end,
      ["subdomains:create()"] = function() locker.subdomains.create "name" end,
      ["links:create()"] = function() lockpub.links.create {} end,
      ["locker:key_info()"] = function() locker.key_info() end,
      ["lockpub:quota()"] = function() lockpub.quota() end,
      ["lockpub:plan()"] = function() lockpub.plan(5) end,
      ["locker:request()"] = function() locker.request { method = "GET", path = "x" } end,
      ["locker:close()"] = function() locker.close() end,
    } do
      assert.truthy(misuse(action):find("with a colon, as in " .. name, 1, true), misuse(action))
    end
  end)

  it("when a method is called on another object", function()
    for _, other in ipairs { lockpub, locker.subdomains, {}, 5, "x", io.stdout, false } do
      assert.truthy(misuse(function() locker.addresses.list(other) end):find "with a colon")
    end
  end)

  it("when an option has the wrong type", function()
    for name, action in pairs {
      timeout = function() locksmith.locker { timeout = "5" } end,
      max_retries = function() locker.addresses:list({}, { max_retries = 0.5 }) end,
      pacing = function() lockpub.links:create(clients.link_fields(), { pacing = "never" }) end,
      size = function() locker.addresses:list { size = 0.5 } end,
      page = function() locker.addresses:each { page = 0 } end,
      concurrency = function() lockpub.links:create_each({}, { concurrency = 0 }) end,
      journal = function() lockpub.links:create_each({}, { journal = "" }) end,
      name = function() lockpub.links:create_each({}, { name = "x" }) end,
      on_progress = function() lockpub.links:create_each({}, { on_progress = true }) end,
      idempotent = function() lockpub.links:create_each({}, { idempotent = true }) end,
      clock = function() locksmith.locker { clock = {} } end,
      retry = function() locker:request { method = "GET", path = "x", retry = true } end,
      query = function() locker:request { method = "GET", path = "x", query = { a = {} } } end,
    } do
      assert.truthy(misuse(action):find("'" .. name .. "'", 1, true), misuse(action))
    end
  end)

  it("when an argument has the wrong type", function()
    for name, action in pairs {
      id = function() locker.addresses:get {} end,
      fields = function() locker.addresses:update(7, "x") end,
      enabled = function() locker.addresses:set_enabled(7, "yes") end,
      name = function() locker.subdomains:create(5) end,
      n = function() lockpub:plan "many" end,
      request = function() locker:request() end,
      rows = function() lockpub.links:create_each "rows" end,
    } do
      assert.truthy(misuse(action):find("'" .. name .. "'", 1, true), misuse(action))
    end
  end)

  it("when a row is none", function()
    assert.matches("argument 'rows' must hold tables of fields, not a string",
      misuse(function() lockpub.links:create_each({ "x" })() end), 1, true)
  end)

  it("when windows are none", function()
    for _, rate in ipairs { { { 1, 1e-9 } }, { { 1, 0 } }, { { 1, -1 } }, { { 1, 0 / 0 } }, { { 1, math.huge } },
      { { 0, 1 } }, { { 0.5, 1 } }, { { 10001, 1 } }, { { 1 } }, { 5 }, { [2] = { 1, 1 } }, { { "1", 1 } } } do
      assert.truthy(misuse(function() locksmith.locker { rate = rate } end):find "option 'rate'")
    end
    assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, rate = { { 1, 1e-6 } } })
  end)

  it("through pcall, coroutines and tail calls", function()
    misuse(function() coroutine.wrap(function() locker.addresses:get {} error "unreachable" end)() end)
    local _, message = coroutine.resume(coroutine.create(function() return locker.addresses:get {} end))
    assert.equal("locker.addresses.get: argument 'id' must be an id or an address, not another table", message)
    local _, direct = pcall(locker.addresses.get, locker.addresses, {})
    assert.truthy(direct:find("misuse_spec.lua:", 1, true), direct)
  end)
end)

describe("a near miss", function()
  it("of an option is told", function()
    for wrong, right in pairs { apikey = "api_key", timout = "timeout", max_retry = false, retries = false,
      base_uri = "base_url", onEvent = "on_event", attempt_timeuot = "attempt_timeout", xyzzy = false } do
      local text = misuse(function() locksmith.locker { [wrong] = 1 } end)
      assert.equal(("locksmith.locker: option '%s' is not known%s"):format(wrong,
        right and ("; did you mean '%s'?"):format(right) or ""), (text:gsub("; did you mean 'max_retries'%?", "")))
    end
    assert.truthy(misuse(function() locker.addresses:list { pages = 2 } end):find("did you mean 'page'?", 1, true))
    assert.truthy(misuse(function() locker.addresses:get(7, { timeOut = 2 }) end):find("'timeout'?", 1, true))
  end)

  it("of a field is told", function()
    for wrong, right in pairs { redirect_limt = "redirect_limit", tragetUrl = "target_url", customslug = "custom_slug",
      expires_time = "expire_time", passwort = "password" } do
      local _, err = lockpub.links:create(clients.link_fields { [wrong] = "x" })
      assert.equal(("%s is not a field of this request; did you mean %s?"):format(wrong, right), err.message)
    end
    local _, err = lockpub.links:create(clients.link_fields { colour = "red" })
    assert.equal("colour is not a field of this request", err.message)
    _, err = locker.addresses:update(7, { descripton = "x" })
    assert.truthy(err.message:find("did you mean description?", 1, true))
  end)

  it("of a path_prefix is told", function()
    for _, prefix in ipairs { "v3/relay", "v3", "//v3", "/v3?x", "/v3/../x" } do
      local client, err = locksmith.locker { api_key = sandbox.LOCKER_KEY, path_prefix = prefix }
      assert.is_nil(client)
      assert.equal("invalid_request", err.kind)
      assert.truthy(err.message:find("path_prefix must be \"\" or begin with a slash", 1, true))
    end
    local _, err = locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = "lock.pub" }
    assert.truthy(err.message:find("^base_url: "))
  end)
end)
