local clients = require "spec.support.clients"
local sandbox = require "locksmith.sandbox"

local function sandboxed(plan)
  local box = sandbox.new { plan = plan or "premium" }
  local log, inner = {}, box:transport()
  local locker = clients.locker(function(request)
    log[#log + 1] = request.method
    return inner(request)
  end)
  return locker, log
end

describe("subdomains", function()
  it("are created, read, listed", function()
    local locker = sandboxed()
    local made = assert(locker.subdomains:create "mycompany")
    assert.equal("mycompany", made.subdomain)
    assert.equal(0, made.num_alias)
    assert.equal("mycompany", assert(locker.subdomains:get(made.id)).subdomain)
    local list = assert(locker.subdomains:list())
    assert.equal(1, #list)
    assert.equal(made.id, list[1].id)
  end)

  it("report a second one and a taken name", function()
    local locker = sandboxed()
    assert(locker.subdomains:create "mycompany")
    assert.equal("limit_reached", select(2, locker.subdomains:create "another").kind)
    local _, err = locker.subdomains:create "mycompany"
    assert.equal("invalid_request", err.kind)
    assert.equal("0004", err.code)
    assert.truthy(err.details.subdomain[1])
  end)

  it("need a paid plan", function()
    local locker = sandboxed "free"
    assert.equal("plan_required", select(2, locker.subdomains:create "mycompany").kind)
  end)

  it("refuse a name that is too short before sending", function()
    local locker, log = sandboxed()
    local _, err = locker.subdomains:create "ab"
    assert.truthy(err.message:find "subdomain must have at least 3")
    assert.equal(0, #log)
  end)

  it("are not deleted or renamed without their present name, and name how many aliases would die", function()
    local locker, log = sandboxed()
    local made = assert(locker.subdomains:create "mycompany")
    assert(locker.subdomains:set_in_use(true))
    assert(locker.addresses:create())
    assert(locker.addresses:create())
    for _, confirm in ipairs { false, "", "MyCompany", "other" } do
      local opts = confirm and { confirm = confirm } or nil
      local done, err = locker.subdomains:delete(made.id, opts)
      assert.is_nil(done)
      assert.equal("invalid_request", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.equal("local", err.source)
      assert.truthy(err.message:find("2 aliases", 1, true), err.message)
      assert.is_nil((locker.subdomains:update(made.id, "newname", opts)))
    end
    for _, method in ipairs(log) do assert.not_equal("DELETE", method) end
    assert.equal(2, assert(locker.subdomains:get(made.id)).num_alias)
  end)

  it("are renamed and deleted with it", function()
    local locker = sandboxed()
    local made = assert(locker.subdomains:create "mycompany")
    local renamed = assert(locker.subdomains:update(made.id, "newname", { confirm = "mycompany" }))
    assert.equal("newname", renamed.subdomain)
    assert.is_true(assert(locker.subdomains:delete(made.id, { confirm = "newname" })))
    assert.equal(0, #assert(locker.subdomains:list()))
  end)

  it("may be given in place of their ids, aliases may not", function()
    local locker = sandboxed()
    local made = assert(locker.subdomains:create "mycompany")
    assert(locker.subdomains:set_in_use(true))
    local inside = assert(locker.addresses:create())
    assert.equal(made.id, assert(locker.subdomains:get(made)).id)
    for _, other in ipairs { inside, {}, { id = made.id } } do
      local ok, message = pcall(function() locker.subdomains:delete(other, { confirm = "mycompany" }) end)
      assert.is_false(ok)
      assert.truthy(message:find "subdomains_spec.lua:%d+: locker.subdomains.delete: argument 'id' must be an id or a ")
    end
    assert.equal("invalid_request", select(2, locker.subdomains:delete(made)).kind)
    assert.equal("newname", assert(locker.subdomains:update(made, "newname", { confirm = "mycompany" })).subdomain)
    assert.is_true(assert(locker.subdomains:delete(made, { confirm = "newname" })))
  end)

  it("switch the flag for new aliases", function()
    local locker = sandboxed()
    assert.is_false(locker.subdomains:in_use())
    assert.is_true(assert(locker.subdomains:set_in_use(true)))
    assert.is_true(locker.subdomains:in_use())
    assert(locker.subdomains:create "mycompany")
    assert.equal("mycompany", assert(locker.addresses:create()).subdomain)
  end)

  it("notice a flag the service kept", function()
    local locker = clients.locker { { status = 200, body = '{"use_relay_subdomain":false}' } }
    assert.equal("not_applied", select(2, locker.subdomains:set_in_use(true)).kind)
  end)

  it("destroy nothing when the service does not tell the present name", function()
    for _, name in ipairs { '"name":"x"', '"subdomain":null', '"subdomain":5', '"subdomain":{}' } do
      local locker, requests = clients.locker { { status = 200, body = '{"id":1,' .. name .. "}" } }
      for _, opts in ipairs { {}, { confirm = "5" }, { confirm = "" } } do
        local done, err = locker.subdomains:delete(1, opts)
        assert.is_nil(done)
        assert.equal("bad_response", err.kind)
        assert.equal("not_sent", err.outcome)
        assert.equal("bad_response", select(2, locker.subdomains:update(1, "another", opts)).kind)
      end
      for _, request in ipairs(requests) do assert.equal("GET", request.method) end
    end
  end)

  it("count aliases as the service told it", function()
    local locker = clients.locker { { status = 200, body = '{"id":1,"subdomain":"abc","num_alias":1e300}' } }
    assert.equal("invalid_request", select(2, locker.subdomains:delete(1)).kind)
  end)
end)
