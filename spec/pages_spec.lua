local clients = require "spec.support.clients"
local json = require "locksmith.json"
local lists = require "spec.support.lists"
local sandbox = require "locksmith.sandbox"

local service, range, joined, without, collect = lists.service, lists.range, lists.joined, lists.without, lists.collect

describe("addresses:list", function()
  it("gives one page with its place in the list", function()
    local state = { ids = range(25) }
    local locker = clients.locker(service(state))
    local page, response = locker.addresses:list { page = 2, size = 10 }
    assert.equal(10, #page)
    assert.equal(11, page[1].id)
    assert.equal(25, page.count)
    assert.equal(2, page.page)
    assert.is_true(page.has_next)
    assert.equal(200, response.status)
    assert.same({ page = "2", paging = "1", size = "10" }, state.requests[1])
  end)

  it("gives everything for paging = false", function()
    local locker = clients.locker(service { ids = range(25) })
    local page = assert(locker.addresses:list { paging = false })
    assert.equal(25, #page)
    assert.equal(25, page.count)
    assert.is_false(page.has_next)
  end)

  it("asks for the last page by word", function()
    local box = sandbox.new { plan = "premium" }
    local locker = clients.locker(box:transport())
    for _ = 1, 5 do assert(locker.addresses:create()) end
    local page = assert(locker.addresses:list { page = "last", size = 2 })
    assert.equal(1, #page)
    assert.equal(3, page.page)
  end)

  it("is empty, not broken, for an empty list", function()
    for _, paging in ipairs { true, false } do
      local locker = clients.locker(service { ids = {} })
      assert.equal(0, #assert(locker.addresses:list { paging = paging }))
    end
  end)

  it("refuses an answer that is no list", function()
    for _, body in ipairs { "{}", '{"results":[]}', '{"count":1,"results":"x"}', '"x"', "<html>" } do
      local locker = clients.locker { { status = 200, body = body } }
      local page, err = locker.addresses:list()
      assert.is_nil(page)
      assert.equal("bad_response", err.kind)
    end
  end)

  it("raises for an unknown or mistyped parameter", function()
    local locker = clients.locker(service { ids = {} })
    for _, q in ipairs { { pag = 1 }, { page = 0 }, { page = "2" }, { size = 1.5 }, { paging = "no" } } do
      local ok, message = pcall(function() locker.addresses:list(q) end)
      assert.is_false(ok)
      assert.truthy(message:find "pages_spec.lua:%d+: locker.addresses.list: option '")
    end
  end)
end)

describe("each and all", function()
  it("read everything from one consistent answer", function()
    local state = { ids = range(250) }
    local locker = clients.locker(service(state))
    assert.equal(joined(range(250)), joined(collect(locker.addresses:each())))
    assert.equal(1, #state.requests)
    assert.equal(250, #assert(locker.addresses:all()))
  end)

  it("go through pages where the service knows no snapshot", function()
    local state = { ids = range(250), no_snapshot = true }
    local locker = clients.locker(service(state))
    assert.equal(joined(range(250)), joined(collect(locker.addresses:each())))
  end)

  it("go through pages when everything at once is too large", function()
    local state = { ids = range(250) }
    local locker = clients.locker(service(state), { max_response_bytes = 4000 })
    assert.equal(joined(range(250)), joined(collect(locker.addresses:each())))
  end)

  for _, mode in ipairs { { "snapshot" }, { "pages", 10 }, { "pages without snapshot", 10, true } } do
    local name, size, no_snapshot = mode[1], mode[2], mode[3]

    it("visit everything while the loop deletes what it visits: " .. name, function()
      local state = { ids = range(45), no_snapshot = no_snapshot }
      local locker = clients.locker(service(state))
      local visited = 0
      for item in locker.addresses:each(size and { size = size }) do
        without(state.ids, item.id)
        visited = visited + 1
      end
      assert.equal(45, visited)
    end)

    it("neither skip nor repeat what stays while others create and delete: " .. name, function()
      for seed = 1, 40 do
        local random = seed
        local function draw(n)
          random = (random * 16807) % 2147483647
          return random % n + 1
        end
        local next_id, stays = 61, {}
        local state = { ids = range(60), no_snapshot = no_snapshot }
        for i = 1, 60, 3 do stays[i] = true end
        state.on_request = function(self)
          for _ = 1, draw(4) - 1 do
            local victim = self.ids[draw(#self.ids)]
            if not stays[victim] then without(self.ids, victim) end
            self.ids[#self.ids + 1] = next_id
            next_id = next_id + 1
          end
        end
        local locker = clients.locker(service(state))
        local _, seen = collect(locker.addresses:each(size and { size = size }))
        for id in pairs(stays) do assert.is_true(seen[id], ("seed %d: %d was skipped"):format(seed, id)) end
      end
    end)
  end

  it("read a service that ignores size and gives short pages", function()
    local state = { ids = range(95), size = 10 }
    local locker = clients.locker(service(state))
    assert.equal(95, #collect(locker.addresses:each { size = 50 }))
  end)

  it("read a service that answers other page sizes than asked", function()
    for seed = 1, 30 do
      local state = { ids = range(95), leak = function(n) return (n * seed) % 3 == 0 and 7 or nil end }
      local locker = clients.locker(service(state))
      assert.equal(95, #collect(locker.addresses:each { size = 20 }), "seed " .. seed)
    end
  end)

  it("never follow the service's own links", function()
    local urls = {}
    local inner = service { ids = range(30) }
    local locker = clients.locker(function(request)
      urls[#urls + 1] = request.url
      return inner(request)
    end)
    collect(locker.addresses:each { size = 10 })
    for _, url in ipairs(urls) do assert.truthy(url:find("https://api.locker.io/v3/relay/addresses?", 1, true)) end
  end)

  it("end a list that repeats or never ends in an error", function()
    local function page(first, count)
      local items = {}
      for i = 1, 10 do items[i] = { id = first + i } end
      return { status = 200, body = json.encode { count = count, next = "x", results = items } }
    end
    local n = 0
    for _, answer in ipairs {
      function() return page(0, 1000) end,
      function() n = n + 1 return page(n * 10, 25) end,
      function() return { status = 200, body = '{"count":9,"next":"x","results":[]}' } end,
      -- Always new items, and a count that keeps up.
      function() n = n + 1 return page(n * 10, n * 10 + 1000) end,
    } do
      local locker, requests = clients.locker { answer }
      local ok, err = pcall(collect, locker.addresses:each { size = 10 })
      assert.is_false(ok)
      assert.equal("bad_response", err.kind)
      assert.is_true(#requests < 500)
    end
  end)

  it("do not take an early end for the whole", function()
    local locker = clients.locker { { status = 200, body = '{"count":25,"next":null,"results":[{"id":1}]}' } }
    local ok, err = pcall(collect, locker.addresses:each { size = 10 })
    assert.is_false(ok)
    assert.equal("bad_response", err.kind)
    assert.truthy(err.message:find "counts 25 items, but only 1")
  end)

  it("raise the error object in the loop, and go on from what it carries", function()
    local state = { ids = range(35) }
    local inner, failing = service(state), true
    local locker = clients.locker(function(request)
      if failing and request.url:find "page=3" then return { status = 500, headers = {}, body = "{}" } end
      return inner(request)
    end, { max_retries = 0 })
    local got = {}
    local ok, err = pcall(function()
      for item in locker.addresses:each { size = 10 } do got[#got + 1] = item.id end
    end)
    assert.is_false(ok)
    assert.equal("server_error", err.kind)
    assert.equal(20, #got)
    failing = false
    for item in locker.addresses:each(err.resume) do got[#got + 1] = item.id end
    assert.equal(joined(range(35)), joined(got))
  end)

  it("report a count that no list can have", function()
    for _, count in ipairs { "1e300", "1.5" } do
      local body = ('{"count":%s,"next":null,"previous":null,"results":[{"id":1,"address":"a1"}]}'):format(count)
      local locker = clients.locker(function() return { status = 200, headers = {}, body = body } end)
      local items, err = locker.addresses:all()
      assert.is_nil(items)
      assert.equal("bad_response", err.kind)
      assert.truthy(err.message:find("only 1 could be read", 1, true))
    end
  end)

  it("return the error from all", function()
    local locker = clients.locker({ { status = 500, body = "{}" } }, { max_retries = 0 })
    local items, err = locker.addresses:all()
    assert.is_nil(items)
    assert.equal("server_error", err.kind)
  end)

  it("begin in the middle when asked to", function()
    local locker = clients.locker(service { ids = range(25) })
    assert.equal(15, #collect(locker.addresses:each { page = 2, size = 10 }))
  end)
end)

describe("pages", function()
  it("give page after page, none empty", function()
    local locker = clients.locker(service { ids = range(25) })
    local sizes = {}
    for page in locker.addresses:pages { size = 10 } do
      sizes[#sizes + 1] = #page
      assert.equal(25, page.count)
    end
    assert.same({ 10, 10, 5 }, sizes)
  end)

  it("give nothing for an empty list", function()
    local locker = clients.locker(service { ids = {} })
    for _ in locker.addresses:pages() do error "no page expected" end
  end)

  it("work for subdomains too", function()
    local locker = clients.locker(service { ids = range(3) })
    assert.equal(3, #collect(locker.subdomains:each()))
    for page in locker.subdomains:pages() do assert.equal(3, #page) end
  end)
end)
