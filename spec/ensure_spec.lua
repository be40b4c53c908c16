--- addresses:ensure against a sandbox.

local clients = require "spec.support.clients"
local journal = require "locksmith.journal"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"
local virtual = require "spec.support.virtual"

local LOST = { kind = "network", sent = true, after = true }

local clock = virtual.clock()

local function account(plan)
  local box = sandbox.new { plan = plan or "premium", throttle = false, clock = clock }
  return clients.locker(box:transport(), { clock = clock }), box
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

describe("a journal of ensure", function()
  local folder, path
  before_each(function()
    folder = shell.folder "ensure"
    path = folder .. "/journal"
  end)
  after_each(function()
    collectgarbage()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  --- Ends a run by an error that nothing catches, as good as killed.
  local function killed(box, method, acted)
    local transport = box:transport()
    local locker = clients.locker(function(request)
      if request.method == method then
        if acted then transport(request) end
        error("interrupted!", 0)
      end
      return transport(request)
    end, { clock = clock })
    local ok = pcall(function() locker.addresses:ensure("shop", { journal = path }) end)
    assert.is_false(ok)
    locker = nil
    collectgarbage()
    collectgarbage()
  end

  it("leads a later run to what is half made, wherever the first one ended", function()
    for _, where in ipairs { { "POST", true }, { "PUT", false }, { "PUT", true }, { "POST", false } } do
      os.remove(path)
      local locker, box = account()
      box:add_address(nil, { description = "" })
      killed(box, where[1], where[2])
      box:add_address(nil, { description = "", updated_time = 1 })
      local before = #box:addresses()
      local address, response = assert(locker.addresses:ensure("shop", { journal = path }))
      assert.is_true(response.made or where[1] == "PUT" and where[2])
      assert.equal("shop", address.description)
      local kept = where[1] == "PUT" or where[2]
      assert.equal(kept and before or before + 1, #box:addresses())
      assert.equal(2, address.id - (kept and 0 or 1))
      assert.is_false(select(2, assert(locker.addresses:ensure("shop", { journal = path }))).made)
    end
  end)

  it("leads on where the answer was lost, too", function()
    local locker, box = account()
    box:fault { method = "POST", fault = LOST }
    assert.equal("unknown", select(2, locker.addresses:ensure("shop", { journal = path })).outcome)
    assert.equal(1, #box:addresses())
    local address, response = assert(locker.addresses:ensure("shop", { journal = path }))
    assert.is_true(response.made)
    assert.equal(1, address.id)
    assert.equal(1, #box:addresses())
  end)

  it("takes nobody else's alias", function()
    local locker, box = account()
    box:fault { method = "POST", fault = { status = 400, body = '{"code":"8000"}' } }
    box:fault { method = "POST", fault = LOST }
    assert.equal("limit_reached", select(2, locker.addresses:ensure("a", { journal = path })).kind)
    assert.equal("unknown", select(2, locker.addresses:ensure("b", { journal = path })).outcome) -- 1
    box:fault { method = "PUT", fault = { status = 400, body = "{}" } }
    assert.equal("applied", select(2, locker.addresses:ensure("c", { journal = path })).outcome) -- 2
    box:add_address(nil, { id = 3, created_time = clock.now() - 7200 })
    box:add_address(nil, { id = 4, updated_time = clock.now() })
    assert.equal(5, assert(locker.addresses:ensure("a", { journal = path })).id)
    assert.equal(2, assert(locker.addresses:ensure("c", { journal = path })).id)
    box:delete_address(1)
    assert.equal(6, assert(locker.addresses:ensure("b", { journal = path })).id)
    -- What is described and was cleared since is somebody's own doing.
    box:set_address(6, { description = "" })
    assert.equal(7, assert(locker.addresses:ensure("b", { journal = path })).id)
  end)

  it("is one for all calls of a process, and leaves those alone that are under way", function()
    local _, box = account()
    local transport, inner = box:transport(), nil
    local locker = clients.locker(function(request)
      local response, failure = transport(request)
      if request.method == "POST" and inner then
        local name
        name, inner = inner, nil
        assert(clients.locker(transport, { clock = clock }).addresses:ensure(name, { journal = path }))
      end
      return response, failure
    end, { clock = clock })
    box:fault { method = "POST", fault = LOST }
    assert.equal("unknown", select(2, locker.addresses:ensure("old", { journal = path })).outcome) -- 1
    inner = "old" -- while another one is made
    assert.equal(2, assert(locker.addresses:ensure("new", { journal = path })).id)
    local by_description = {}
    for _, address in ipairs(box:addresses()) do by_description[address.description] = address.id end
    assert.same({ old = 1, new = 2 }, by_description)
  end)

  it("holds no description, and is refused while another process has it", function()
    local locker, box = account()
    assert(locker.addresses:ensure("a secret customer", { journal = path }))
    local text = shell.read(path)
    assert.is_nil(text:find("customer", 1, true))
    assert.equal("600\n", shell.output("stat -c %a " .. shell.quote(path)))
    local held = assert(journal.open(path))
    box:clear_log()
    local address, err = locker.addresses:ensure("another", { journal = path })
    assert.is_nil(address)
    assert.same({ "invalid_request", "not_sent", "local" }, { err.kind, err.outcome, err.source })
    assert.truthy(err.message:find("another run is using it", 1, true), err.message)
    assert.equal(0, #box:log())
    held:close()
    assert(locker.addresses:ensure("another", { journal = path }))
  end)
end)
