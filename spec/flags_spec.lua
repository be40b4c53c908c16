--- set_enabled and set_block_spam against a service that loses answers and acts late.

local clients = require "spec.support.clients"
local sandbox = require "locksmith.sandbox"

local LOST = { kind = "timeout", sent = true }

-- What may become of one write: its answer (nil: lost), and when it takes effect: at once (0), before the n-th request
-- after it, when the call is over, or never (nil).
local AFTER = math.huge
local FATES = {
  ok = { status = 200, at = 0 },
  lost_done = { at = 0 },
  lost_late = { at = 1 },
  lost_later = { at = 2 },
  lost_after = { at = AFTER },
  lost_never = {},
  failed_done = { status = 500, at = 0 },
  failed_after = { status = 504, at = AFTER },
  failed_never = { status = 502 },
  busy = { status = 429, headers = { ["retry-after"] = "1" } },
}
local NAMES = {}
for name in pairs(FATES) do NAMES[#NAMES + 1] = name end
table.sort(NAMES)

--- A service with one alias whose writes meet the given fates in turn, then "ok".
local function service(plan, flag, value, fates)
  local self = { enabled = true, block_spam = true, requests = {}, pending = {}, landed = 0,
    writes = 0, unknown = false }
  self[flag] = value
  function self.settle(by)
    local left = {}
    for _, effect in ipairs(self.pending) do
      if effect.due <= by then effect.act() else left[#left + 1] = effect end
    end
    self.pending = left
  end
  local function act(request)
    if request.url:find("/" .. flag .. "$") then
      return function()
        self[flag], self.landed = not self[flag], self.landed + 1
      end
    end
    local wanted = request.body:match('"' .. flag .. '":(%a+)') == "true"
    return function()
      if plan == "premium" then self[flag] = wanted end
    end
  end
  local function answer(request)
    if request.method == "GET" then return clients.address { enabled = self.enabled, block_spam = self.block_spam } end
    local toggles = request.url:find("/" .. flag .. "$") ~= nil
    if toggles then
      assert.is_false(self.unknown, "a toggle follows a write that was not answered")
      if plan == "free" and flag == "block_spam" then return { status = 400, body = '{"code":"7002"}' } end
    end
    self.writes = self.writes + 1
    local fate = FATES[fates[self.writes] or "ok"]
    local effect = act(request)
    if fate.at == 0 then effect() elseif fate.at then
      self.pending[#self.pending + 1] = { due = #self.requests + fate.at, act = effect }
    end
    -- What a repeat of the same PUT was answered, the PUT was answered; a toggle has no repeat.
    self.unknown = not fate.status or fate.status >= 500
    if not fate.status then return LOST end
    local body = toggles and ('{"id":7,"%s":%s}'):format(flag, tostring(self[flag])) or '{"id":7}'
    return { status = fate.status, headers = fate.headers or {}, body = fate.status == 200 and body or "{}" }
  end
  function self.transport(request)
    self.requests[#self.requests + 1] = request
    self.settle(#self.requests)
    local got = answer(request)
    if got.kind then return nil, got end
    got.headers = got.headers or {}
    return got
  end
  return self
end

local function describe_case(case)
  return ("%s %s, %s%s: %s"):format(case.plan, case.flag, case.learnt and "known to drop, " or "",
    case.object and "by object" or "by id", table.concat(case.fates, " "))
end

local function check(case)
  local current
  local locker = clients.locker(function(request) return current.transport(request) end, { max_retries = 1 })
  local want = not case.value
  current = service(case.plan, case.flag, case.value, {})
  if case.learnt then
    locker.addresses:update(7, { [case.flag] = want })
    current = service(case.plan, case.flag, case.value, {})
  end
  local known = case.object and assert(locker.addresses:get(7)) or 7
  current = service(case.plan, case.flag, case.value, case.fates)
  local address, err = locker.addresses["set_" .. case.flag](locker.addresses, known, want)
  local text = describe_case(case)
  if address then assert.equal(want, address[case.flag], text) end
  assert.is_true(#current.requests <= 8, text)
  current.settle(AFTER)
  assert.is_true(current.landed <= 1, text)
  if address then
    assert.equal(want, current[case.flag], text)
  elseif err.outcome == "unknown" then
    assert.truthy(err.message:find("may yet take effect", 1, true), text .. ": " .. tostring(err))
  else
    assert.truthy(err.outcome == "rejected" or err.outcome == "not_sent", text)
    assert.equal(case.value, current[case.flag], text)
  end
  return address, err, current
end

--- Tries every fate of every write there is, the first four of a call.
---@return integer cases
local function explore(case, fates)
  case.fates = fates
  local _, _, box = check(case)
  if box.writes <= #fates or #fates == 4 then return 1 end
  local cases = 1
  for _, name in ipairs(NAMES) do
    local longer = { name }
    for i = #fates, 1, -1 do table.insert(longer, 1, fates[i]) end
    cases = cases + explore(case, longer)
  end
  return cases
end

describe("a flag", function()
  for _, plan in ipairs { "free", "premium" } do
    for _, flag in ipairs { "enabled", "block_spam" } do
      local name = "is right for good, or said to be unknown, whatever becomes of each write: %s, %s"
      it(name:format(plan, flag), function()
        local cases = 0
        for _, learnt in ipairs { false, true } do
          for _, object in ipairs { false, true } do
            cases = cases + explore({ plan = plan, flag = flag, learnt = learnt, object = object,
              value = learnt == object }, {})
          end
        end
        assert.is_true(cases > 100, cases)
      end)
    end
  end
end)

describe("set_enabled and set_block_spam", function()
  -- A client of the sandbox and the requests it sends; `each` is called before every one of them.
  local function sandboxed(options, each)
    local box = sandbox.new(options)
    local inner, calls = box:transport(), {}
    local locker, _, clock = clients.locker(function(request)
      calls[#calls + 1] = request.method .. request.url:gsub("^https://[^/]+/v3/relay", " "):gsub("%d+", "N")
      if each then each(request, #calls) end
      return inner(request)
    end)
    local function sent()
      local text = table.concat(calls, ", "):gsub("addresses/N", "N")
      for i = #calls, 1, -1 do calls[i] = nil end
      return text
    end
    return locker.addresses, box, sent, clock
  end

  local LOOK, PUT, TOGGLE, SPAM = "GET /N", "PUT /N", "PUT /N/enabled", "PUT /N/block_spam"

  local function steps(...)
    return table.concat({ ... }, ", ")
  end

  it("need no more requests on a free plan than that takes, once it was seen to drop flags", function()
    local addresses, box, sent = sandboxed { plan = "free" }
    local id = box:add_address().id
    assert(addresses:set_enabled(id, false))
    assert.equal(steps(LOOK, PUT, LOOK, TOGGLE, LOOK), sent())
    assert(addresses:set_enabled(id, true))
    assert.equal(steps(LOOK, TOGGLE, LOOK), sent())
    assert.equal("plan_required", select(2, addresses:set_block_spam(id, true)).kind)
    assert.equal(steps(LOOK, SPAM), sent())
    assert(addresses:set_enabled(id, true))
    assert.equal(LOOK, sent())
    assert.is_true(box:address(id).enabled)
  end)

  it("learn it from each other and from update", function()
    local addresses, box, sent = sandboxed { plan = "free" }
    local id = box:add_address().id
    local _, err = addresses:set_block_spam(id, true)
    assert.same({ "plan_required", "rejected" }, { err.kind, err.outcome })
    assert.equal(steps(LOOK, PUT, LOOK, SPAM), sent())
    _, err = addresses:set_block_spam(id, true)
    assert.same({ "plan_required", "rejected" }, { err.kind, err.outcome })
    assert.equal(steps(LOOK, SPAM), sent())
    addresses, box, sent = sandboxed { plan = "free" }
    id = box:add_address().id
    assert.equal("not_applied", select(2, addresses:update(id, { enabled = false })).kind)
    sent()
    assert(addresses:set_enabled(id, false))
    assert.equal(steps(LOOK, TOGGLE, LOOK), sent())
  end)

  it("remember it for one client only", function()
    local addresses, box, sent = sandboxed { plan = "free" }
    local id = box:add_address().id
    assert(addresses:set_enabled(id, false))
    sent()
    local other = clients.locker(box:transport())
    local count = #box:log()
    assert(other.addresses:set_enabled(id, true))
    assert.equal(5, #box:log() - count)
  end)

  it("find out that the plan changed", function()
    for _, how in ipairs { "toggle", "update", "time" } do
      local addresses, box, sent, clock = sandboxed { plan = "free" }
      local id = box:add_address().id
      assert(addresses:set_enabled(id, false))
      box:set_account(nil, { plan = "premium" })
      sent()
      if how == "toggle" then
        assert.is_true(assert(addresses:set_block_spam(id, true)).block_spam)
        assert.equal(steps(LOOK, SPAM, LOOK), sent())
      elseif how == "update" then
        assert(addresses:update(id, { block_spam = true }))
      else
        clock.time = clock.time + 3601
      end
      sent()
      assert.is_true(assert(addresses:set_enabled(id, true)).enabled)
      assert.equal(steps(LOOK, PUT, LOOK), sent(), how)
      box:set_account(nil, { plan = "free" })
      assert.is_false(assert(addresses:set_enabled(id, false)).enabled)
      assert.equal(steps(LOOK, PUT, LOOK, TOGGLE, LOOK), sent(), how)
    end
  end)

  it("trust the state of an address that is given in place of its id", function()
    for _, plan in ipairs { "free", "premium" } do
      local addresses, box, sent = sandboxed { plan = plan }
      local address = assert(addresses:get(box:add_address().id))
      sent()
      local same, response = addresses:set_enabled(address, true)
      assert.equal(address, same)
      assert.same({ {}, 0, false }, { response.attempts, response.elapsed, response.recovered })
      assert.equal("", sent())
      address = assert(addresses:set_enabled(address, false))
      assert.is_false(address.enabled)
      assert.equal(plan == "free" and steps(PUT, LOOK, TOGGLE, LOOK) or steps(PUT, LOOK), sent())
      assert(addresses:set_enabled(address, true))
      assert.equal(plan == "free" and steps(TOGGLE, LOOK) or steps(PUT, LOOK), sent())
      local set, err = addresses:set_block_spam(address, true)
      assert.equal(plan == "free" and SPAM or steps(PUT, LOOK), sent())
      assert.equal(plan == "free" and "plan_required" or nil, not set and err.kind or nil)
      assert.equal(plan == "free" and "rejected" or nil, not set and err.outcome or nil)
    end
  end)

  it("end in the wanted state when the address is out of date", function()
    for _, plan in ipairs { "free", "premium" } do
      local addresses, box, sent = sandboxed { plan = plan }
      local id = box:add_address().id
      local stale = assert(addresses:get(id))
      -- A free plan is known to drop flags, so that the toggle comes first.
      assert(addresses:set_enabled(id, false))
      sent()
      assert.is_false(assert(addresses:set_enabled(stale, false)).enabled)
      assert.is_false(box:address(id).enabled)
      assert.equal(plan == "free" and steps(TOGGLE, LOOK, TOGGLE, LOOK) or steps(PUT, LOOK), sent())
    end
  end)

  it("look first at what shows no state", function()
    local addresses, box, sent = sandboxed {}
    local id = box:add_address().id
    assert(addresses:set_enabled({ id = id, address = box:address(id).address }, false))
    assert.equal(steps(LOOK, PUT, LOOK), sent())
  end)

  it("are refused by a closed client, whatever they are given", function()
    local box = sandbox.new {}
    local locker = clients.locker(box:transport())
    local address = assert(locker.addresses:get(box:add_address().id))
    locker:close()
    for _, want in ipairs { true, false } do
      assert.equal("closed", select(2, locker.addresses:set_enabled(address, want)).kind)
    end
  end)

  it("tell of a lost change when the look after it is lost as well", function()
    local box = sandbox.new { plan = "free" }
    local inner, toggled = box:transport(), false
    local locker = clients.locker(function(request)
      if toggled then return nil, { kind = "connect", sent = false } end
      local response, failure = inner(request)
      if not request.url:find "/enabled$" then return response, failure end
      toggled = true
      return nil, LOST
    end, { max_retries = 0 })
    local _, err = locker.addresses:set_enabled(box:add_address().id, false)
    assert.same({ "connect", "unknown" }, { err.kind, err.outcome })
    assert.truthy(err.message:find("the change before it was not answered and may yet take effect", 1, true))
  end)
end)

describe("an address in place of its id", function()
  local box, locker, address

  before_each(function()
    box = sandbox.new {}
    locker = clients.locker(box:transport())
    address = assert(locker.addresses:create { description = "shop" })
  end)

  it("is taken by every method", function()
    assert.equal(address.id, assert(locker.addresses:get(address)).id)
    assert.equal("other", assert(locker.addresses:update(address, { description = "other" })).description)
    assert.is_false(assert(locker.addresses:set_enabled(address, false)).enabled)
    assert.is_true(assert(locker.addresses:set_block_spam(address, true)).block_spam)
    assert.is_true(assert(locker.addresses:delete(address)))
    assert.is_nil(box:address(address.id))
  end)

  it("may come from a list", function()
    for each in locker.addresses:each() do assert(locker.addresses:delete(each)) end
    assert.equal(0, #box:addresses())
  end)

  it("must be one", function()
    box:add_subdomain(nil, { subdomain = "team" })
    local subdomain = assert(locker.subdomains:list())[1]
    assert.equal(address.id, subdomain.id)
    for _, other in ipairs { {}, { id = address.id }, subdomain, { address = "abcdef" }, { id = {}, address = "a" } } do
      for _, call in ipairs {
        function() locker.addresses:get(other) end,
        function() locker.addresses:delete(other) end,
        function() locker.addresses:update(other, { description = "x" }) end,
        function() locker.addresses:set_enabled(other, false) end,
        function() locker.addresses:set_block_spam(other, true) end,
      } do
        local ok, message = pcall(call)
        assert.is_false(ok)
        local wanted = "flags_spec.lua:%d+: locker.addresses.[%a_]+: argument 'id' must be an id or an address"
        assert.truthy(message:find(wanted), message)
      end
    end
    assert.truthy(box:address(address.id))
  end)
end)
