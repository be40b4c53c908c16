--- Changes of an alias that someone else renames meanwhile.

local clients = require "spec.support.clients"
local sandbox = require "locksmith.sandbox"

-- A client of the sandbox with one alias; before each change of it (a PUT), someone renames it, `times` times.
local function renaming(times, options)
  local box = sandbox.new(options or {})
  local inner, names, calls = box:transport(), {}, {}
  local locker = clients.locker(function(request)
    calls[#calls + 1] = request.method
    local id = tonumber(request.url:match "/addresses/(%d+)$")
    if request.method == "PUT" and id and #names < times then
      names[#names + 1] = "renamed" .. #names + 1
      box:set_address(id, { address = names[#names] })
    end
    return inner(request)
  end)
  local id = box:add_address(nil, { address = "original", created_time = 1000000000 }).id
  box:add_address(nil, { created_time = 1000000001 })
  return locker.addresses, box, id, calls
end

-- Not renamable: the other one is older. The service then answers 403 instead of 400.
local function younger(addresses, box, id)
  box:set_address(id, { created_time = 1000000002 })
  return addresses
end

describe("an alias that someone else renames while it is changed", function()
  local CHANGES = {
    update = function(addresses, id) return addresses:update(id, { description = "shop", enabled = false }) end,
    set_enabled = function(addresses, id) return addresses:set_enabled(id, false) end,
    set_block_spam = function(addresses, id) return addresses:set_block_spam(id, true) end,
  }

  for name, change in pairs(CHANGES) do
    for _, old in ipairs { true, false } do
      local case = name .. ", " .. (old and "oldest" or "younger")

      it("is changed all the same, and keeps its new name: " .. case, function()
        local addresses, box, id, calls = renaming(1)
        if not old then younger(addresses, box, id) end
        local address, err = change(addresses, id)
        assert.truthy(address, tostring(err))
        assert.equal("renamed1", address.address)
        assert.equal("GET PUT GET PUT GET", table.concat(calls, " "))
        if name == "update" then assert.equal("shop", address.description) end
        if name == "set_block_spam" then assert.is_true(address.block_spam) else assert.is_false(address.enabled) end
      end)

      it("makes an error that says so when it happens again: " .. case, function()
        local addresses, box, id = renaming(2)
        if not old then younger(addresses, box, id) end
        local address, err = change(addresses, id)
        assert.is_nil(address)
        assert.same({ "conflict", "rejected", "locker.addresses." .. name }, { err.kind, err.outcome, err.operation })
        assert.truthy(err.message:find("someone else renamed the alias from original to renamed1, and again", 1, true))
        assert.is_nil(err.details)
        assert.equal("renamed1", err.value.address)
        assert.equal(4, #err.attempts)
        assert.is_true(box:address(id).enabled)
        assert.is_false(box:address(id).block_spam)
      end)
    end
  end

  it("is changed by its old address object too", function()
    local addresses, box, id, calls = renaming(0)
    local address = assert(addresses:get(id))
    box:set_address(id, { address = "elsewhere" })
    assert.is_false(assert(addresses:set_enabled(address, false)).enabled)
    assert.equal("elsewhere", box:address(id).address)
    assert.equal("GET PUT GET PUT GET", table.concat(calls, " "))
  end)

  it("gets its description when it is new", function()
    local addresses, box = renaming(1)
    local made = assert(addresses:create { description = "shop" })
    assert.same({ "renamed1", "shop" }, { made.address, made.description })
    assert.equal("shop", box:address(made.id).description)
  end)

  it("is changed on a free plan", function()
    local addresses, box, id = renaming(1, { plan = "free" })
    assert.is_false(assert(addresses:set_enabled(id, false)).enabled)
    assert.same({ "renamed1", false }, { box:address(id).address, box:address(id).enabled })
  end)

  it("is not looked at again when the caller gave the name", function()
    local addresses, _, id, calls = renaming(1)
    local address, err = addresses:update(id, { address = "original", description = "shop" })
    assert.is_nil(address)
    assert.same({ "invalid_request", "rejected" }, { err.kind, err.outcome })
    assert.truthy(err.details.address)
    assert.equal("PUT", table.concat(calls, " "))
  end)

  it("is said to be gone when it is", function()
    local box = sandbox.new {}
    local inner, id = box:transport(), box:add_address(nil, { address = "original" }).id
    local locker = clients.locker(function(request)
      if request.method == "PUT" then box:set_address(id, { address = "elsewhere" }) end
      local response = inner(request)
      if request.method == "PUT" then box:delete_address(id) end
      return response
    end)
    local address, err = locker.addresses:update(id, { description = "shop" })
    assert.is_nil(address)
    assert.same({ "not_found", "rejected", "locker.addresses.update" }, { err.kind, err.outcome, err.operation })
  end)

  local REFUSED = { { status = 403, body = '{"code":"0002","message":"no"}' },
    { status = 400, body = '{"code":"0004","message":"Invalid data","details":{"address":["This address exists"]}}' } }

  it("makes the service's own error when it was not renamed", function()
    for _, refused in ipairs(REFUSED) do
      local locker, requests = clients.locker { clients.address(), refused, clients.address() }
      local _, err = locker.addresses:update(7, { description = "shop" })
      assert.same({ refused.status, "rejected" }, { err.status, err.outcome })
      assert.equal(3, #requests)
    end
  end)

  it("is looked at again for no other refusal", function()
    for _, refused in ipairs { { status = 404, body = '{"code":"0001"}' }, { status = 402, body = "{}" },
      { status = 400, body = '{"code":"0004","message":"Invalid data","details":{"description":["x"]}}' },
      { status = 400, body = '{"code":"0004","message":"Invalid data"}' } } do
      local locker, requests = clients.locker { clients.address(), refused }
      local _, err = locker.addresses:update(7, { description = "shop" })
      assert.same({ refused.status, "rejected" }, { err.status, err.outcome })
      assert.equal(2, #requests)
    end
  end)

  it("stays of unknown state after a lost change, whatever the rest came to", function()
    local lost, renamed = { kind = "network", sent = true }, clients.address { address = "renamed1" }
    for _, refused in ipairs(REFUSED) do
      for _, rest in ipairs { { lost }, { clients.address() }, { renamed, refused }, { renamed, { status = 404 } } } do
        local script = { clients.address(), lost, refused }
        for _, answer in ipairs(rest) do script[#script + 1] = answer end
        local locker = clients.locker(script, { max_retries = 1 })
        local _, err = locker.addresses:update(7, { description = "shop" })
        assert.equal("unknown", err.outcome)
      end
      local locker = clients.locker({ clients.address(), lost, refused, renamed, { status = 200, body = '{"id":7}' },
        clients.address { address = "renamed1", description = "shop" } }, { max_retries = 1 })
      assert.equal("shop", assert(locker.addresses:update(7, { description = "shop" })).description)
    end
  end)
end)
