--- addresses:ensure against a sandbox.

local clients = require "spec.support.clients"
local sandbox = require "locksmith.sandbox"

local LOST = { kind = "network", sent = true, after = true }

local function account(plan)
  local box = sandbox.new { plan = plan or "premium", throttle = false }
  return clients.locker(box:transport()), box
end

local function methods(box)
  local list = {}
  for _, entry in ipairs(box:log()) do list[#list + 1] = entry.method end
  box:clear_log()
  return table.concat(list, " ")
end

describe("addresses:ensure", function()
  it("finds the alias of a description in one request", function()
    local locker, box = account()
    box:add_address(nil, { description = "other" })
    local there = box:add_address(nil, { description = "shop" })
    local address, response = assert(locker.addresses:ensure "shop")
    assert.equal(there.id, address.id)
    assert.is_false(response.made)
    assert.equal(1, #response.attempts)
    assert.equal("GET", methods(box))
    assert.equal(there.id, assert(locker.addresses:ensure { description = " shop\n" }).id)
  end)

  it("makes one where there is none, once", function()
    local locker, box = account()
    local address, response = assert(locker.addresses:ensure "shop")
    assert.is_true(response.made)
    assert.equal("shop", address.description)
    assert.equal("GET POST PUT GET", methods(box))
    local steps = {}
    for _, attempt in ipairs(response.attempts) do steps[#steps + 1] = attempt.step:match "%w+$" end
    assert.same({ "list", "create", "update", "get" }, steps)
    local again
    again, response = assert(locker.addresses:ensure "shop")
    assert.equal(address.id, again.id)
    assert.is_false(response.made)
    assert.equal(1, #box:addresses())
  end)

  it("takes the oldest of several, by id where they are of one second", function()
    local locker, box = account()
    box:add_address(nil, { id = 3, description = "shop", created_time = 2000 })
    box:add_address(nil, { id = 10, description = "shop", created_time = 1000 })
    box:add_address(nil, { id = 9, description = "shop", created_time = 1000 })
    assert.equal(9, assert(locker.addresses:ensure "shop").id)
  end)

  it("brings flags about, of a new one and of an old one, on each plan", function()
    for _, plan in ipairs { "premium", "free" } do
      local locker, box = account(plan)
      local address, response = assert(locker.addresses:ensure { description = "shop", enabled = false })
      assert.is_true(response.made)
      assert.is_false(address.enabled)
      assert.is_false(box:address(address.id).enabled)
      address, response = assert(locker.addresses:ensure { description = "shop", enabled = true, block_spam = false })
      assert.is_false(response.made)
      assert.is_true(address.enabled)
      box:clear_log()
      response = select(2, assert(locker.addresses:ensure { description = "shop", enabled = true }))
      assert.equal("GET", methods(box))
      assert.equal(1, #response.attempts)
    end
    local locker, box = account "free"
    local address, err = locker.addresses:ensure { description = "shop", block_spam = true }
    assert.is_nil(address)
    assert.same({ "plan_required", "applied" }, { err.kind, err.outcome })
    assert.equal(box:addresses()[1].id, err.value.id)
    err = select(2, locker.addresses:ensure { description = "shop", block_spam = true })
    assert.same({ "plan_required", "rejected" }, { err.kind, err.outcome })
    assert.equal("shop", err.value.description)
  end)

  it("says what there is when a step fails", function()
    local locker, box = account()
    box:fault { method = "PUT", fault = { status = 500, body = "" }, times = false }
    local address, err = locker.addresses:ensure "shop"
    assert.is_nil(address)
    assert.same({ "server_error", "applied", "locker.addresses.ensure" }, { err.kind, err.outcome, err.operation })
    assert.equal(box:addresses()[1].id, err.value.id)
    box:clear_faults()
    box:fault { method = "POST", fault = LOST }
    err = select(2, locker.addresses:ensure "bank")
    assert.equal("unknown", err.outcome)
    box:fault { method = "GET", fault = { status = 500, body = "" }, times = false }
    err = select(2, locker.addresses:ensure "bank")
    assert.same({ "not_sent", "locker.addresses.ensure" }, { err.outcome, err.operation })
    locker = account "free"
    assert(locker.addresses:ensure "one")
    err = select(2, locker.addresses:ensure "two")
    assert.same({ "limit_reached", "rejected" }, { err.kind, err.outcome })
  end)

  it("refuses what cannot be", function()
    local locker, box = account()
    for _, case in ipairs {
      { "", "must not be empty" }, { " \n", "must not be empty" }, { { enabled = true }, "must not be empty" },
      { ("x"):rep(65), "at most 64" }, { { description = "x", address = "abcdef" }, "cannot be chosen" },
      { { description = "x", enable = true }, "did you mean enabled" }, { { description = 7 }, "must be a string" },
    } do
      local address, err = locker.addresses:ensure(case[1])
      assert.is_nil(address)
      assert.same({ "invalid_request", "not_sent", "local" }, { err.kind, err.outcome, err.source })
      assert.truthy(err.message:find(case[2], 1, true), err.message)
    end
    assert.equal(0, #box:log())
    for _, case in ipairs { { nil, nil, "argument 'wanted'" }, { 7, nil, "argument 'wanted'" },
      { "x", { journals = 1 }, "option 'journals'" } } do
      local ok, message = pcall(function() return locker.addresses:ensure(case[1], case[2]) end)
      assert.is_false(ok)
      assert.truthy(message:find("ensure_spec.lua:", 1, true), message)
      assert.truthy(message:find(case[3], 1, true), message)
    end
  end)
end)

describe("an address in place of its id", function()
  it("is taken by every method of addresses", function()
    local locker, box = account()
    local address = assert(locker.addresses:create { description = "x" })
    local addresses = locker.addresses
    assert.equal(address.id, assert(addresses:get(address)).id)
    assert.equal("y", assert(addresses:update(address, { description = "y" })).description)
    box:clear_log()
    assert.is_true(assert(addresses:set_enabled(address, true)).enabled)
    assert.equal("", methods(box))
    assert.is_false(assert(addresses:set_enabled(address, false)).enabled)
    assert.equal("PUT GET", methods(box))
    assert.is_true(assert(addresses:set_block_spam(address, true)).block_spam)
    assert.is_true(assert(addresses:delete(address)))
    local plan_item = { id = address.id, full_address = address.full_address }
    for _, method in ipairs { "get", "update", "delete", "set_enabled", "set_block_spam" } do
      local ok, message = pcall(addresses[method], addresses, plan_item, true)
      assert.is_false(ok)
      assert.truthy(message:find("must be an id or an address", 1, true), message)
    end
  end)
end)
