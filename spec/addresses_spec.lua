local clients = require "spec.support.clients"
local json = require "locksmith.json"
local sandbox = require "locksmith.sandbox"

local LOST = { kind = "network", sent = true }
local address = clients.address

local function sandboxed(plan)
  local box = sandbox.new { plan = plan or "premium" }
  return clients.locker(box:transport()), box
end

-- Counts the calls of a transport by method and path.
local function counting(transport)
  local calls = {}
  return function(request)
    calls[#calls + 1] = request.method .. " " .. request.url:gsub("^https://[^/]+/v3/relay", ""):gsub("%?.*", "")
    return transport(request)
  end, calls
end

describe("addresses:create", function()
  it("makes an alias in one request", function()
    local locker, requests = clients.locker { { status = 201, body = address().body } }
    local made = assert(locker.addresses:create())
    assert.equal("abc123@maily.org", made.full_address)
    assert.is_nil(made.subdomain)
    assert.equal("POST", requests[1].method)
    assert.equal("https://api.locker.io/v3/relay/addresses", requests[1].url)
    assert.equal("{}", requests[1].body)
  end)

  it("gives whole numbers without .0, usable as table keys", function()
    local locker = clients.locker { { status = 201, body = address().body:gsub('"id":7', '"id":7.0') } }
    local made = assert(locker.addresses:create())
    assert.equal("7", tostring(made.id))
    assert.equal("1795189533", tostring(made.created_time))
    assert.equal("found", ({ [7] = "found" })[made.id])
  end)

  it("sets the description although the service ignores it on creation", function()
    local locker, box = sandboxed()
    local made = assert(locker.addresses:create { description = "newsletter" })
    assert.equal("newsletter", made.description)
    assert.equal("newsletter", assert(locker.addresses:get(made.id)).description)
    assert.truthy(box)
  end)

  it("sends a text without what the service would trim", function()
    local locker, box = sandboxed()
    assert.equal("Jo B.", assert(locker.addresses:create { description = "\t Jo B.\194\160\n" }).description)
    local log = box:log()
    assert.equal("Jo B.", select(2, json.decode(log[2].body)).description)
  end)

  it("says that the alias exists when the second step fails", function()
    local failing = { status = 500, body = '{"code":"0008"}' }
    local locker = clients.locker { { status = 201, body = address().body }, failing }
    local made, err = locker.addresses:create { description = "newsletter" }
    assert.is_nil(made)
    assert.equal("server_error", err.kind)
    assert.equal("applied", err.outcome)
    assert.equal("abc123@maily.org", err.value.full_address)
    assert.equal("locker.addresses.create", err.operation)
  end)

  it("is never repeated after a lost answer", function()
    local locker, requests = clients.locker { LOST, { status = 201, body = address().body } }
    local _, err = locker.addresses:create()
    assert.equal("unknown", err.outcome)
    assert.equal(1, #requests)
  end)

  it("refuses a description the service would fail on, and fields it would ignore", function()
    local locker, requests = clients.locker { address() }
    local _, err = locker.addresses:create { description = ("\195\164"):rep(65) }
    assert.equal("invalid_request", err.kind)
    assert.truthy(err.message:find "description must have at most 64")
    _, err = locker.addresses:create { address = "mychoice" }
    assert.truthy(err.message:find "address cannot be chosen")
    assert.equal(0, #requests)
  end)

  it("reports the limit of the free plan", function()
    local locker = sandboxed "free"
    assert(locker.addresses:create())
    local _, err = locker.addresses:create()
    assert.equal("limit_reached", err.kind)
    assert.equal("8000", err.code)
    assert.equal("rejected", err.outcome)
  end)
end)

describe("addresses:get and delete", function()
  it("refuses an id that is no whole number before sending", function()
    local locker, requests = clients.locker { address() }
    for _, id in ipairs { 1.5, -1, 0 / 0, math.huge, "7/enabled", "", "abc", "1e3" } do
      local got, err = locker.addresses:get(id)
      assert.is_nil(got)
      assert.equal("invalid_request", err.kind)
      assert.equal("local", err.source)
    end
    assert.equal(0, #requests)
  end)

  it("puts big ids into the path exactly", function()
    local locker, requests = clients.locker { address() }
    assert(locker.addresses:get(2 ^ 53))
    assert(locker.addresses:get "9007199254740993")
    assert.equal("https://api.locker.io/v3/relay/addresses/9007199254740992", requests[1].url)
    assert.equal("https://api.locker.io/v3/relay/addresses/9007199254740993", requests[2].url)
  end)

  it("reports what does not exist", function()
    local locker = sandboxed()
    local _, err = locker.addresses:get(4711)
    assert.equal("not_found", err.kind)
    assert.equal("0001", err.code)
    _, err = locker.addresses:delete(4711)
    assert.equal("not_found", err.kind)
    assert.equal("rejected", err.outcome)
  end)

  it("deletes", function()
    local locker = sandboxed()
    local made = assert(locker.addresses:create())
    assert.is_true(assert(locker.addresses:delete(made.id)))
    assert.equal("not_found", select(2, locker.addresses:get(made.id)).kind)
  end)

  it("takes a 404 to the repeat of a lost delete as success, and to the first as what it is", function()
    local gone = { status = 404, body = '{"code":"0001","message":"gone"}' }
    local locker = clients.locker { LOST, gone }
    local done, response = locker.addresses:delete(7)
    assert.is_true(done)
    assert.is_true(response.recovered)
    locker = clients.locker { { status = 429, headers = { ["retry-after"] = "1" } }, gone }
    local _, err = locker.addresses:delete(7)
    assert.equal("not_found", err.kind)
  end)
end)

describe("addresses:update", function()
  it("fills in the local part the service demands, and reads back", function()
    local locker, box = sandboxed()
    local made = assert(locker.addresses:create())
    local changed = assert(locker.addresses:update(made.id, { description = "shop", enabled = false }))
    assert.equal("shop", changed.description)
    assert.is_false(changed.enabled)
    assert.equal(made.address, changed.address)
    assert.truthy(box)
  end)

  it("sends no look-up when the local part is given", function()
    local transport, calls = counting(sandbox.new({ plan = "premium" }):transport())
    local locker = clients.locker(transport)
    local made = assert(locker.addresses:create())
    assert(locker.addresses:update(made.id, { address = made.address, description = "x" }))
    assert.same({ "POST /addresses", "PUT /addresses/1", "GET /addresses/1" }, calls)
  end)

  it("notices a flag that a free plan silently dropped", function()
    local locker = sandboxed "free"
    local made = assert(locker.addresses:create())
    local changed, err = locker.addresses:update(made.id, { enabled = false })
    assert.is_nil(changed)
    assert.equal("not_applied", err.kind)
    assert.is_true(err.value.enabled)
  end)

  it("refuses bad fields before sending", function()
    local locker, requests = clients.locker { address() }
    for _, case in ipairs {
      { {}, "nothing to change" }, { { enabled = "yes" }, "enabled must be a boolean" },
      { { descriptoin = "x" }, "descriptoin is not a field" }, { { address = "ab" }, "address must have at least 6" },
      { { description = 5 }, "description must be a string" }, { { [1] = "x" }, "names as keys" },
    } do
      local _, err = locker.addresses:update(7, case[1])
      assert.equal("invalid_request", err.kind)
      assert.truthy(err.message:find(case[2]), err.message)
    end
    assert.equal(0, #requests)
  end)

  it("is not_sent when only the look-up failed", function()
    local locker = clients.locker({ LOST }, { max_retries = 0 })
    local _, err = locker.addresses:update(7, { description = "x" })
    assert.equal("not_sent", err.outcome)
    assert.equal("locker.addresses.update", err.operation)
  end)

  it("tells that the change was made when only the reading back failed", function()
    local locker = clients.locker({ address(), { status = 200, body = '{"id":7}' }, LOST }, { max_retries = 0 })
    local _, err = locker.addresses:update(7, { description = "x" })
    assert.equal("applied", err.outcome)
    assert.equal("network", err.kind)
  end)
end)

describe("addresses:set_enabled and set_block_spam", function()
  it("set and verify on a paid plan", function()
    local locker = sandboxed()
    local made = assert(locker.addresses:create())
    assert.is_false(assert(locker.addresses:set_enabled(made.id, false)).enabled)
    assert.is_true(assert(locker.addresses:set_enabled(made.id, true)).enabled)
    assert.is_true(assert(locker.addresses:set_block_spam(made.id, true)).block_spam)
  end)

  it("write nothing where it is so already", function()
    local transport, calls = counting(sandbox.new({ plan = "premium" }):transport())
    local locker = clients.locker(transport)
    local made = assert(locker.addresses:create())
    assert(locker.addresses:set_enabled(made.id, true))
    assert.same({ "POST /addresses", "GET /addresses/1" }, calls)
  end)

  it("toggle on a free plan, where the PUT is silently ignored", function()
    local locker = sandboxed "free"
    local made = assert(locker.addresses:create())
    assert.is_false(assert(locker.addresses:set_enabled(made.id, false)).enabled)
    local _, err = locker.addresses:set_block_spam(made.id, true)
    assert.equal("plan_required", err.kind)
    assert.equal("7002", err.code)
  end)

  it("look again after a toggle whose answer was lost, instead of toggling twice", function()
    local box = sandbox.new { plan = "free" }
    local inner, toggles = box:transport(), 0
    local locker = clients.locker(function(request)
      local response, failure = inner(request)
      if request.url:find "/enabled$" then
        toggles = toggles + 1
        return nil, LOST
      end
      return response, failure
    end)
    local made = assert(locker.addresses:create())
    assert.is_false(assert(locker.addresses:set_enabled(made.id, false)).enabled)
    assert.equal(1, toggles)
  end)

  it("give up with not_applied when someone else keeps flipping it", function()
    local n = 0
    local locker, requests = clients.locker { function(request)
      n = n + 1
      if request.method == "GET" then return address { enabled = true } end
      if request.url:find "/enabled$" then return { status = 200, body = '{"id":7,"enabled":false}' } end
      return { status = 200, body = '{"id":7}' }
    end }
    local done, err = locker.addresses:set_enabled(7, false)
    assert.is_nil(done)
    assert.equal("not_applied", err.kind)
    assert.is_true(err.value.enabled)
    assert.is_true(#requests <= 15)
  end)

  it("give up with the failure of the toggle when its answer was lost and the look after it shows nothing", function()
    local on, put = address { enabled = true }, { status = 200, body = '{"id":7}' }
    for _, answer in ipairs { LOST, { status = 500 }, { status = 503 }, { status = 200, body = "<html>" } } do
      local locker, requests = clients.locker { on, put, on, answer, on }
      local done, err = locker.addresses:set_enabled(7, false)
      assert.is_nil(done)
      assert.same({ "unknown", "locker.addresses.set_enabled" }, { err.outcome, err.operation })
      assert.truthy(err.message:find "enabled is still true, but the change may yet take effect")
      assert.is_true(err.value.enabled)
      assert.equal(5, #requests)
      assert.equal(5, #err.attempts)
    end
  end)

  it("give up likewise when the change before the toggle was not answered, and toggle nothing", function()
    local on = address { enabled = true }
    for _, answer in ipairs { LOST, { status = 500 }, { status = 200, body = "<html>" } } do
      local locker, requests = clients.locker({ on, answer, on }, { max_retries = 0 })
      local done, err = locker.addresses:set_enabled(7, false)
      assert.is_nil(done)
      assert.equal("unknown", err.outcome)
      assert.truthy(err.message:find "may yet take effect")
      assert.equal(3, #requests)
      locker, requests = clients.locker({ on, answer, address { enabled = false } }, { max_retries = 0 })
      assert.is_false(assert(locker.addresses:set_enabled(7, false)).enabled)
      assert.equal(3, #requests)
    end
  end)

  it("are never told as not sent or rejected once something was written", function()
    local refused, busy = { kind = "connect", sent = false }, { status = 429, headers = { ["retry-after"] = "99" } }
    local put, on = { status = 200, body = '{"id":7}' }, address { enabled = true }
    for _, case in ipairs {
      { { on, put, refused }, "connect", "unknown" },
      { { on, put, busy }, "rate_limited", "unknown" },
      { { on, put, on, refused }, "connect", "unknown" },
      { { on, put, on, LOST, refused }, "connect", "unknown" },
      { { on, put, on, LOST, on }, "network", "unknown" },
      { { on, put, on, LOST, busy }, "rate_limited", "unknown" },
      { { on, LOST, on }, "network", "unknown" },
      { { on, LOST, refused }, "connect", "unknown" },
      { { on, put, on, { status = 200, body = '{"id":7,"enabled":false}' }, refused }, "connect", "applied" },
      { { on, refused }, "connect", "not_sent" },
      { { on, busy }, "rate_limited", "rejected" },
      { { on, put, on, busy }, "rate_limited", "rejected" },
    } do
      local locker, requests = clients.locker(case[1], { max_retries = 0 })
      local done, err = locker.addresses:set_enabled(7, false)
      assert.is_nil(done)
      assert.equal(#case[1], #requests)
      assert.same({ case[2], case[3] }, { err.kind, err.outcome })
    end
  end)

  it("raise when the wanted state is no boolean", function()
    local locker = clients.locker { address() }
    local ok, message = pcall(function() locker.addresses:set_enabled(7, "no") end)
    assert.is_false(ok)
    assert.truthy(message:find "addresses_spec.lua:%d+: .*'enabled' must be a boolean")
  end)

  it("share one deadline over all steps", function()
    local locker, requests = clients.locker { { status = 200, body = address({ enabled = true }).body, takes = 4 } }
    local _, err = locker.addresses:set_enabled(7, false, { timeout = 10, attempt_timeout = 5 })
    assert.equal("timeout", err.kind)
    assert.equal(3, #requests)
    assert.truthy(json)
  end)

  it("call an id of another type a bad answer", function()
    for _, id in ipairs { "true", "{}", "[]" } do
      local locker = clients.locker { { status = 201, body = '{"id":' .. id .. ',"address":"abc123"}' } }
      local made, err = locker.addresses:create { description = "shop" }
      assert.is_nil(made)
      assert.equal("bad_response", err.kind)
      assert.equal("unknown", err.outcome)
      assert.equal("bad_response", select(2, locker.addresses:get(1)).kind)
      assert.equal("bad_response", select(2, locker.addresses:set_enabled(1, true)).kind)
    end
  end)
end)
