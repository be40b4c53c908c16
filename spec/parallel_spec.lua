--- locksmith.parallel over real sockets: a sandbox that takes its time shows what runs side by side.

local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local scheduler = require "locksmith.scheduler"
local server = require "spec.support.server"
local virtual = require "spec.support.virtual"

-- There a yield cannot leave an iterator of a for loop, nor a pcall.
local PLAIN_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

describe("the results of parallel", function()
  local function double(item) return 2 * item end

  local function results(items, work, opts)
    local seen = {}
    for item, value, err in locksmith.parallel(items, work, opts) do
      seen[#seen + 1] = { item = item, value = value, err = err }
    end
    return seen
  end

  it("are one for each item of an array, and of an iterator", function()
    for _, items in ipairs { { 1, 2, 3 }, (function()
      local n = 0
      return function() n = n + 1; return n <= 3 and n or nil end
    end)() } do
      local sum = 0
      for item, value, err in locksmith.parallel(items, double) do
        assert.equal(2 * item, value)
        assert.is_nil(err)
        sum = sum + value
      end
      assert.equal(12, sum)
    end
    assert.same({}, results({}, double))
  end)

  it("are what the work returned, false included, or what it raised", function()
    local raised = { "an object" }
    local seen = results({ 1, 2, 3, 4 }, function(item)
      if item == 1 then return false end
      if item == 2 then return nil, "refused" end
      error(item == 3 and raised or nil, 0)
    end, { ordered = true })
    assert.same({ item = 1, value = false }, seen[1])
    assert.same({ item = 2, err = "refused" }, seen[2])
    assert.equal(raised, seen[3].err)
    assert.is_nil(seen[4].value)
    local _, nothing = pcall(error, nil) -- Lua 5.5 puts words in its place
    assert.equal(nothing or "the work raised nil", seen[4].err)
  end)

  it("take items only when there is a place", function()
    local taken, handed = 0, 0
    local function items()
      taken = taken + 1
      return taken <= 20 and taken or nil
    end
    for _ in locksmith.parallel(items, double, { concurrency = 3 }) do
      assert.is_true(taken - handed <= 3)
      handed = handed + 1
    end
    assert.equal(20, handed)
  end)

  it("do not hold up what is at work, however long the caller looks at them", function()
    local went_on
    local next_result = locksmith.parallel({ 1, 2, 3 }, function(item)
      if item < 3 then return item end
      scheduler.sleep(0.001)
      went_on = true
    end)
    assert.equal(1, (next_result()))
    core.sleep(0.02)
    assert.equal(2, (next_result()))
    assert.is_true(went_on)
  end)

  it("may be asked for in a coroutine of the caller's, whose yields are its own", function()
    local loop = coroutine.wrap(function()
      for item in locksmith.parallel({ 1, 2, 3 }, double, { ordered = true }) do coroutine.yield(item) end
      return "the end"
    end)
    assert.same({ 1, 2, 3, "the end" }, { loop(), loop(), loop(), loop() })
  end)

  it("let yields of the work's own through to the coroutine around the loop", function()
    local loop = coroutine.wrap(function()
      local next_result = locksmith.parallel({ 1 }, function() return (coroutine.yield "outside") end)
      local _, value = next_result()
      return "got " .. value
    end)
    assert.equal("outside", loop())
    assert.equal("got in", loop "in")
  end)

  it("raise what the items raise", function()
    local ok, err = pcall(results, function() error("no items", 0) end, double)
    assert.is_false(ok)
    assert.equal("no items", err)
  end)

  it("are refused for what is no item list, work or option, at the caller's line", function()
    for _, arguments in ipairs {
      { nil, double, "items" }, { 7, double, "items" }, { {}, nil, "work" },
      { {}, double, "concurrency", concurrency = 0 }, { {}, double, "concurrency", concurrency = 1.5 },
      { {}, double, "ordered", ordered = 1 },
    } do
      local opts = { concurrency = arguments.concurrency, ordered = arguments.ordered }
      local ok, message = pcall(function() return locksmith.parallel(arguments[1], arguments[2], opts) end)
      assert.is_false(ok)
      assert.truthy(message:find("^[^:]*parallel_spec.lua:%d+: "), message)
      assert.truthy(message:find(arguments[3], 1, true), message)
    end
  end)

  it("come in the order of the items where that is asked for", function()
    local clock = virtual.clock()
    local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, clock = clock, store = locksmith.memory(),
      transport = virtual.transport({ clients.CREATED }, clock) })
    local n = 0
    for item, link, err in locksmith.parallel({ 1, 2, 3, 4, 5 }, function()
      return lockpub.links:create(clients.link_fields())
    end, { ordered = true, concurrency = 2 }) do
      n = n + 1
      assert.equal(n, item)
      assert.truthy(link, tostring(err))
    end
  end)
end)

if not server.available() then
  describe("calls side by side", function() pending "needs nginx with its Lua module" end)
  return
end

