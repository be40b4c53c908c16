local clients = require "spec.support.clients"

local LIST = { status = 200, body = '{"count":1,"next":null,"previous":null,"results":[{"id":7}]}' }

local function recorder()
  local events = {}
  return events, function(event) events[#events + 1] = event end
end

local function types_of(events)
  local types = {}
  for i, event in ipairs(events) do types[i] = event.type end
  return table.concat(types, " ")
end

local function of_type(events, wanted)
  local found = {}
  for _, event in ipairs(events) do
    if event.type == wanted then found[#found + 1] = event end
  end
  return found
end

describe("the events of a call", function()
  it("share a number, and carry the time of the client's clock", function()
    local events, on_event = recorder()
    local lockpub = clients.lockpub({ { status = 429, headers = { ["retry-after"] = "2" }, body = "{}" },
      clients.CREATED, clients.CREATED }, { on_event = on_event })
    assert(lockpub.links:create(clients.link_fields()))
    local first = #events
    assert(lockpub.links:create(clients.link_fields { memo = "second" }))
    for i, event in ipairs(events) do
      assert.equal("number", type(event.call))
      assert.equal(i <= first and events[1].call or events[first + 1].call, event.call)
      assert.is_true(i == 1 or event.time >= events[i - 1].time)
    end
    assert.not_equal(events[1].call, events[first + 1].call)
    assert.equal(2, events[4].time - events[1].time)
  end)

  it("say why a retry waits", function()
    local events, on_event = recorder()
    local locker = clients.locker({ { status = 503, body = "" }, LIST }, { on_event = on_event })
    assert(locker.addresses:list())
    assert.equal("server_error", of_type(events, "retry")[1].reason)
    assert.equal("request response retry request response", types_of(events))
  end)

  it("say each retry once, though a timer is early", function()
    local events, on_event = recorder()
    local time, slept = 1700000000, 0
    local clock = { now = function() return time end, sleep = function(seconds)
      slept = slept + 1
      time = time + (slept % 2 == 1 and seconds - 0.001 or seconds)
    end }
    local locker = clients.locker({ { status = 503, body = "" }, { status = 503, body = "" }, LIST },
      { on_event = on_event, clock = clock })
    assert(locker.addresses:list())
    assert.equal(4, slept)
    assert.equal("request response retry request response retry request response", types_of(events))
  end)

  it("share it over all steps of a composition", function()
    local events, on_event = recorder()
    local locker = clients.locker({ clients.address(), { status = 200, body = '{"id":7}' },
      clients.address { description = "x" } }, { on_event = on_event })
    assert(locker.addresses:update(7, { description = "x" }))
    assert.equal(6, #events)
    for _, event in ipairs(events) do assert.equal(events[1].call, event.call) end
  end)

  it("end with one error, whether it was refused here or there", function()
    for name, case in pairs {
      fields = function(lockpub) return lockpub.links:create { type = "url" } end,
      unknown = function(lockpub) return lockpub.links:create(clients.link_fields { tpye = "url" }) end,
      path = function(lockpub) return lockpub:request { method = "GET", path = "a b" } end,
      closed = function(lockpub)
        lockpub:close()
        return lockpub.links:create(clients.link_fields())
      end,
      remote = function(lockpub) return lockpub.links:create(clients.link_fields()) end,
    } do
      local events, on_event = recorder()
      local lockpub = clients.lockpub({ { status = 400, body = '{"message":"no"}' } }, { on_event = on_event })
      local value, err = case(lockpub)
      assert.is_nil(value)
      local told = of_type(events, "error")
      assert.equal(1, #told, name)
      assert.equal(events[#events], told[1])
      assert.equal(err, told[1].error)
      assert.equal(err.kind, told[1].kind)
      assert.equal(err.operation, told[1].operation)
    end
  end)

  it("end with one error for a row that is refused here", function()
    local events, on_event = recorder()
    local lockpub = clients.lockpub({ clients.CREATED }, { on_event = on_event })
    local refused
    local rows = { clients.link_fields { redirect_limit = 0 }, clients.link_fields() }
    for row, _, err in lockpub.links:create_each(rows) do refused = row == rows[1] and err or refused end
    local told = of_type(events, "error")
    assert.equal(1, #told)
    assert.equal(refused, told[1].error)
    assert.same({ "invalid_request", "lockpub.links.create" }, { told[1].kind, told[1].operation })
    for _, event in ipairs(of_type(events, "request")) do assert.not_equal(told[1].call, event.call) end
  end)

  it("end with one error for a composition, that of its failed step", function()
    for script, count in pairs { [{ { status = 404, body = "{}" } }] = 1,
      [{ clients.address(), { status = 400, body = "{}" } }] = 2 } do
      local events, on_event = recorder()
      local locker = clients.locker(script, { on_event = on_event })
      local _, err = locker.addresses:update(7, { description = "x" })
      local told = of_type(events, "error")
      assert.equal(1, #told)
      assert.equal(err, told[1].error)
      assert.equal("locker.addresses.update", told[1].operation)
      assert.equal(count, #err.attempts)
    end
  end)

  it("end with one error for an iteration", function()
    local events, on_event = recorder()
    local locker = clients.locker({ { status = 403, body = "{}" } }, { on_event = on_event })
    local ok, err = pcall(function()
      for _ in locker.addresses:each() do error "unreachable" end
    end)
    assert.is_false(ok)
    local told = of_type(events, "error")
    assert.equal(1, #told)
    assert.equal(err, told[1].error)
  end)

  it("end with one error for what no operation answers", function()
    local events, on_event = recorder()
    local locker = clients.locker({ { status = 200, body = "[1]" } }, { on_event = on_event })
    local _, err = locker.addresses:get(7)
    assert.equal("bad_response", err.kind)
    assert.equal(1, #of_type(events, "error"))
  end)
end)

describe("an on_event that fails", function()
  it("is reported once on standard error and changes nothing", function()
    local stderr, written = io.stderr, {}
    finally(function() io.stderr = stderr end) -- luacheck: ignore 122
    io.stderr = { -- luacheck: ignore 122
      write = function(_, ...) written[#written + 1] = table.concat { ... } end,
    }
    local locker = clients.locker({ LIST, LIST }, { on_event = function() error("disk full", 0) end })
    assert(locker.addresses:list())
    assert(locker.addresses:list())
    assert.equal(1, #written)
    assert.truthy(written[1]:find("disk full", 1, true))
  end)
end)

describe("an on_event that uses the client", function()
  it("does not hear of what it does itself", function()
    local locker, heard = nil, 0
    locker = clients.locker(function() return LIST end, { on_event = function()
      heard = heard + 1
      assert(locker.addresses:list())
    end })
    assert(locker.addresses:list())
    assert.equal(2, heard)
  end)

  it("does not hear of it through coroutines of its own either", function()
    local locker, heard = nil, 0
    locker = clients.locker(function() return LIST end, { on_event = function()
      heard = heard + 1
      coroutine.wrap(function() assert(locker.addresses:list()) end)()
    end })
    assert(locker.addresses:list())
    assert.equal(2, heard)
  end)

  it("hears of other calls while it waits", function()
    local heard = {}
    local locker = clients.locker(function() return LIST end, { on_event = function(event)
      heard[#heard + 1] = event.call
      if event.type == "request" and event.call == 1 then coroutine.yield() end
    end })
    -- Lua 5.1 cannot yield here.
    local first = coroutine.wrap(function() return locker.addresses:list() end)
    first()
    assert(locker.addresses:list())
    if heard[2] == 1 then return end
    first()
    assert.same({ 1, 2, 2, 1 }, heard)
  end)
end)
