--- addresses:plan and plan:apply against a sandbox in virtual time.

local clients = require "spec.support.clients"
local json = require "locksmith.json"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local virtual = require "spec.support.virtual"

local LOST = { kind = "network", sent = true, after = true }

--- An account with n aliases, and a client of it.
local function account(n, given, options)
  local clock = virtual.clock()
  local own = { clock = clock, throttle = false }
  for name, value in pairs(given or {}) do own[name] = value end
  local box = sandbox.new(own)
  for i = 1, n do box:add_address(nil, { id = i, description = "customer " .. i }) end
  local all = { clock = clock }
  for name, value in pairs(options or {}) do all[name] = value end
  return clients.locker(box:transport(), all), box
end

local function disable() return { enabled = false } end

local function writes(box)
  return box:count { method = "PUT" } + box:count { method = "DELETE" } + box:count { method = "POST" }
end

local function ids(rows)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row.id end
  table.sort(list)
  return list
end

describe("a plan", function()
  it("holds what differs, from one request, and writes nothing", function()
    local locker, box = account(4)
    local seen = {}
    local plan, response = assert(locker.addresses:plan(function(address)
      seen[#seen + 1] = address.id
      if address.id == 1 then return nil end
      if address.id == 2 then return { enabled = true, description = "customer 2" } end
      if address.id == 3 then return { enabled = false, block_spam = false, description = " new\n" } end
      return "delete"
    end))
    assert.same({ 1, 2, 3, 4 }, seen)
    assert.equal(1, #box:log())
    assert.equal(1, #response.attempts)
    assert.equal("/v3/relay/addresses", box:log()[1].path)
    assert.same({ 1, 1, 2 }, { plan.changes, plan.deletions, plan.unchanged })
    assert.equal(2, #plan)
    assert.same({ id = 3, full_address = box:address(3).full_address,
      before = { enabled = true, block_spam = false, description = "customer 3" },
      change = { enabled = false, description = "new" } }, plan[1])
    assert.equal("delete", plan[2].change)
    assert.equal(true, plan[2].before.enabled)
  end)

  it("can be written as JSON, and gone through, and shows no more than that", function()
    local locker = account(3)
    local plan = assert(locker.addresses:plan(disable))
    local ok, copy = json.decode(assert(json.encode(plan)))
    assert.is_true(ok)
    assert.equal(3, copy.changes)
    for _, item in ipairs(plan) do assert.same({ enabled = false }, item.change) end
    local names = {}
    for name in pairs(plan) do names[#names + 1] = tostring(name) end
    table.sort(names)
    assert.same({ "1", "2", "3", "changes", "deletions", "unchanged" }, names)
  end)

  it("tells what will happen, in bounds", function()
    local locker, box = account(101)
    box:set_address(1, { address = "a-longer-name", description = "two\nlines \27[31m" })
    box:set_address(2, { address = "short1" })
    local plan = assert(locker.addresses:plan(function(address)
      if address.id == 101 then return nil end
      if address.id > 90 then return "delete" end
      return { enabled = false, description = "spam" }
    end))
    local lines = {}
    for line in tostring(plan):gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("90 changes, 10 deletions, 1 unchanged", lines[1])
    assert.equal('  a-longer-name@maily.org  enabled: true -> false, description: "two lines [31m" -> "spam"', lines[2])
    assert.equal('  short1@maily.org         enabled: true -> false, description: "customer 2" -> "spam"', lines[3])
    assert.equal("  and 70 more", lines[22])
    assert.truthy(lines[23]:find "^  %w+@maily.org  delete for good$")
    assert.equal(32, #lines)
    assert.equal("1 change, 0 deletions, 100 unchanged", tostring(assert(locker.addresses:plan(function(address)
      return address.id == 7 and disable()
    end))):match "^[^\n]*")
  end)

  it("takes no other decision: that raises at the caller's line", function()
    local locker = account(1)
    for _, case in ipairs { { true, "true" }, { "remove", '"remove"' }, { 7, "number" }, { print, "function" } } do
      local ok, message = pcall(function() return locker.addresses:plan(function() return case[1] end) end)
      assert.is_false(ok)
      assert.truthy(message:find("plan_spec.lua:", 1, true), message)
      assert.truthy(message:find("returned " .. case[2], 1, true), message)
    end
    local ok, message = pcall(function() return locker.addresses:plan() end)
    assert.is_false(ok)
    assert.truthy(message:find("argument 'decide' must be a function", 1, true), message)
  end)

  it("refuses fields that cannot be so, naming alias and field", function()
    local locker, box = account(1)
    for _, case in ipairs {
      { { enabled = "no" }, "enabled must be a boolean" }, { { enable = true }, "did you mean enabled" },
      { { description = ("x"):rep(65) }, "at most 64" }, { { address = "other1" }, "address cannot be changed" },
    } do
      local plan, err = locker.addresses:plan(function() return case[1] end)
      assert.is_nil(plan)
      assert.equal("invalid_request", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find(case[2], 1, true), err.message)
      assert.truthy(err.message:find(box:address(1).full_address, 1, true), err.message)
    end
  end)

  it("hands on what decide raises, and an error of the list", function()
    local locker, box = account(1)
    local ok, raised = pcall(function() locker.addresses:plan(function() error("no idea", 0) end) end)
    assert.is_false(ok)
    assert.equal("no idea", raised)
    box:fault { fault = { status = 401, inside = true, body = "{}" } }
    local plan, err = locker.addresses:plan(disable)
    assert.is_nil(plan)
    assert.equal("unauthenticated", err.kind)
  end)

  it("is applied with a colon", function()
    local locker = account(1)
    local plan = assert(locker.addresses:plan(disable))
    local ok, message = pcall(function() plan.apply() end)
    assert.is_false(ok)
    assert.truthy(message:find("call it with a colon", 1, true), message)
  end)
end)

describe("an applied plan", function()
  it("makes one write for each change, and looks once before and once after", function()
    local locker, box = account(5)
    local plan = assert(locker.addresses:plan(function(address) return address.id > 2 and disable() end))
    local report = assert(plan:apply())
    assert.same({ 3, 4, 5 }, ids(report.applied))
    assert.same({ {}, {} }, { report.failed, report.skipped })
    assert.equal(3, writes(box))
    assert.equal(5, report.requests)
    assert.equal(6, #box:log())
    assert.same({ id = 3, full_address = box:address(3).full_address, change = { enabled = false } }, report.applied[1])
    for i = 1, 5 do assert.equal(i <= 2, box:address(i).enabled) end
    assert.equal("3 applied, 0 failed, 0 skipped; 5 requests in 0.0 s", tostring(report))
    assert(json.encode(report))
  end)

  it("takes 702 requests for 700 aliases, the plan included", function()
    local locker, box = account(700)
    local report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.equal(700, #report.applied)
    assert.equal(701, report.requests)
    assert.equal(702, #box:log())
    for _, address in ipairs(box:addresses()) do assert.is_false(address.enabled) end
  end)

  it("is looked at before it is written where it is not fresh", function()
    for _, delay in ipairs {
      function(_, _, plan) plan[120].change = "delete" end,
      function(box) box.options.clock.sleep(2) end,
      function(_, locker) locker.addresses:set_enabled(1, false) end,
      function(_, _, plan) plan:apply() end,
    } do
      local locker, box = account(120)
      local plan = assert(locker.addresses:plan(function(address) return address.id > 0 and disable() end))
      delay(box, locker, plan)
      box:set_address(2, { enabled = false })
      box:clear_log()
      local report = assert(plan:apply { confirm_deletions = 1 })
      assert.equal("GET", box:log()[1].method)
      local skipped = ids(report.skipped)
      assert.equal(2, skipped[1] == 1 and skipped[2] or skipped[1])
      assert.equal(120, #report.applied + #report.skipped)
    end
  end)

  it("writes nothing when it is applied again", function()
    local locker, box = account(4)
    local plan = assert(locker.addresses:plan(function(address)
      return address.id == 4 and "delete" or { block_spam = true, description = "kept" }
    end))
    assert.equal(4, #assert(plan:apply { confirm_deletions = 1 }).applied)
    box:clear_log()
    local again = assert(plan:apply { confirm_deletions = 1 })
    assert.equal(0, writes(box))
    assert.equal(1, again.requests)
    assert.same({ 1, 2, 3, 4 }, ids(again.skipped))
    assert.equal("it is so already", again.skipped[1].reason)
    assert.equal("it was deleted since the plan", again.skipped[4].reason)
    assert.equal(0, assert(locker.addresses:plan(function(address)
      return { block_spam = address.block_spam, description = "kept" }
    end)).changes)
  end)

  it("does nothing where nothing is to be done", function()
    local locker, box = account(2)
    local plan = assert(locker.addresses:plan(function() end))
    assert.equal(2, plan.unchanged)
    assert.equal(0, assert(plan:apply()).requests)
    assert.equal(1, #box:log())
  end)

  it("does what is left in it", function()
    local locker, box = account(3)
    local plan = assert(locker.addresses:plan(function() return "delete" end))
    table.remove(plan, 1)
    assert.same({ 2, 3 }, ids(assert(plan:apply { confirm_deletions = 2 }).applied))
    assert.equal(1, #box:addresses())
  end)

  it("deletes only what was confirmed, and last", function()
    local locker, box = account(5)
    local plan = assert(locker.addresses:plan(function(address)
      return address.id % 2 == 1 and "delete" or disable()
    end))
    for _, confirmed in ipairs { false, 0, 2, 4 } do
      local report, err = plan:apply { confirm_deletions = confirmed or nil }
      assert.is_nil(report)
      assert.equal("invalid_request", err.kind)
      assert.equal("not_sent", err.outcome)
      assert.truthy(err.message:find("confirm_deletions = 3", 1, true))
    end
    assert.equal(1, #box:log())
    assert.equal(5, #assert(plan:apply { confirm_deletions = 3 }).applied)
    assert.equal(2, #box:addresses())
    local methods = {}
    for _, entry in ipairs(box:log()) do methods[#methods + 1] = entry.method end
    assert.equal("GET GET PUT PUT DELETE DELETE DELETE GET", table.concat(methods, " "))
  end)

  it("skips what changed since the plan, and says so", function()
    local locker, box = account(8)
    local plan = assert(locker.addresses:plan(function(address)
      return address.id >= 7 and "delete" or { description = "new" }
    end))
    box:delete_address(2)
    box:set_address(3, { description = "someone else's" })
    box:set_address(4, { enabled = false })
    box:set_address(5, { description = "new" })
    box:set_address(6, { address = "renamed" })
    box:set_address(7, { block_spam = true })
    box:set_address(8, { num_forwarded = 3 })
    local report = assert(plan:apply { confirm_deletions = 2 })
    assert.same({ 1, 8 }, ids(report.applied))
    local reasons = {}
    for _, row in ipairs(report.skipped) do reasons[row.id] = row.reason end
    assert.same({
      [2] = "it was deleted since the plan",
      [3] = "its description was changed since the plan",
      [4] = "its enabled was changed since the plan",
      [5] = "it is so already",
      [6] = "it was renamed to renamed@maily.org since the plan",
      [7] = "its block_spam was changed since the plan",
    }, reasons)
    assert.equal("someone else's", box:address(3).description)
    assert.equal("renamed", box:address(6).address)
    assert.truthy(box:address(7))
  end)

  it("tells progress", function()
    local locker = account(3, { delay = 2 })
    local plan = assert(locker.addresses:plan(function(address) return address.id < 3 and disable() or "delete" end))
    local told = {}
    assert(plan:apply { confirm_deletions = 1, on_progress = function(progress) told[#told + 1] = progress end })
    assert.same({ { done = 1, failed = 0, skipped = 0, total = 3, seconds_left = 8 },
      { done = 2, failed = 0, skipped = 0, total = 3, seconds_left = 2 },
      { done = 3, failed = 0, skipped = 0, total = 3, seconds_left = 0 } }, told)
  end)

  it("refuses options that are none", function()
    local locker = account(1)
    local plan = assert(locker.addresses:plan(disable))
    for name, value in pairs { concurrency = 0, confirm_deletions = "all", on_progress = true, paging = 1 } do
      local ok, message = pcall(function() return plan:apply { [name] = value } end)
      assert.is_false(ok)
      assert.truthy(message:find("option '" .. name .. "'", 1, true), message)
      assert.truthy(message:find("plan_spec.lua:", 1, true), message)
    end
  end)
end)

describe("on a free plan", function()
  it("flags are toggled once it shows that a PUT drops them", function()
    local locker, box = account(4, { plan = "free" })
    local plan = assert(locker.addresses:plan(function() return { enabled = false, description = "old" } end))
    local report = assert(plan:apply())
    assert.equal(4, #report.applied)
    assert.equal(4, box:count { method = "PUT", path = "/enabled" })
    assert.equal(8, box:count { method = "PUT" })
    assert.equal(11, report.requests)
    for _, address in ipairs(box:addresses()) do
      assert.is_false(address.enabled)
      assert.equal("old", address.description)
    end
  end)

  it("and at once where that is known", function()
    local locker, box = account(120, { plan = "free" })
    locker.addresses:update(120, { enabled = false })
    local plan = assert(locker.addresses:plan(disable))
    box:set_address(120, { enabled = false }) -- a toggle that trusts the plan would undo it
    box:clear_log()
    local report = assert(plan:apply())
    assert.equal(119, #report.applied)
    assert.equal(119, box:count { method = "PUT", path = "/enabled" })
    assert.equal(121, report.requests)
    assert.is_false(box:address(120).enabled)
  end)

  it("what it does not allow is a failure of that alias, with what was done of it", function()
    local locker, box = account(2, { plan = "free" })
    local plan = assert(locker.addresses:plan(function(address)
      return { block_spam = true, description = address.id == 1 and "one" or nil }
    end))
    local report = assert(plan:apply())
    assert.same({ 1, 2 }, ids(report.failed))
    for _, row in ipairs(report.failed) do
      assert.equal("plan_required", row.err.kind)
      assert.equal("rejected", row.err.outcome)
      assert.same({ block_spam = true, description = row.id == 1 and "one" or nil }, row.change)
    end
    assert.equal(2, box:count { path = "/block_spam" })
    box:set_address(2, { enabled = false })
    report = assert(assert(locker.addresses:plan(function(address)
      return address.id == 2 and { block_spam = true, enabled = true } or nil
    end)):apply())
    local err = report.failed[1].err
    assert.truthy(err.kind == "plan_required")
    assert.equal(box:address(2).enabled and "applied" or "rejected", err.outcome)
  end)

  it("a toggle whose answer was lost is not sent again, whatever came of it", function()
    for _, done in ipairs { true, false } do
      local locker, box = account(1, { plan = "free" })
      box:fault { path = "/enabled", fault = { kind = "network", sent = true, after = done }, times = false }
      local report = assert(assert(locker.addresses:plan(disable)):apply())
      assert.equal(1, box:count { path = "/enabled" })
      if done then
        assert.same({ 1 }, ids(report.applied))
      else
        assert.equal("unknown", report.failed[1].err.outcome)
        assert.truthy(report.failed[1].err.message:find("may yet take effect", 1, true))
      end
      assert.equal(not done, box:address(1).enabled)
    end
  end)

  it("nor is one sent after a PUT whose answer was lost", function()
    local locker, box = account(2, { plan = "free" }, { max_retries = 0 })
    box:fault { method = "PUT", path = "addresses/1", fault = LOST, times = false }
    local report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.same({ 2 }, ids(report.applied))
    assert.same({ 1 }, ids(report.failed))
    assert.equal("unknown", report.failed[1].err.outcome)
    assert.equal(0, box:count { path = "addresses/1/enabled" })
  end)
end)

describe("what goes wrong while a plan is applied", function()
  it("is repaired where an answer was lost", function()
    for _, fault in ipairs { LOST, { kind = "network", sent = true }, { status = 502, body = "" } } do
      local locker, box = account(6, nil, { max_retries = 0 })
      local plan = assert(locker.addresses:plan(function(address)
        return address.id > 4 and "delete" or { enabled = false, description = "x" }
      end))
      box:fault { method = "PUT", fault = fault, times = 3 }
      box:fault { method = "DELETE", fault = fault }
      local report = assert(plan:apply { confirm_deletions = 2 })
      assert.equal(6, #report.applied)
      assert.equal(4, #box:addresses())
      for _, address in ipairs(box:addresses()) do
        assert.same({ false, "x" }, { address.enabled, address.description })
      end
    end
  end)

  it("is told where it lasts", function()
    local locker, box = account(3, nil, { max_retries = 0 })
    box:fault { method = "PUT", path = "addresses/2", fault = { kind = "timeout", sent = true }, times = false }
    local report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.same({ 1, 3 }, ids(report.applied))
    assert.equal(3, box:count { path = "addresses/2" })
    local row = report.failed[1]
    assert.same({ 2, box:address(2).full_address, { enabled = false } }, { row.id, row.full_address, row.change })
    assert.same({ "timeout", "unknown" }, { row.err.kind, row.err.outcome })
  end)

  it("is told alias by alias where the service refuses", function()
    local locker, box = account(3)
    box:fault { method = "PUT", path = "addresses/2", fault = { status = 422, body = '{"message":"no"}' } }
    local report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.same({ 1, 3 }, ids(report.applied))
    assert.same({ 2 }, ids(report.failed))
    assert.equal("rejected", report.failed[1].err.outcome)
    assert.equal(1, box:count { path = "addresses/2" })
  end)

  it("ends the run where every write would meet it", function()
    local locker, box = account(20)
    local plan = assert(locker.addresses:plan(function(address)
      return address.id == 20 and "delete" or disable()
    end))
    box:fault { method = "PUT", skip = 3, fault = { status = 401, body = "{}" }, times = false }
    local report = assert(plan:apply { concurrency = 1, confirm_deletions = 1 })
    assert.same({ 1, 2, 3 }, ids(report.applied))
    assert.equal(17, #report.failed)
    assert.equal(4, writes(box))
    for _, row in ipairs(report.failed) do assert.equal("unauthenticated", row.err.kind) end
    assert.equal("not_sent", report.failed[17].err.outcome)
    assert.equal("delete", report.failed[17].change)
  end)

  it("leaves nothing undone when someone else interferes", function()
    local box, locker
    local transport, flips = nil, 0
    local function meddling(request)
      local response, failure = transport(request)
      if request.method == "PUT" and flips < 2 and request.url:find "addresses/2" then
        flips = flips + 1
        box:set_address(2, { enabled = true })
      end
      return response, failure
    end
    local _, made = account(3)
    box, transport = made, made:transport()
    locker = clients.locker(meddling)
    local report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.same({ 1, 2, 3 }, ids(report.applied))
    flips = -100
    box:set_address(2, { enabled = true })
    report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.equal("not_applied", report.failed[1].err.kind)
    assert.is_true(flips < -90)
  end)

  it("is another's description, which prevails", function()
    local box, transport
    local locker = clients.locker(function(request)
      local response, failure = transport(request)
      if request.method == "PUT" then box:set_address(1, { description = "theirs" }) end
      return response, failure
    end)
    local _, made = account(1)
    box, transport = made, made:transport()
    local report = assert(assert(locker.addresses:plan(function() return { description = "ours" } end)):apply())
    assert.equal(1, #report.skipped)
    assert.equal(1, writes(box))
    assert.equal("theirs", box:address(1).description)
  end)

  it("is seen in a plan that was fresh, too, where it can be", function()
    local locker, box = account(120)
    local plan = assert(locker.addresses:plan(disable))
    box:delete_address(5)
    box:set_address(6, { address = "renamed" })
    local report = assert(plan:apply())
    assert.equal("PUT", box:log()[2].method)
    assert.same({ 5, 6 }, ids(report.skipped))
    assert.equal(118, #report.applied)
    assert.equal("renamed", box:address(6).address)
  end)

  it("leaves unknown what a list that fails would have told", function()
    local locker, box = account(4)
    local plan = assert(locker.addresses:plan(function(address)
      if address.id == 4 then return "delete" end
      return { enabled = address.id == 1 and true or false, description = "x" }
    end))
    box:fault { method = "GET", skip = 1, fault = { status = 500, body = "" }, times = false }
    local report = assert(plan:apply { confirm_deletions = 1 })
    assert.same({ 1, 4 }, ids(report.applied))
    assert.same({ 2, 3 }, ids(report.failed))
    assert.same({ "server_error", "unknown" }, { report.failed[1].err.kind, report.failed[1].err.outcome })
    assert.truthy(report.failed[1].err.message:find("is not known", 1, true))
  end)

  it("is no write at all where the first look fails", function()
    local locker, box = account(2)
    local plan = assert(locker.addresses:plan(disable))
    box:fault { method = "GET", fault = { status = 500, body = "" }, times = false }
    local report, err = plan:apply()
    assert.is_nil(report)
    assert.same({ "server_error", "not_sent" }, { err.kind, err.outcome })
    assert.equal("locker.addresses.plan.apply", err.operation)
    assert.equal(0, writes(box))
    locker:close()
    report, err = plan:apply()
    assert.is_nil(report)
    assert.equal("closed", err.kind)
  end)

  it("may be on_progress, which ends the run with what was done", function()
    local locker, box = account(5)
    local plan = assert(locker.addresses:plan(disable))
    local report, err = plan:apply { concurrency = 1, on_progress = function() error("enough", 0) end }
    assert.is_nil(report)
    assert.equal("unknown", err.outcome)
    assert.truthy(err.message:find("enough", 1, true))
    assert.equal(1, writes(box))
    assert.equal(5, #assert(plan:apply()).applied + 1)
  end)

  it("is a throttle, which is waited for", function()
    local locker, box = account(700, { throttle = 600 })
    local report = assert(assert(locker.addresses:plan(disable)):apply())
    assert.equal(700, #report.applied)
    assert.is_true(report.elapsed < 62, report.elapsed)
    assert.equal(1, box:count { status = 429 })
    assert.equal(703, #box:log())
  end)
end)

if not server.available() then
  describe("a plan applied over real sockets", function() pending "needs nginx with its Lua module" end)
  return
end

describe("a plan applied over real sockets", function()
  it("has so many writes under way as it may, and no request too many", function()
    local addresses = {}
    for i = 1, 700 do addresses[i] = { description = "customer " .. i } end
    local key = sandbox.LOCKER_KEY .. "0"
    local many = { name = "many", token = key, addresses = addresses }
    local box = server.sandbox { throttle = false, accounts = { many } }
    finally(function() box.stop() end)
    local flying, most = 0, 0
    local locker = assert(locksmith.locker { api_key = key, base_url = box.url, store = locksmith.memory(),
      on_event = function(event)
        if event.type == "request" then flying = flying + 1 end
        if event.type == "response" and event.attempt then flying = flying - 1 end
        most = math.max(most, flying)
      end })
    local report = assert(assert(locker.addresses:plan(disable)):apply { concurrency = 5 })
    assert.equal(700, #report.applied)
    assert.equal(5, most)
    assert.equal(702, #box:control "log")
    for _, address in ipairs(box:call("addresses", "many")) do assert.is_false(address.enabled) end
  end)
end)
