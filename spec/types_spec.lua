--- What editors and readers are told is what there is: the annotations in lua/locksmith/types and at the sandbox, the
--- README, and the code, which is asked for its options, fields, kinds, methods, results and events.

local annotations = require "spec.support.annotations"
local locksmith = require "locksmith"
local options = require "locksmith.options"
local sandbox = require "locksmith.sandbox"

local found = annotations.read {
  "lua/locksmith/types/clients.lua", "lua/locksmith/types/options.lua", "lua/locksmith/types/results.lua",
  "lua/locksmith/types/sandbox.lua", "lua/locksmith/sandbox/init.lua", "lua/locksmith/sandbox/people.lua",
  "lua/locksmith/sandbox/clients.lua",
}

local function fields_of(class) return annotations.all(found, "locksmith." .. class, "fields") end
local function methods_of(class)
  return annotations.all(found, class and "locksmith." .. class or "locksmith", "methods")
end

local function names_of(...)
  local names, seen = {}, {}
  for _, values in ipairs { ... } do
    for name in pairs(values) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
  end
  table.sort(names)
  return names
end

local LINK = { type = "url", target_url = "https://example.com/", password = "share-this-separately", memo = "Memo" }

describe("the annotations", function()
  --- Calls everything that takes options, and gives the tables that it checked them by.
  local function checked()
    local real, known = options.read, {}
    options.read = function(given, list, what)
      known[what] = known[what] or {}
      known[what][#known[what] + 1] = list
      return real(given, list, what)
    end
    local ok, problem = pcall(function()
      local box = sandbox.new { start_time = 1780000000 }
      local lockpub, locker = assert(box:lockpub()), assert(box:locker())
      local links, addresses, subdomains = lockpub.links, locker.addresses, locker.subdomains
      links:create(LINK, {})
      links:check(LINK, {})
      links:create_each({}, {})
      addresses:create({}, {})
      addresses:check({}, {})
      addresses:get(1, {})
      addresses:update(1, { description = "shop" }, {})
      addresses:set_enabled(1, true, {})
      addresses:set_block_spam(1, true, {})
      addresses:ensure("shop", {})
      assert(addresses:plan(function() end, {})):apply {}
      addresses:delete(1, {})
      subdomains:create("shop", {})
      subdomains:get(1, {})
      subdomains:update(1, "shops", {})
      subdomains:delete(1, {})
      subdomains:set_in_use(true, {})
      subdomains:in_use {}
      for _, list in ipairs { addresses, subdomains } do
        for _, verb in ipairs { "list", "pages", "each", "all" } do list[verb](list, {}, {}) end
      end
      locker:request({ method = "GET", path = "addresses" }, {})
      locksmith.parallel({}, print, {})
      pcall(locksmith.redis, { client = { eval = print, evalsha = print } })
      locksmith.file { path = "/nowhere" }
    end)
    options.read = real
    if not ok then error(problem, 0) end
    return known
  end

  local CLASSES = {
    ["locksmith.lockpub"] = { "ClientOptions" }, ["locksmith.locker"] = { "ClientOptions" },
    ["lockpub.links.create"] = { "CreateOptions" }, ["lockpub.links.check"] = { "CreateOptions" },
    ["lockpub.links.create_each"] = { "CreateEachOptions" },
    ["locker.addresses.ensure"] = { "EnsureOptions" }, ["locker.addresses.plan.apply"] = { "ApplyOptions" },
    ["locker.subdomains.update"] = { "ConfirmOptions" }, ["locker.subdomains.delete"] = { "ConfirmOptions" },
    ["locker.request"] = { "RequestFields", "CallOptions" },
    ["locksmith.parallel"] = { "ParallelOptions" }, ["locksmith.redis"] = { "RedisOptions" },
    ["locksmith.file"] = { "FileOptions" },
  }
  for _, list in ipairs { "addresses", "subdomains" } do
    for _, verb in ipairs { "pages", "each", "all" } do
      CLASSES["locker." .. list .. "." .. verb] = { "WalkQuery", "CallOptions" }
    end
    CLASSES["locker." .. list .. ".list"] = { "ListQuery", "CallOptions" }
  end

  it("name the options that there are", function()
    local known, asked = checked(), 0
    for what, lists in pairs(known) do
      local classes = CLASSES[what] or { "CallOptions" }
      for i, class in ipairs(classes) do
        assert.same(names_of(lists[i]), names_of(fields_of(class)), what .. ": " .. class)
      end
      asked = asked + 1
    end
    for what in pairs(CLASSES) do assert.truthy(known[what], what) end
    assert.is_true(asked >= 30, asked .. " were asked")
    assert.same(names_of(require("locksmith.sandbox.options").CHECKS), names_of(fields_of "SandboxOptions"))
  end)

  it("name the fields that a caller may set, in both spellings", function()
    local function settable(resource)
      local names = {}
      for _, field in ipairs(locksmith.fields(resource)) do
        names[field.name] = true
        if field.alias then names[field.alias] = true end
      end
      return names
    end
    assert.same(names_of(settable "link", { extra = true }), names_of(fields_of "LinkFields"))
    assert.same(names_of(settable "address"), names_of(fields_of "AddressChange"))
    for _, class in ipairs { "NewAddress", "WantedAddress", "Decision" } do
      for name in pairs(fields_of(class)) do assert.is_true(settable("address")[name], class .. "." .. name) end
    end
    assert.same({ "alias", "name", "type" }, names_of(fields_of "FieldInfo"))
  end)

  it("name the kinds, outcomes and sources of the core", function()
    local file = assert(io.open "csrc/core/error.c")
    local text = file:read "*a"
    file:close()
    local kinds, outcomes = {}, {}
    for kind in text:gmatch '%[LKS_KIND_[A-Z_]+%] = {"([a-z_]+)"' do kinds[kind] = true end
    for outcome in text:gmatch '%[LKS_[A-Z_]+%] = "([a-z_]+)"' do outcomes[outcome] = true end
    kinds.none, kinds.no_memory = nil, nil -- not for callers
    local annotated = {}
    for _, alias in ipairs { "Kind", "Outcome" } do
      for _, word in ipairs(found.aliases["locksmith." .. alias]) do annotated[word] = alias end
    end
    for word in ("local remote transport"):gmatch "[a-z]+" do
      assert.truthy(fields_of("Error").source.type:find('"' .. word .. '"', 1, true))
      annotated[word] = "source"
    end
    assert.same(names_of(kinds, outcomes), names_of(annotated))
  end)

  it("name the functions and methods that there are", function()
    local box = sandbox.new { start_time = 1780000000 }
    local lockpub, locker = assert(box:lockpub()), assert(box:locker())
    local plan = assert(locker.addresses:plan(function() end))
    local function methods(object) return debug.getmetatable(object).__index end
    for class, object in pairs { Lockpub = lockpub, Locker = locker, Links = lockpub.links, Plan = plan,
      Addresses = locker.addresses, Subdomains = locker.subdomains } do
      assert.same(names_of(methods(object)), names_of(methods_of(class)), class)
    end
    assert.same({ "addresses", "subdomains" }, names_of(fields_of "Locker"))
    assert.same({ "links" }, names_of(fields_of "Lockpub"))
    assert.same(names_of(locksmith), names_of(methods_of(), found.classes.locksmith.fields))
    assert.same(names_of(locksmith.store), names_of(fields_of "Stores"))
    local own = {}
    for name, value in pairs(methods(box)) do
      if type(value) == "function" then own[name] = true end
    end
    assert.same(names_of(own), names_of(methods_of "Sandbox"))
  end)

  --- That a value has no field but annotated ones, and all that it always has.
  local function check(class, value)
    local known = fields_of(class)
    for name in pairs(value) do
      if type(name) == "string" then assert.truthy(known[name], class .. "." .. name .. " is not annotated") end
    end
    for name, field in pairs(known) do
      local needed = not field.optional and name:find "^[%a_]" ~= nil -- [integer] stands for any number of them
      assert.is_true(value[name] ~= nil or not needed, class .. "." .. name .. " is not there")
    end
    return value
  end

  it("name what results hold", function()
    local box = sandbox.new { start_time = 1780000000 }
    local lockpub, locker = assert(box:lockpub()), assert(box:locker())
    local fields = { custom_slug = "summer", redirect_limit = 3, start_time = 1780000100, expire_time = 1780009999 }
    for name, value in pairs(LINK) do fields[name] = value end
    box:fault { status = 429, retry_after = 1 }
    local link, response = assert(lockpub.links:create(fields))
    local expected = fields_of "Link"
    for name in pairs(check("Link", link)) do expected[name] = nil end
    assert.same({}, names_of(expected))
    check("Response", response)
    check("Quota", check("Quota", response.quota) and assert(lockpub:quota()))
    check("Forecast", assert(lockpub:plan(3)))
    for _, attempt in ipairs(response.attempts) do check("Attempt", attempt) end
    local address, made = assert(locker.addresses:ensure "shop")
    check("Address", address)
    assert.is_true(check("Response", made).made)
    check("Attempt", made.attempts[1])
    check("Subdomain", assert(locker.subdomains:create "shopping"))
    check("KeyInfo", assert(locker:key_info()))
    local page = check("Page", assert(locker.addresses:list()))
    check("Address", page[1])
    local _, err = locker.addresses:get(99)
    assert.is_function(check("Error", err).raise)
    assert.same({ "raise" }, names_of(methods_of "Error"))
    local plan = check("Plan", assert(locker.addresses:plan(function() return { enabled = false } end)))
    check("PlannedChange", plan[1])
    check("Decision", plan[1].before)
    local function on_progress(progress) check("Progress", progress) end
    local report = check("Report", assert(plan:apply { on_progress = on_progress }))
    check("AppliedChange", report.applied[1])
    plan = assert(locker.addresses:plan(function() return { enabled = true } end))
    box:set_address(address.id, { description = "another" })
    check("SkippedChange", assert(plan:apply()).skipped[1])
    plan = assert(locker.addresses:plan(function() return { enabled = true } end))
    box:fault { method = "PUT", status = 422, body = "{}" }
    check("FailedChange", assert(plan:apply()).failed[1])
    for _, request in ipairs(box:requests()) do check("SandboxRequest", request) end
  end)

  it("name what events hold", function()
    local CLASS = { request = "RequestEvent", response = "ResponseEvent", retry = "RetryEvent", wait = "WaitEvent",
      error = "ErrorEvent", store_error = "StoreErrorEvent" }
    local events, seen = {}, {}
    local function on_event(event) events[#events + 1] = event end
    local box = sandbox.new { start_time = 1780000000 }
    local lockpub = assert(box:lockpub { on_event = on_event, rate = { { 1, 2 } } })
    box:fault { status = 429, retry_after = 1 }
    assert(lockpub.links:create(LINK))
    box:fault { kind = "tls" }
    assert.is_nil((lockpub.links:create(LINK, { max_retries = 0 })))
    local gone = { read = function() return nil, "gone" end, swap = function() return nil, "gone" end }
    assert(assert(box:lockpub { on_event = on_event, store = gone }).links:create(LINK))
    for _, event in ipairs(events) do
      seen[event.type] = true
      check(CLASS[event.type], event)
    end
    assert.same(names_of(CLASS), names_of(seen))
  end)

  it("name what transports, clocks and stores are asked", function()
    local requests = {}
    local box = sandbox.new { start_time = 1780000000 }
    local carry = box:transport()
    local locker = assert(box:locker { transport = function(request)
      requests[#requests + 1] = request
      return carry(request)
    end })
    assert(locker.addresses:create { description = "shop" })
    for _, request in ipairs(requests) do check("TransportRequest", request) end
    assert.same({ "now", "sleep" }, names_of(fields_of "Clock"))
    assert.same({ "read", "swap" }, names_of(fields_of "Store"))
    check("Clock", box:clock())
  end)
end)

describe("the README", function()
  local text
  do
    local file = assert(io.open "README.md")
    text = file:read "*a"
    file:close()
  end
  local reference = text:match "\n## Conventions\n.*$"

  --- Every name that stands in code, be it a block or a few words.
  local function named()
    local names = {}
    local function take(code)
      for name in code:gmatch "[%a_][%w_]*" do names[name] = true end
    end
    local prose = reference:gsub("```.-```", function(block)
      take(block)
      return ""
    end)
    for code in prose:gmatch "`([^`\n]*\n?[^`\n]*)`" do take(code) end
    return names
  end

  --- The names in the first column of the table whose heading begins so.
  local function rows_of(heading, section)
    local names, within = {}, section or reference
    local at = assert(select(2, within:find(heading .. "[^\n]*\n|[%-|]+\n")), heading)
    for row in within:sub(at + 1):gmatch "([^\n]*)\n" do
      if row:sub(1, 1) ~= "|" then break end
      for name in row:match("^| ([^|]*)"):gmatch "`([%w_]+)`" do names[name] = true end
    end
    return names
  end

  it("documents whatever is annotated", function()
    local names, missing, count = named(), {}, 0
    local function expect(class, list)
      for name in pairs(list) do
        count = count + 1
        if name:find "^[%a_]" and not names[name] then missing[#missing + 1] = class .. "." .. name end
      end
    end
    local spelled_twice = {}
    for _, field in ipairs(locksmith.fields "link") do
      if field.alias then spelled_twice[field.alias] = true end
    end
    for class, what in pairs(found.classes) do
      local fields = {}
      for name, field in pairs(what.fields) do
        if not (class == "locksmith.LinkFields" and spelled_twice[name]) then fields[name] = field end
      end
      expect(class, fields)
      expect(class, what.methods)
    end
    for alias, words in pairs(found.aliases) do
      for _, word in ipairs(words) do expect(alias, { [word] = true }) end
    end
    table.sort(missing)
    assert.same({}, missing)
    assert.is_true(count > 250, count .. " names")
  end)

  it("documents no option, kind, outcome or event that there is not", function()
    assert.same(names_of(options.CLIENT), names_of(rows_of "| option | default"))
    local function words(alias)
      local list = {}
      for _, word in ipairs(found.aliases["locksmith." .. alias]) do list[word] = true end
      return names_of(list)
    end
    local errors = reference:match "\n## Errors\n(.-)\n## "
    assert.same(words "Kind", names_of(rows_of("| kind | when", errors)))
    assert.same(words "Outcome", names_of(rows_of("| outcome |", errors)))
    local types = {}
    for class, what in pairs(found.classes) do
      local kind = class:find "Event$" and what.fields.type
      if kind then types[kind.type:match '"([a-z_]+)"'] = true end
    end
    assert.same(names_of(types), names_of(rows_of "| `type` |"))
  end)

  it("documents no method or function that there is not", function()
    local known, unknown, count = {}, {}, 0
    for name in pairs(string) do known[name] = true end -- of the command's expressions
    for _, class in pairs(found.classes) do
      for name in pairs(class.methods) do known[name] = true end
    end
    local function expect(list, name, code)
      count = count + 1
      if not list[name] then unknown[#unknown + 1] = code end
    end
    for code in reference:gmatch "`(:[%a_]+)" do expect(known, code:sub(2), code) end
    for object, name in text:gmatch "([%a_]+):([%a_]+)[ ({\"]" do
      if ("lockpub locker links addresses subdomains plan box client err"):find(object, 1, true) then
        expect(known, name, object .. ":" .. name)
      end
    end
    for name in text:gsub('"locksmith%.sandbox"', ""):gmatch "locksmith%.([%a_]+)[ ({\"]" do
      expect(locksmith, name, "locksmith." .. name)
    end
    assert.same({}, unknown)
    assert.is_true(count > 80, count .. " names")
  end)

  it("documents no option of a call that there is not", function()
    local known, unknown = {}, {}
    for class, what in pairs(found.classes) do
      if class:find "Options$" then
        for name in pairs(what.fields) do known[name] = true end
      end
    end
    for name in text:gmatch "opts%.([%a_]+)" do
      if not known[name] then unknown[#unknown + 1] = name end
    end
    assert.same({}, unknown)
  end)
end)