describe("calls side by side", function()
  local box

  lazy_setup(function() box = server.sandbox { delay = 0.15, rate = false, throttle = false } end)
  lazy_teardown(function() box:stop() end)

  --- A client that writes down what happens to its calls: "+" for a request, "-" for its answer.
  local function client(options)
    local story = {}
    local given = { api_key = sandbox.LOCKPUB_KEY, base_url = box.url, rate = false, store = locksmith.memory(),
      on_event = function(event)
        if event.type == "request" then story[#story + 1] = "+" end
        if event.type == "response" and event.attempt then story[#story + 1] = "-" end
      end }
    for name, value in pairs(options or {}) do given[name] = value end
    return assert(locksmith.lockpub(given)), story
  end

  local function create(lockpub)
    return function(i)
      return lockpub.links:create { type = "url", target_url = "https://example.com/" .. i, memo = "n " .. i,
        password = "share-separately" }
    end
  end

  local function links()
    return #box:call "links"
  end

  it("begin together, never more than wanted, and are all made", function()
    local lockpub, story = client()
    local before, made = links(), 0
    for _, link, err in locksmith.parallel({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, create(lockpub), { concurrency = 4 }) do
      assert.truthy(link, tostring(err))
      made = made + 1
    end
    assert.equal(9, made)
    assert.equal(before + 9, links())
    assert.equal("++++", table.concat(story, "", 1, 4))
    local running, most = 0, 0
    for _, what in ipairs(story) do
      running = running + (what == "+" and 1 or -1)
      most = math.max(most, running)
    end
    assert.equal(4, most)
  end)

  it("may be made by work that is done side by side itself", function()
    local lockpub, story = client()
    local total = 0
    for _, made, err in locksmith.parallel({ 1, 2 }, function()
      local n = 0
      for _, link in locksmith.parallel({ 1, 2, 3 }, create(lockpub)) do n = n + (link and 1 or 0) end
      return n
    end) do
      assert.is_nil(err)
      total = total + made
    end
    assert.equal(6, total)
    if not PLAIN_51 then assert.equal("++++++", table.concat(story, "", 1, 6)) end
  end)

  it("go on within pcall and the iterators of lists", function()
    local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = box.url })
    local lockpub = client()
    local n = 0
    for _, value, err in locksmith.parallel({ 1, 2, 3 }, function(item)
      if item == 1 then
        local ok, link = pcall(create(lockpub), item)
        return ok and link.short_url
      end
      local count = 0
      for _ in locker.addresses:each() do count = count + 1 end
      return "read " .. count
    end) do
      assert.truthy(value, tostring(err))
      n = n + 1
    end
    assert.equal(3, n)
  end)

  it("wait for their turn side by side", function()
    local lockpub, story = client { rate = { { 2, 0.4 } }, pacing_margin = 0 }
    local made = 0
    for _, link, err in locksmith.parallel({ 1, 2, 3 }, create(lockpub)) do
      assert.truthy(link, tostring(err))
      made = made + 1
    end
    assert.equal(3, made)
    assert.equal("++--", table.concat(story, "", 1, 4))
  end)

  it("end with the loop that is left, and no call goes on unseen", function()
    local lockpub = client()
    local ended, held = {}, setmetatable({}, { __mode = "k" })
    local function loop()
      local token = {}
      held[token] = true
      for _ in locksmith.parallel({ 1, 2, 3, 4, 5, 6 }, function(item) -- luacheck: ignore 512
        if item == 1 then return true end
        local link, err = create(lockpub)(item)
        if not link then ended[#ended + 1] = err end
        return link, err, token
      end, { concurrency = 2 }) do break end -- luacheck: ignore 512
    end
    local before = links()
    loop()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(held))
    assert.is_true(links() - before <= 2)
    local settled = links()
    assert(create(lockpub)(3)) -- the client is as good as before
    assert.equal(settled + 1, links())
    if _VERSION == "Lua 5.4" then
      assert.equal(1, #ended)
      for _, err in ipairs(ended) do
        assert.equal("closed", err.kind, tostring(err))
        assert.equal("unknown", err.outcome)
      end
    end
  end)

  it("end when their client is closed", function()
    local lockpub = client()
    local kinds = {}
    for item, _, err in locksmith.parallel({ 1, 2, 3 }, function(item)
      if item == 3 then return lockpub:close() or true end
      return create(lockpub)(item)
    end) do
      if item ~= 3 then kinds[#kinds + 1] = err and err.kind or "made" end
    end
    assert.same({ "closed", "closed" }, kinds)
  end)

  it("keep their deadlines", function()
    local lockpub = client { timeout = 0.05, max_retries = 0 }
    for _, link, err in locksmith.parallel({ 1, 2, 3 }, create(lockpub)) do
      assert.is_nil(link)
      assert.equal("timeout", err.kind)
      assert.equal("unknown", err.outcome)
    end
  end)

  it("block in a coroutine that belongs to no loop", function()
    local lockpub = client()
    local made = coroutine.wrap(function() return create(lockpub)(1) end)()
    assert.truthy(made.short_url)
  end)
end)
