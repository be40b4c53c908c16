--- What a duplicate-slug answer proves, by whose slug it is.

local clients = require "spec.support.clients"
local json = require "locksmith.json"
local locksmith = require "locksmith"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local virtual = require "spec.support.virtual"

local LOST = { kind = "network", sent = true, message = "cut" }
local TAKEN = { status = 409, body = '{"code":"SLUG_TAKEN","message":"customSlug is already in use"}' }
local BUSY = { status = 429, headers = { ["retry-after"] = "1" }, body = "{}" }
local UNSENT = { kind = "connect", sent = false, message = "refused" }

local unpack = table.unpack or unpack

local function create(script, slug, idempotent, options)
  local lockpub, requests = clients.lockpub(script, options)
  local link, result = lockpub.links:create(clients.link_fields { custom_slug = slug or false },
    { idempotent = idempotent })
  return link, result, requests
end

local function slug_of(request)
  return select(2, json.decode(request.body)).customSlug
end

local function named_with(secret, name)
  local _, _, requests = create({ clients.CREATED }, nil, name, { slug_secret = secret })
  return slug_of(requests[1])
end

describe("a duplicate-slug answer", function()
  for _, case in ipairs {
    -- slug, idempotent, script, then what comes of it
    { "mine", nil, { TAKEN }, "conflict", "rejected" },
    { "mine", nil, { BUSY, TAKEN }, "conflict", "rejected" },
    { "mine", nil, { UNSENT, TAKEN }, "conflict", "rejected" },
    { "mine", nil, { LOST, TAKEN }, "conflict", "unknown" },
    { "mine", nil, { { status = 502, body = "" }, TAKEN }, "conflict", "unknown" },
    { "mine", nil, { LOST, BUSY, TAKEN }, "conflict", "unknown" },
    { "mine", false, { LOST, TAKEN }, "conflict", "unknown" },
    { nil, true, { LOST, TAKEN } },
    { nil, true, { BUSY, LOST, TAKEN } },
    { nil, true, { TAKEN }, "conflict", "rejected" },
    { "mine", true, { TAKEN } },
    { "mine", true, { LOST, TAKEN } },
    { nil, "invoice-4711", { TAKEN } },
    { nil, "invoice-4711", { LOST, TAKEN } },
    { nil, "invoice-4711", { UNSENT, TAKEN } },
  } do
    local slug, idempotent, script, kind, outcome = case[1], case[2], case[3], case[4], case[5]
    local meaning = kind and kind .. ", " .. outcome or "success"
    local shown = { meaning, tostring(slug), tostring(idempotent), #script }
    it(("means %s to slug %s, idempotent %s, in answer %d"):format(unpack(shown)), function()
      local link, result, requests = create(script, slug, idempotent, { max_retries = 3 })
      assert.equal(#script, #requests)
      local sent = slug_of(requests[1])
      assert.equal("string", type(sent))
      assert.equal(slug or sent, sent)
      for _, request in ipairs(requests) do assert.equal(sent, slug_of(request)) end
      if kind then
        assert.is_nil(link)
        assert.same({ kind, outcome, sent }, { result.kind, result.outcome, result.slug })
          local says_both = result.message:find("answer was lost", 1, true) and result.message:find "somebody else"
        assert.equal(outcome == "unknown", says_both ~= nil)
      else
        assert.is_true(result.recovered)
        assert.equal(sent, link.slug)
        assert.is_nil(link.raw)
        assert.is_nil(link.password)
      end
    end)
  end

  it("does not make a used-up quota of a conflict that proves nothing", function()
    local spent = { status = 409, headers = { ["x-api-quota-remaining"] = "0" }, body = TAKEN.body }
    local _, err = create({ LOST, spent }, "mine")
    assert.same({ "conflict", "unknown" }, { err.kind, err.outcome })
  end)
end)

describe("every error of a create that carried a slug", function()
  it("has the slug", function()
    for name, case in pairs {
      lost = { { LOST, LOST, LOST } }, refused = { { { status = 400, body = "{}" } } },
      unauthenticated = { { { status = 401, body = "{}" } } }, unsent = { { UNSENT } },
      html = { { { status = 200, body = "<html>" } } }, list = { { { status = 201, body = "5" } } },
      quota = { { { status = 403, headers = { ["x-api-quota-remaining"] = "0" }, body = "{}" } } },
    } do
      local _, err, requests = create(case[1], nil, true)
      assert.equal(slug_of(requests[1]), err.slug, name)
      _, err = create(case[1], "mine", nil)
      assert.equal("mine", err.slug, name)
    end
  end)

  it("has it, too, when the call was refused here", function()
    local closed = clients.lockpub({})
    closed:close()
    local _, err = closed.links:create(clients.link_fields { custom_slug = "mine" })
    assert.same({ "closed", "mine" }, { err.kind, err.slug })
    local paced = clients.lockpub({ clients.CREATED, clients.CREATED }, { pacing = "fail", rate = { { 1, 10 } } })
    assert(paced.links:create(clients.link_fields()))
    _, err = paced.links:create(clients.link_fields(), { idempotent = "x" })
    assert.equal("would_wait", err.kind)
    assert.equal(26, #err.slug)
  end)

  it("has it, too, when fields were refused, where it is one", function()
    local lockpub = clients.lockpub {}
    for slug, expected in pairs { mine = "mine", ["a/b"] = false, ab = false, [("a"):rep(31)] = false } do
      for _, name in ipairs { "custom_slug", "customSlug" } do
        local _, err = lockpub.links:create(clients.link_fields { password = "", [name] = slug })
        assert.equal(expected or nil, err.slug)
      end
    end
    local _, err = lockpub.links:create(clients.link_fields { custom_slug = "mine", extra = { f = print } })
    assert.same({ "invalid_request", "mine" }, { err.kind, err.slug })
    _, err = lockpub.links:create(clients.link_fields { extra = { f = print } }, { idempotent = "x" })
    assert.equal(26, #err.slug)
    _, err = lockpub.links:create(clients.link_fields { custom_slug = "mine" }, { idempotent = "x" })
    assert.equal("mine", err.slug)
    assert.is_nil(select(2, lockpub.links:create(clients.link_fields { custom_slug = 5 })).slug)
  end)

  it("can be repeated with it", function()
    local box = sandbox.new { plan = "premium" }
    local inner, lose = box:transport(), true
    local lockpub = clients.lockpub(function(request)
      local response, failure = inner(request)
      if lose then return nil, LOST end
      return response, failure
    end, { max_retries = 0 })
    local _, err = lockpub.links:create(clients.link_fields(), { idempotent = true })
    assert.equal("unknown", err.outcome)
    lose = false
    local link, response = lockpub.links:create(clients.link_fields { custom_slug = err.slug }, { idempotent = true })
    assert.equal(err.slug, link.slug)
    assert.is_true(response.recovered)
  end)
end)

describe("the slug of a named link", function()
  local function named(name, options)
    local _, _, requests = create({ clients.CREATED }, nil, name, options)
    return slug_of(requests[1])
  end

  it("is the same for the same name and secret, and no other", function()
    local slug = named "invoice-4711"
    assert.truthy(slug:find "^[a-z][a-z2-7]+$" and #slug == 26)
    assert.equal(slug, named "invoice-4711")
    assert.not_equal(slug, named "invoice-4712")
    assert.not_equal(slug, named("invoice-4711", { slug_secret = "other" }))
    assert.equal(named("a", { slug_secret = "s" }), named("a", { slug_secret = function() return "s" end }))
    assert.equal(slug, named("invoice-4711", { slug_secret = sandbox.LOCKPUB_KEY }))
    assert.equal(slug, named("invoice-4711", { api_key = function() return sandbox.LOCKPUB_KEY end }))
  end)

  it("takes any bytes, 1 to 512", function()
    for _, name in ipairs { "x", ("y"):rep(512), "\0", "a\0b", "\255\254", "mit Umlaut ä" } do
      assert.equal(26, #named(name))
    end
    assert.not_equal(named "a\0b", named "a")
    for _, name in ipairs { "", ("y"):rep(513) } do
      local link, err, requests = create({ clients.CREATED }, nil, name)
      assert.is_nil(link)
      assert.same({ "invalid_request", "not_sent", 0 }, { err.kind, err.outcome, #requests })
    end
  end)

  it("is the same in another process", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local file = assert(io.open(path, "w"))
    file:write [[
      local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
      local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, store = locksmith.memory(),
        transport = function(request)
          io.write(request.body:match '"customSlug":"([^"]*)"', "\n")
          return { status = 201, body = "{}" }
        end })
      assert(lockpub.links:create({ type = "url", target_url = "https://x.example", password = "secret!", memo = "m" },
        { idempotent = "invoice-4711" }))
    ]]
    file:close()
    local output = process.run(path, {})
    assert.equal(named "invoice-4711" .. "\n", output)
  end)

  it("does not go with a custom_slug", function()
    local link, err, requests = create({ clients.CREATED }, "mine", "invoice-4711")
    assert.is_nil(link)
    assert.same({ "invalid_request", 0 }, { err.kind, #requests })
    assert.truthy(err.message:find("custom_slug", 1, true))
  end)

  it("stays when the key is rotated within the call", function()
    local keys = { sandbox.LOCKPUB_KEY, sandbox.LOCKPUB_KEY .. "2" }
    local link, _, requests = create({ { status = 401, body = "{}" }, clients.CREATED }, nil, "invoice-4711",
      { api_key = function() return table.remove(keys, 1) end })
    assert.truthy(link)
    assert.equal(2, #requests)
    assert.equal(slug_of(requests[1]), slug_of(requests[2]))
    assert.equal(named "invoice-4711", slug_of(requests[2]))
  end)

  it("is not made when its secret cannot be had", function()
    for _, case in ipairs {
      { { slug_secret = function() error("vault sealed", 0) end }, "the slug_secret function failed: vault sealed" },
      { { slug_secret = function() return nil, "none" end }, "the slug_secret function returned nothing: none" },
      { { slug_secret = function() return 5 end }, "must return a text" },
      { { slug_secret = function() return "" end }, "must return a text" },
      { { api_key = function() error("vault sealed", 0) end }, "the key function failed: vault sealed" },
    } do
      local link, err, requests = create({ clients.CREATED }, nil, "x", case[1])
      assert.is_nil(link)
      assert.equal(0, #requests)
      assert.truthy(err.message:find(case[2], 1, true), err.message)
    end
    local client, err = locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, slug_secret = "" }
    assert.is_nil(client)
    assert.equal("invalid_request", err.kind)
  end)

  it("asks a slug_secret function once, and lets it yield", function()
    local asked = 0
    local lockpub = clients.lockpub({ clients.CREATED, clients.CREATED }, { slug_secret = function()
      asked = asked + 1
      return coroutine.yield "which"
    end })
    local thread = coroutine.wrap(function()
      assert(lockpub.links:create(clients.link_fields(), { idempotent = "a" }))
      return assert(lockpub.links:create(clients.link_fields(), { idempotent = "b" }))
    end)
    assert.equal("which", thread())
    assert.truthy(thread "s")
    assert.equal(1, asked)
  end)
end)

describe("the secret of named links", function()
  local fields = clients.link_fields

  it("is asked for within the timeout of the call", function()
    for _, option in ipairs { "slug_secret", "api_key" } do
      local clock
      local lockpub, requests
      lockpub, requests, clock = clients.lockpub({ clients.CREATED }, { [option] = function()
        clock.sleep(60)
        return sandbox.LOCKPUB_KEY
      end })
      local link, err = lockpub.links:create(fields(), { idempotent = "x", timeout = 5 })
      assert.is_nil(link)
      assert.same({ "timeout", "not_sent", 0 }, { err.kind, err.outcome, #requests })
      assert.equal(26, #err.slug)
      assert(lockpub.links:create(fields(), { idempotent = "x", timeout = 5 }))
    end
  end)

  it("is asked for once, however many calls wait for it", function()
    for _, option in ipairs { "slug_secret", "api_key" } do
      local asked, clock = 0, virtual.clock()
      local sleep = clock.sleep
      function clock.sleep(seconds)
        sleep(seconds)
        coroutine.yield()
      end
      local lockpub, requests = clients.lockpub({ clients.CREATED }, { clock = clock, [option] = function()
        asked = asked + 1
        coroutine.yield()
        return sandbox.LOCKPUB_KEY
      end })
      local threads = {}
      for i = 1, 4 do
        threads[i] = coroutine.create(function()
          assert(lockpub.links:create(fields(), { idempotent = "x" .. i }))
        end)
      end
      local running = true
      while running do
        running = false
        for _, thread in ipairs(threads) do
          if coroutine.status(thread) ~= "dead" then
            running = true
            assert(coroutine.resume(thread))
          end
        end
      end
      assert.same({ 1, 4 }, { asked, #requests })
    end
  end)

  it("is asked for again after it could not be had", function()
    local asked = 0
    local lockpub = clients.lockpub({ clients.CREATED }, { slug_secret = function()
      asked = asked + 1
      if asked == 1 then error "sealed" end
      return "s"
    end })
    assert.is_nil((lockpub.links:create(fields(), { idempotent = "x" })))
    assert(lockpub.links:create(fields(), { idempotent = "x" }))
    assert(lockpub.links:create(fields(), { idempotent = "y" }))
    assert.equal(2, asked)
  end)

  it("is not asked for where no name needs it", function()
    local lockpub = clients.lockpub({ clients.CREATED }, { slug_secret = function() error "asked" end })
    assert(lockpub.links:create(fields()))
    assert(lockpub.links:create(fields(), { idempotent = true }))
    assert(lockpub.links:create(fields { custom_slug = "mine" }, { idempotent = true }))
    assert.is_nil((lockpub.links:create(fields { password = "" }, { idempotent = "x" })))
  end)

  it("does not wait for itself", function()
    local lockpub, requests, inner
    lockpub, requests = clients.lockpub({ clients.CREATED }, { slug_secret = function()
      inner = select(2, lockpub.links:create(fields(), { idempotent = "inner" }))
      return "s"
    end })
    assert(lockpub.links:create(fields(), { idempotent = "outer" }))
    assert.same({ "invalid_request", "not_sent", 1 }, { inner.kind, inner.outcome, #requests })
    assert.truthy(inner.message:find("slug_secret", 1, true))
  end)

  it("is of no use to a client that its function closed", function()
    for _, option in ipairs { "slug_secret", "api_key" } do
      local lockpub, requests
      lockpub, requests = clients.lockpub({ clients.CREATED }, { [option] = function()
        lockpub:close()
        return sandbox.LOCKPUB_KEY
      end })
      local _, err = lockpub.links:create(fields(), { idempotent = "x" })
      assert.same({ "closed", "not_sent", 0 }, { err.kind, err.outcome, #requests })
    end
  end)

  it("gives another key, another slug; with a secret of its own a key may change", function()
    local function named(options)
      local _, _, requests = create({ clients.CREATED }, nil, "x", options)
      return slug_of(requests[1])
    end
    local other = sandbox.LOCKPUB_KEY .. "2"
    assert.not_equal(named {}, named { api_key = other })
    assert.equal(named { slug_secret = "s" }, named { slug_secret = "s", api_key = other })
    -- Known from another implementation, so that no machine may come to another.
    assert.equal("xdihwxzqwlzvthnkeuhgfdl6mz", named_with("ll_live_key", "invoice-4711"))
  end)
end)

describe("links:check", function()
  it("refuses what create would, and sends nothing", function()
    local lockpub, requests = clients.lockpub({ clients.CREATED }, { slug_secret = function() error "asked" end })
    local function check(with, opts) return lockpub.links:check(clients.link_fields(with), opts) end
    assert.is_true(check())
    assert.is_true(check(nil, { idempotent = "x" }))
    assert.is_true(check({ password = "2026", memo = "Invoice 2026-11" }, { allow_in_memo = true }))
    for _, case in ipairs {
      { { password = "" } }, { { password = "2026", memo = "Invoice 2026-11" } }, { { expire_time = 1 } },
      { { custom_slug = "a/b" } }, { { extra = { f = print } } }, { nil, { idempotent = "" } },
      { { custom_slug = "mine" }, { idempotent = "x" } },
    } do
      local ok, err = check(case[1], case[2])
      local _, other = lockpub.links:create(clients.link_fields(case[1]), case[2])
      assert.is_nil(ok)
      assert.same({ other.kind, other.outcome, other.source, other.message, other.slug },
        { err.kind, err.outcome, err.source, err.message, err.slug })
      assert.equal("lockpub.links.check", err.operation)
    end
    assert.equal(0, #requests)
    local ok, message = pcall(function() lockpub.links:check "url" end)
    assert.is_false(ok)
    assert.truthy(message:find "exactly_once_spec.lua:%d+: .*'fields' must be a table")
  end)
end)

describe("a recovered link", function()
  local function made(slug, url)
    return { status = 201, body = json.encode { slug = slug, shortUrl = url } }
  end

  local function recover(...)
    local lockpub = clients.lockpub { ... }
    for _ = 1, select("#", ...) - 1 do assert(lockpub.links:create(clients.link_fields())) end
    return assert(lockpub.links:create(clients.link_fields { custom_slug = "mine", redirect_limit = 3,
      expire_time = "2100-01-01T00:00:00Z" }, { idempotent = true }))
  end

  it("has its short_url where an earlier answer showed how they are made", function()
    assert.equal("https://lock.pub/mine", recover(made("abc", "https://lock.pub/abc"), TAKEN).short_url)
    assert.equal("https://l.pub/x/mine", recover(made("abc", "https://l.pub/x/abc"), TAKEN).short_url)
  end)

  it("has none where that is not certain", function()
    assert.is_nil(recover(TAKEN).short_url)
    assert.is_nil(recover(made("abc", "https://lock.pub/other"), TAKEN).short_url)
    assert.is_nil(recover(made("abc", "https://lock.pub/xabc"), TAKEN).short_url)
    assert.is_nil(recover(made("abc", "https://lock.pub/abc"), made("abd", "https://lp.example/abd"), TAKEN).short_url)
    assert.is_nil(recover(made(nil, "https://lock.pub/abc"), TAKEN).short_url)
  end)

  it("has what is known, in the types of any link", function()
    local link = recover(TAKEN)
    assert.same({ "url", "mine", 3, 4102444800, "Client contract" },
      { link.type, link.slug, link.redirect_limit, link.expire_time, link.memo })
    assert.equal("4102444800", tostring(link.expire_time))
  end)
end)
