local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local table_store = require "spec.support.table_store"
local virtual = require "spec.support.virtual"

local THROTTLED = { status = 429, headers = { ["retry-after"] = "1" }, body = "{}" }

--- Makes a link, and closes the client at the n-th time that `name` is called.
---@return any link
---@return any result
---@return integer calls of that callback
local function create(name, n, options)
  local client, calls = nil, 0
  local clock = virtual.clock()
  local callbacks = { now = clock.now, sleep = clock.sleep, random = function() return 0.5 end,
    api_key = function() return sandbox.LOCKPUB_KEY end, on_event = function() end,
    transport = virtual.transport({ THROTTLED, clients.CREATED }, clock) }
  local plain = callbacks[name]
  callbacks[name] = function(...)
    calls = calls + 1
    if calls == n then client:close() end
    return plain(...)
  end
  client = assert(locksmith.lockpub {
    api_key = callbacks.api_key, on_event = callbacks.on_event, random = callbacks.random, store = options.store(),
    transport = callbacks.transport, clock = { now = callbacks.now, sleep = callbacks.sleep },
  })
  local ok, link, result = pcall(client.links.create, client.links, clients.link_fields())
  assert.is_true(ok, tostring(link))
  return link, result, calls
end

-- As a store that the core does not keep itself: the calls settle with it step by step.
local function distant()
  return table_store.new({}, os.time)
end

describe("closing a client within its own call", function()
  for what, store in pairs { ["a memory store"] = locksmith.memory, ["another store"] = distant } do
    for _, name in ipairs { "now", "sleep", "random", "api_key", "on_event", "transport" } do
      it(("ends it with kind closed, never with a raise: in %s, over %s"):format(name, what), function()
        local closed = 0
        for n = 1, 60 do
          local link, result, calls = create(name, n, { store = store })
          if calls < n then
            assert.truthy(link) -- it was not called so often
            break
          end
          if link == nil then
            assert.equal("closed", result.kind, tostring(result))
            closed = closed + 1
          else
            assert.equal(201, result.status) -- what was answered is not thrown away
          end
        end
        assert.is_true(closed > 0)
      end)
    end
  end

  it("says that nothing was sent where the request had not left", function()
    local client
    client = clients.lockpub({ clients.CREATED }, { on_event = function(event)
      if event.type == "request" then client:close() end
    end })
    local _, err = client.links:create(clients.link_fields())
    assert.equal("closed", err.kind)
    assert.equal("not_sent", err.outcome)
  end)

  it("ends an iteration with the error object", function()
    local client
    client = clients.locker({ { status = 200,
      body = '{"count":2,"next":"x","previous":null,"results":[{"id":1}]}' } })
    local ok, err = pcall(function()
      for _ in client.addresses:each { size = 1 } do client:close() end
    end)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("is told by key_info, quota and plan", function()
    local closer
    closer = clients.locker({}, { api_key = function() closer:close() return sandbox.LOCKER_KEY end })
    assert.equal("closed", select(2, closer:key_info()).kind)
    for _, method in ipairs { "quota", "plan" } do
      closer = clients.lockpub({}, { api_key = function() closer:close() return sandbox.LOCKPUB_KEY end })
      assert.equal("closed", select(2, closer[method](closer, 1)).kind)
    end
  end)
end)

describe("key_info", function()
  it("says why the key function gave no key", function()
    local locker = clients.locker({}, { api_key = function() error("vault sealed", 0) end })
    local claims, err = locker:key_info()
    assert.is_nil(claims)
    assert.equal("unauthenticated", err.kind)
    assert.equal("the key function failed: vault sealed", err.message)
  end)

  it("lets the key function yield", function()
    local locker = clients.locker({}, { api_key = function() return coroutine.yield() end })
    local thread = coroutine.wrap(function() return locker:key_info() end)
    thread()
    assert.truthy(thread(sandbox.LOCKER_KEY).scope)
  end)
end)
