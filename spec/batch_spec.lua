--- links:create_each in virtual time, where rows come one after the other.

local clients = require "spec.support.clients"
local journal = require "locksmith.journal"
local json = require "locksmith.json"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"
local virtual = require "spec.support.virtual"

local unpack = table.unpack or unpack

local function rows_of(n, with)
  local rows = {}
  for i = 1, n do
    rows[i] = clients.link_fields { target_url = "https://example.com/private/" .. i, password = "password-of-" .. i }
    for name, value in pairs(with or {}) do rows[i][name] = value end
  end
  return rows
end

describe("create_each", function()
  local box, clock, folder, path

  local function stage(options)
    clock = virtual.clock()
    local own = { clock = clock }
    for name, value in pairs(options or {}) do own[name] = value end
    box = sandbox.new(own)
  end

  before_each(function()
    stage()
    folder = shell.folder "batch"
    path = folder .. "/journal"
  end)
  after_each(function()
    collectgarbage()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  local function client(options)
    local own = { api_key = sandbox.LOCKPUB_KEY, transport = box:transport(), clock = clock, store = locksmith.memory(),
      random = function() return 0.5 end }
    for name, value in pairs(options or {}) do own[name] = value end
    return assert(locksmith.lockpub(own))
  end

  -- Runs to the end: results in their order, and what was raised.
  local function run(lockpub, rows, opts)
    local results = {}
    local ok, raised = pcall(function()
      for row, link, err, response in lockpub.links:create_each(rows, opts) do
        results[#results + 1] = { row = row, link = link, err = err, response = response }
      end
    end)
    return results, not ok and raised or nil
  end

  local function all(lockpub, rows, opts)
    local results, raised = run(lockpub, rows, opts)
    assert.is_nil(raised)
    return results
  end

  local function slugs_of(results)
    local slugs = {}
    for i, result in ipairs(results) do slugs[i] = result.link.slug end
    return slugs
  end

  local function requests() return box:count { method = "POST" } end

  describe("hands out each row", function()
    it("of an array, with its link and what is known of the call", function()
      local rows = rows_of(5)
      local results = all(client(), rows)
      assert.equal(5, #results)
      for i, result in ipairs(results) do
        assert.equal(rows[i], result.row)
        assert.equal(rows[i].target_url, result.link.target_url)
        assert.equal("https://lock.pub/" .. result.link.slug, result.link.short_url)
        assert.is_nil(result.err)
        assert.same({ 201, 1, nil }, { result.response.status, #result.response.attempts, result.response.journaled })
      end
      assert.equal(5, requests())
    end)

    it("of an iterator, asked when there is a place", function()
      local asked, handed, rows = 0, 0, rows_of(20)
      local function next_row()
        asked = asked + 1
        return rows[asked]
      end
      for row in client().links:create_each(next_row, { concurrency = 3, journal = path }) do
        assert.equal(rows[handed + 1], row)
        assert.is_true(asked - handed <= 3)
        handed = handed + 1
      end
      assert.equal(20, handed)
    end)

    it("of none", function()
      assert.same({}, all(client(), {}))
      assert.same({}, all(client(), function() end, { journal = path }))
      assert.equal(0, requests())
    end)

    it("with assert before it", function()
      local n = 0
      for _, link in assert(client().links:create_each(rows_of(3), { journal = path })) do
        assert.truthy(link.slug)
        n = n + 1
      end
      assert.equal(3, n)
    end)

    it("and goes on after the error of one", function()
      local rows = rows_of(6)
      rows[2].type = "page"
      rows[3].redirect_limit = 0.5
      rows[4].extra = { f = print }
      box:fault { method = "POST", skip = 1, fault = { status = 422, body = '{"message":"no such host"}' } }
      local results = all(client(), rows)
      local kinds = {}
      for i, result in ipairs(results) do kinds[i] = result.err and result.err.kind or "" end
      assert.same({ "", "invalid_request", "invalid_request", "invalid_request", "invalid_request", "" }, kinds)
      assert.matches("type must be", results[2].err.message)
      assert.equal("lockpub.links.create", results[2].err.operation)
      assert.is_nil(results[2].link)
      assert.matches("extra", results[4].err.message)
      assert.same({ "rejected", 26 }, { results[5].err.outcome, #results[5].err.slug })
    end)

    it("after its windows, however long they take and whatever time one call has", function()
      stage { rate = { { 20, 10 }, { 60, 60 } } }
      local results = all(client { timeout = 1 }, rows_of(150))
      for _, result in ipairs(results) do assert.is_nil(result.err) end
      assert.equal(150, #box:links())
      assert.equal(150, requests())
      assert.is_true(clock.now() - 1780000000 < 140)
    end)

    it("in the time that is given to one", function()
      stage { rate = { { 20, 10 } } }
      local results = all(client(), rows_of(25), { timeout = 1 })
      for i = 1, 20 do assert.truthy(results[i].link) end
      for i = 21, 25 do assert.same({ "would_wait", "not_sent" }, { results[i].err.kind, results[i].err.outcome }) end
      assert.equal(20, requests())
    end)

    it("with the options of a call", function()
      local opts = { pacing = "off", max_retries = 0, attempt_timeout = 3, allow_in_memo = true, concurrency = 1,
        ordered = true, timeout = 20 }
      local seen
      local lockpub = client { transport = function(request)
        seen = request.timeout
        return nil, { kind = "network", sent = true }
      end }
      local results = all(lockpub, { clients.link_fields { memo = "it is share-this-separately" } }, opts)
      assert.same({ "network", 1, 3 }, { results[1].err.kind, #results[1].err.attempts, seen })
    end)
  end)

  describe("names", function()
    it("a row by its fields and how often they came", function()
      local rows = rows_of(2)
      rows[3], rows[4] = rows[1], { type = "url", targetUrl = rows[1].target_url, memo = rows[1].memo,
        password = rows[1].password }
      local first = slugs_of(all(client(), rows))
      assert.equal(4, #box:links())
      assert.same(first, slugs_of(all(client(), rows)))
      -- The same rows in another order: the same links, of which these are alike.
      local second = slugs_of(all(client(), { rows[2], rows[4], rows[3], rows[1] }))
      assert.same({ first[2], first[1], first[3], first[4] }, second)
      assert.equal(4, #box:links())
    end)

    it("rows apart that differ in anything", function()
      local base = { extra = { a = { 1, "1", true }, b = "x" } }
      local rows = rows_of(1, base)
      for i, change in ipairs { { password = "another-password" }, { memo = "another" }, { redirect_limit = 3 },
        { expire_time = 1900000000 }, { extra = { a = { 1, "1", false }, b = "x" } },
        { extra = { a = { "1", 1, true }, b = "x" } }, { extra = { a = { 1, "1", true }, b = "x", c = {} } },
        { extra = { a = { 1, "1", true }, bb = "x" } },
        { type = "memo", target_url = false, secret_memo = "s" } } do
        rows[i + 1] = rows_of(1, base)[1]
        for name, value in pairs(change) do rows[i + 1][name] = value or nil end
      end
      local seen = {}
      for _, slug in ipairs(slugs_of(all(client(), rows))) do
        assert.is_nil(seen[slug])
        seen[slug] = true
      end
      -- Alone, so none is told from the others by how often it came.
      for i, row in ipairs(rows) do
        local again = all(client(), { row })
        assert.is_true(again[1].response.recovered, "row " .. i)
      end
      assert.equal(#rows, #box:links())
    end)

    it("a row as it was sent, however it was written", function()
      local one = rows_of(1, { expire_time = 1900000000, redirect_limit = 3 })[1]
      local other = { type = "url", link = one.target_url, password = one.password, memo = one.memo,
        redirectLimit = 3.0, expireTime = "2030-03-17T17:46:40Z" }
      assert.same(slugs_of(all(client(), { one })), slugs_of(all(client(), { other })))
    end)

    it("a row as the caller does, and as `idempotent` would", function()
      local lockpub = client()
      local function name(row) return "invoice " .. row.target_url:match "%d+$" end
      local results = all(lockpub, rows_of(3), { name = name })
      local link, response = lockpub.links:create(rows_of(2)[2], { idempotent = "invoice 2" })
      assert.same({ results[2].link.slug, true }, { link.slug, response.recovered })
      results = all(lockpub, rows_of(1), { name = function() return 3 end })
      assert.equal(lockpub.links:create(rows_of(1)[1], { idempotent = "3" }).slug, results[1].link.slug)
    end)

    it("a row by its own slug, without asking", function()
      local function name() error "asked" end
      local rows = rows_of(2)
      rows[1].custom_slug, rows[2].customSlug = "first", "second"
      assert.same({ "first", "second" }, slugs_of(all(client(), rows, { name = name })))
      local again = all(client(), rows, { name = name, journal = path })
      for _, result in ipairs(again) do assert.is_true(result.response.recovered) end
      assert.equal(2, #box:links())
    end)

    it("only what has a name", function()
      for _, name in ipairs { "", ("x"):rep(513), true, {}, false } do
        local results = all(client(), rows_of(2), { name = function() return name or nil end })
        assert.same({ "invalid_request", "not_sent" }, { results[1].err.kind, results[1].err.outcome })
        assert.matches("option 'name' must return a text of 1 to 512 bytes", results[2].err.message)
      end
      assert.equal(0, requests())
    end)

    it("no two rows of other fields alike", function()
      local rows = rows_of(3)
      rows[3] = rows[1]
      local results = all(client(), rows, { name = function() return "x" end })
      assert.truthy(results[1].link)
      assert.same({ "invalid_request", "not_sent" }, { results[2].err.kind, results[2].err.outcome })
      assert.matches("is that of a row before, whose fields are others", results[2].err.message)
      assert.equal(results[1].link.slug, results[3].link.slug)
      rows = rows_of(2, { custom_slug = "mine" })
      results = all(client(), rows)
      assert.same({ "mine", nil }, { results[1].link.slug, results[2].link })
      assert.matches("custom_slug is that of a row before", results[2].err.message)
      assert.equal(2, #box:links())
    end)
  end)

  describe("repeated with its journal", function()
    it("asks for nothing that is done", function()
      local rows = rows_of(5, { redirect_limit = 3, expire_time = 1790000000 })
      rows[5].custom_slug = "mine"
      local first = all(client(), rows, { journal = path })
      clock.sleep(1e8) -- the links have expired
      local events = 0
      local second = all(client { on_event = function() events = events + 1 end }, rows, { journal = path })
      assert.same({ 5, 0 }, { requests(), events })
      for i, result in ipairs(second) do
        assert.equal(rows[i], result.row)
        assert.is_true(result.response.journaled)
        assert.same({ headers = {}, attempts = {}, elapsed = 0, recovered = false, journaled = true }, result.response)
        for _, name in ipairs { "slug", "short_url", "id", "created_at", "type", "memo", "redirect_limit",
          "expire_time" } do
          assert.not_nil(first[i].link[name])
          assert.equal(first[i].link[name], result.link[name], name)
        end
        assert.is_nil(result.link.password)
        assert.is_nil(result.link.raw)
      end
    end)

    it("asks for what is not, and for what came since", function()
      local rows = rows_of(6)
      rows[2].type = "page"
      box:fault { method = "POST", skip = 2, times = 1, fault = { status = 500, body = "" } }
      local results = all(client(), rows, { journal = path })
      assert.same({ "invalid_request", "server_error" }, { results[2].err.kind, results[4].err.kind })
      assert.equal(5, requests())
      rows[2].type, rows[7] = "url", rows_of(7)[7]
      results = all(client(), rows, { journal = path })
      local journaled = {}
      for i, result in ipairs(results) do journaled[i] = result.response.journaled or false end
      assert.same({ true, false, true, false, true, true, false }, journaled)
      assert.same({ 8, 7 }, { requests(), #box:links() })
    end)

    it("makes no second link of one whose answer was lost, also with another key", function()
      local rows = rows_of(8)
      rows[8].custom_slug = "mine"
      box:fault { method = "POST", times = 100, fault = "drop_after" }
      local results = all(client(), rows, { journal = path, max_retries = 0 })
      for _, result in ipairs(results) do
        assert.same({ "network", "unknown" }, { result.err.kind, result.err.outcome })
      end
      box:clear_faults()
      local key = box:rotate()
      local lost = results
      results = all(client { api_key = key }, rows, { journal = path })
      for i, result in ipairs(results) do
        assert.is_true(result.response.recovered)
        assert.equal(lost[i].err.slug, result.link.slug)
      end
      assert.equal(8, #box:links())
      -- Those that were never sent have their slugs, too: they stood in the journal with the first.
      assert.equal(8, #all(client { api_key = key }, rows, { journal = path }))
      assert.equal(16, requests())
    end)

    it("knows short URLs that no answer of this run showed", function()
      local rows = rows_of(3)
      assert.equal(2, #all(client(), { rows[1], rows[2] }, { journal = path }))
      box:fault { method = "POST", fault = "drop_after" }
      local results = all(client(), rows, { journal = path })
      assert.is_true(results[3].response.recovered)
      assert.equal("https://lock.pub/" .. results[3].link.slug, results[3].link.short_url)
    end)

    it("hands out what a repeated name stands for without another request", function()
      local rows = rows_of(1)
      rows[2] = rows[1]
      local results = all(client(), rows, { journal = path, name = function() return "x" end })
      assert.same({ nil, true, 1 }, { results[1].response.journaled, results[2].response.journaled, requests() })
    end)

    it("tells what is begun before it is sent, and what is done before it is handed out", function()
      local rows, transport = rows_of(70), box:transport()
      local lockpub = client { transport = function(request)
        local _, sent = json.decode(request.body)
        assert.truthy(shell.read(path):find(('"slug":"%s"'):format(sent.customSlug), 1, true))
        return transport(request)
      end }
      for _, link in lockpub.links:create_each(rows, { journal = path }) do
        local found = false
        for line in io.lines(path) do
          local _, entry = json.decode(line)
          if entry.slug == link.slug and entry.done then found = true end
        end
        assert.is_true(found)
      end
    end)

    it("has no secret in it, nor what a link is for", function()
      local rows = rows_of(3, { memo = "memo-of-a-row", extra = { note = "extra-of-a-row" }, custom_slug = nil })
      rows[3] = { type = "memo", secret_memo = "secret-memo-of-a-row", password = "password-of-3",
        memo = "memo-of-a-row", extra = { shortUrl2 = "https://example.com/private/3" } }
      all(client { slug_secret = "slug-secret-of-all" }, rows, { journal = path,
        name = function(row) return "name-of-" .. row.memo .. row.password end })
      rows[4] = rows_of(4)[4]
      box:fault { method = "POST", times = 10, fault = "drop_after" }
      all(client { slug_secret = "slug-secret-of-all" }, rows, { journal = path })
      local text = shell.read(path)
      for _, secret in ipairs { "password", "memo", "extra", "example.com", "private", "name-of", "slug-secret",
        sandbox.LOCKPUB_KEY, "ll_live", "note" } do
        assert.is_nil(text:find(secret, 1, true), secret)
      end
      local keys = {}
      for key in text:gmatch '"([%w_]+)":' do keys[key] = true end
      assert.same({ journal = true, salt = true, row = true, slug = true, done = true, short_url = true, id = true,
        created_at = true }, keys)
    end)

    it("is refused while another run uses it", function()
      local first = client().links:create_each(rows_of(3), { journal = path })
      assert.truthy(first())
      local results, raised = run(client(), rows_of(3), { journal = path })
      assert.same({ {}, "invalid_request", "not_sent", "local", "lockpub.links.create_each" },
        { results, raised.kind, raised.outcome, raised.source, raised.operation })
      assert.equal(("journal %s: another run is using it"):format(path), raised.message)
      -- At once, not only when the loop begins.
      local ok = pcall(client().links.create_each, client().links, rows_of(3), { journal = path })
      assert.is_false(ok)
      assert.truthy(first() and first())
      assert.is_nil(first())
      assert.is_nil(first())
      assert.equal(3, #all(client(), rows_of(3), { journal = path }))
    end)

    it("is free once a loop was left", function()
      for row in client().links:create_each(rows_of(3), { journal = path }) do -- luacheck: ignore 512
        assert.truthy(row)
        break
      end
      assert.equal(3, #all(client(), rows_of(3), { journal = path }))
      assert.equal(3, #box:links())
    end)

    it("is refused when it cannot be one, with an event", function()
      local told = {}
      local lockpub = client { on_event = function(event) told[#told + 1] = event end }
      shell.write(path, "precious")
      os.execute("chmod 0600 " .. shell.quote(path))
      for _, place in ipairs { path, folder .. "/no/journal", folder } do
        local results, raised = run(lockpub, rows_of(1), { journal = place })
        assert.same({ {}, "invalid_request" }, { results, raised.kind })
        assert.matches("journal " .. place, raised.message, 1, true)
      end
      assert.equal("precious", shell.read(path))
      assert.same({ 3, "error", "invalid_request" }, { #told, told[1].type, told[1].kind })
      assert.equal(0, requests())
    end)
  end)

  describe("ends", function()
    local function ends_with(kind, done, results, raised)
      assert.is_true(locksmith.is_error(raised))
      assert.same({ kind, done }, { raised.kind, #results })
    end

    it("with what every further row would meet", function()
      for _, case in ipairs {
        { "forbidden", { status = 403, body = "{}" } }, { "plan_required", { status = 402, body = "{}" } },
        { "unauthenticated", { status = 401, body = "{}" } },
        { "quota_exceeded", { status = 429, headers = { ["x-api-quota-remaining"] = "0" }, body = "{}" } },
      } do
        stage()
        box:fault { method = "POST", skip = 3, times = 100, fault = case[2] }
        local results, raised = run(client(), rows_of(10), { journal = path })
        ends_with(case[1], 3, results, raised)
        assert.equal(4, requests())
        box:clear_faults()
        assert.equal(10, #all(client(), rows_of(10), { journal = path }))
        assert.equal(10, #box:links())
        os.remove(path)
      end
    end)

    it("when the quota is used up, and says when there is another", function()
      stage { quota = 4 }
      local results, raised = run(client(), rows_of(6))
      ends_with("quota_exceeded", 4, results, raised)
      assert.is_true(raised.retry_after > 0)
      assert.equal(4, requests()) -- the fifth was not even sent
    end)

    it("when the client was closed", function()
      local lockpub, n = client(), 0
      local ok, raised = pcall(function()
        for _ in lockpub.links:create_each(rows_of(10), { journal = path }) do
          n = n + 1
          lockpub:close()
        end
      end)
      assert.is_false(ok)
      assert.equal("closed", raised.kind)
      assert.is_true(n >= 1 and n <= 4)
      assert.equal(n, #box:links())
    end)

    it("when there is no transport, or no store that answers", function()
      local results, raised = run(client { on_store_error = "fail", store = { read = function() return nil, "down" end,
        swap = function() return nil, "down" end } }, rows_of(3))
      ends_with("store", 0, results, raised)
      assert.equal(0, requests())
      results, raised = run(client { transport = "resty" }, rows_of(3))
      ends_with("config", 0, results, raised)
    end)

    it("again with what ended it, and with nothing else", function()
      box:fault { method = "POST", times = 1, fault = { status = 403, body = "{}" } }
      local step = client().links:create_each(rows_of(10), { journal = path, concurrency = 1 })
      for _ = 1, 2 do
        local ok, raised = pcall(step)
        assert.same({ false, "forbidden" }, { ok, raised.kind })
      end
      assert.equal(1, requests())
      assert(journal.open(path)):close()
    end)

    it("when the journal cannot be written, after the row whose link there is", function()
      stage { rate = false }
      local rows, n, transport, open, book = rows_of(200), 0, box:transport(), journal.open, nil
      local lockpub = client { rate = false, transport = function(request)
        n = n + 1
        if n == 70 then book:close() end -- as with a full disk, nothing can be appended from here on
        return transport(request)
      end }
      function journal.open(...)
        book = assert(open(...))
        return book
      end
      local results, raised = run(lockpub, rows, { journal = path })
      journal.open = open
      ends_with("store", 70, results, raised)
      assert.equal(("journal %s: it is closed"):format(path), raised.message)
      assert.truthy(results[70].link)
      results = all(client { rate = false }, rows, { journal = path })
      assert.is_true(results[69].response.journaled)
      assert.is_true(results[70].response.recovered)
      assert.equal(200, #box:links())
    end)

    it("with what the caller's own functions raise", function()
      local function boom() error({ "boom" }, 0) end
      local results, raised = run(client(), rows_of(3), { name = boom })
      assert.same({ {}, { "boom" } }, { results, raised })
      results, raised = run(client(), boom, { journal = path })
      assert.same({ {}, { "boom" } }, { results, raised })
      results, raised = run(client(), rows_of(3), { on_progress = boom })
      assert.same({ {}, { "boom" } }, { results, raised })
      results, raised = run(client { clock = { now = boom, sleep = boom } }, rows_of(3))
      assert.same({ {}, { "boom" } }, { results, raised })
    end)
  end)

  describe("tells how far it is", function()
    local function watch(lockpub, rows, opts)
      local list = {}
      opts.on_progress = function(p)
        p.at = clock.now()
        list[#list + 1] = p
      end
      local results, raised = run(lockpub, rows, opts)
      return list, results, raised
    end

    it("with each row, before it is handed out", function()
      local rows, seen = rows_of(4), {}
      rows[2].type = "page"
      for row in client().links:create_each(rows, { on_progress = function(p) seen[#seen + 1] = p end }) do
        assert.equal(row, rows[#seen])
      end
      local figures = {}
      for i, p in ipairs(seen) do figures[i] = { p.done, p.failed, p.total } end
      assert.same({ { 1, 0, 4 }, { 1, 1, 4 }, { 2, 1, 4 }, { 3, 1, 4 } }, figures)
      assert.equal(0, seen[4].seconds_left)
    end)

    it("without an end for an iterator", function()
      local rows, n = rows_of(3), 0
      local list = watch(client(), function() n = n + 1 return rows[n] end, {})
      assert.same({ 3, 0, nil, nil }, { list[3].done, list[3].failed, list[3].total, list[3].seconds_left })
    end)

    it("with the end of an iterator whose rows were counted", function()
      local rows, n = rows_of(3), 0
      local list = watch(client(), function() n = n + 1 return rows[n] end, { total = 3 })
      assert.same({ 3, 0, 3, 0 }, { list[3].done, list[3].failed, list[3].total, list[3].seconds_left })
    end)

    it("and how long the rest will take, by the windows", function()
      stage { rate = { { 20, 10 }, { 60, 60 } } }
      local list = watch(client(), rows_of(150), {})
      assert.equal(150, #list)
      for i = 1, 150 do
        local took = list[150].at - list[i].at
        assert.is_true(math.abs(list[i].seconds_left - took) <= 0.2,
          ("row %d: %g s foreseen, %g s taken"):format(i, list[i].seconds_left, took))
      end
    end)

    it("and how long by the pace so far, where that is slower", function()
      stage { rate = false, delay = 2 }
      local list = watch(client { rate = false }, rows_of(10), {})
      for i = 1, 10 do assert.equal(list[10].at - list[i].at, list[i].seconds_left) end
      assert.equal(12, list[1].seconds_left)
    end)

    it("and when the quota lets it end", function()
      stage { quota = 30, quota_used = 20, rate = false }
      local list, results, raised = watch(client { rate = false }, rows_of(100), {})
      assert.same({ 10, "quota_exceeded" }, { #results, raised.kind })
      -- 90 more at 30 a month: after three resets.
      local months = { june = 1780272000, july = 1782864000, august = 1785542400 }
      assert.is_true(math.abs(list[10].seconds_left - (months.august - list[10].at)) < 1)
      assert.is_true(list[1].seconds_left >= list[10].seconds_left)
    end)

    it("without what the journal has already", function()
      stage { rate = { { 20, 10 }, { 60, 60 } } }
      local rows = rows_of(100)
      assert.equal(60, #all(client(), { unpack(rows, 1, 60) }, { journal = path }))
      clock.sleep(100)
      local list = watch(client(), rows, { journal = path })
      assert.is_true(math.abs(list[1].seconds_left - (list[100].at - list[1].at)) <= 0.2)
      assert.same({ 60, 40 }, { list[60].done, list[60].total - list[60].done })
      assert.is_true(math.abs(list[60].seconds_left - (list[100].at - list[60].at)) <= 0.2)
    end)
  end)
end)
