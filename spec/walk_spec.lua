--- Where walks over a list may end, and how they go on.

local Error = require "locksmith.error"
local cjson = require "cjson"
local clients = require "spec.support.clients"
local lists = require "spec.support.lists"
local sandbox = require "locksmith.sandbox"

local service, range, joined, collect = lists.service, lists.range, lists.joined, lists.collect

-- Ways to read a list from page `from` on: each returns the ids in order, or raises the error.
local READERS = {
  each = function(addresses, q) return (collect(addresses:each(q))) end,
  pages = function(addresses, q)
    local order = {}
    for page in addresses:pages(q) do
      assert.is_true(#page > 0)
      for _, item in ipairs(page) do order[#order + 1] = item.id end
    end
    return order
  end,
  all = function(addresses, q)
    local items, err = addresses:all(q)
    if not items then error(err, 0) end
    local order = {}
    for i, item in ipairs(items) do order[i] = item.id end
    return order
  end,
}

local function span(first, last)
  local ids = {}
  for id = first, last do ids[#ids + 1] = id end
  return ids
end

local function failing(reader, addresses, q)
  local ok, err = pcall(reader, addresses, q)
  assert.is_false(ok)
  assert.is_true(Error.is(err), tostring(err))
  return err
end

describe("a walk", function()
  for name, read in pairs(READERS) do
    for wrong, answer in pairs(lists.WRONG) do
      it(name .. " takes no " .. wrong .. " for an end, wherever it stands", function()
        for _, no_snapshot in ipairs { false, true } do
          for from = 1, 4 do
            for at = from, 5 do
              local state = { ids = range(45), no_snapshot = no_snapshot }
              local locker = clients.locker(service(state), { max_retries = 0 })
              state.answer = function(query) return query.page == tostring(at) and answer or nil end
              local err = failing(read, locker.addresses, { page = from, size = 10 })
              assert.equal("locker.addresses.list", err.operation)
              -- What it carries brings the rest, and nothing twice.
              state.answer = nil
              if name == "all" then
                assert.is_nil(err.resume)
              else
                local rest = collect(locker.addresses:each(err.resume))
                assert.equal(45 - (at - 1) * 10, #rest, ("from %d, at %d"):format(from, at))
              end
            end
          end
        end
      end)

      it(name .. " takes no " .. wrong .. " for everything at once", function()
        local locker = clients.locker(service { ids = range(45), answer = function() return answer end },
          { max_retries = 0 })
        for _, q in ipairs { {}, { paging = false }, { page = 1 }, { page = 2 }, { size = 10 } } do
          failing(read, locker.addresses, q)
        end
        assert.is_nil((locker.addresses:list()))
        assert.is_nil((locker.addresses:list { paging = false }))
        assert.is_nil((locker.addresses:list { page = 2 }))
        assert.is_nil((locker.addresses:list { page = "last" }))
      end)
    end

    it(name .. " takes Locker's own 404 in the middle for no end", function()
      for from = 1, 4 do
        for at = from + (from == 1 and 1 or 0), 5 do
          local state = { ids = range(45) }
          local locker = clients.locker(service(state))
          state.answer = function(query) return query.page == tostring(at) and lists.GONE or nil end
          assert.equal(joined(span(from * 10 - 9, 45)), joined(read(locker.addresses, { page = from, size = 10 })))
          -- Without the means to look at everything it comes to an error, unless the page is there the next time.
          state.no_snapshot = true
          assert.equal("bad_response", failing(read, locker.addresses, { page = from, size = 10 }).kind)
          local asked = 0
          state.answer = function(query)
            if query.page ~= tostring(at) then return nil end
            asked = asked + 1
            return asked == 1 and lists.GONE or nil
          end
          assert.equal(joined(span(from * 10 - 9, 45)), joined(read(locker.addresses, { page = from, size = 10 })))
        end
      end
    end)

    it(name .. " fails at a path that is not the service's", function()
      local box = sandbox.new {}
      for _ = 1, 25 do box:add_address() end
      for _, prefix in ipairs { "/v3/relais", "/v3/relay/v4", "/v4" } do
        local locker = clients.locker(box:transport(), { path_prefix = prefix })
        for _, q in ipairs { {}, { paging = false }, { page = 1 }, { page = 2 }, { page = 3, size = 10 }, { size = 10 },
          { seen = {} }, { page = 3, size = 10, seen = { ["1"] = true } } } do
          assert.equal("not_found", failing(read, locker.addresses, q).kind)
          assert.equal("not_found", failing(read, locker.subdomains, q).kind)
        end
        assert.equal("not_found", select(2, locker.addresses:list { page = 2 }).kind)
      end
    end)

    it(name .. " is empty beyond a list's end, which the list itself tells", function()
      for _, no_snapshot in ipairs { false, true } do
        for count = 0, 3 do
          local state = { ids = range(count * 10), no_snapshot = no_snapshot }
          local locker = clients.locker(service(state))
          assert.same({}, read(locker.addresses, { page = count + 2, size = 10 }))
          assert.same({}, read(locker.addresses, { page = 2147483647, size = 2147483647 }))
        end
      end
      local locker = clients.locker(service { ids = range(45) }, { max_response_bytes = 600 })
      assert.same({}, read(locker.addresses, { page = 9, size = 10 }))
    end)
  end

  it("of one page is told not to exist when it lies beyond the end", function()
    local locker = clients.locker(service { ids = range(25) })
    assert.equal("not_found", select(2, locker.addresses:list { page = 4, size = 10 }).kind)
  end)

  it("that began in the middle reads all of what follows, also when the loop deletes what it visits", function()
    for _, no_snapshot in ipairs { false, true } do
      for from = 2, 5 do
        local state = { ids = range(45), no_snapshot = no_snapshot }
        local locker = clients.locker(service(state))
        local visited = {}
        for item in locker.addresses:each { page = from, size = 10 } do
          lists.without(state.ids, item.id)
          visited[#visited + 1] = item.id
        end
        table.sort(visited)
        assert.equal(joined(span(from * 10 - 9, 45)), joined(visited))
        assert.equal(from * 10 - 10, #state.ids)
      end
    end
  end)

  it("from any page neither skips nor repeats what stays behind its beginning, whatever else goes on", function()
    for seed = 1, 150 do
      local random = seed * 7919
      local function draw(n)
        random = (random * 16807) % 2147483647
        return random % n + 1
      end
      local from, next_id = draw(4), 61
      local state = { ids = range(60), no_snapshot = draw(2) == 1 }
      local before = {}
      for id = 1, 10 * (from - 1) do before[id] = true end
      state.on_request = function(self)
        for _ = 1, draw(3) - 1 do
          local victim = self.ids[draw(#self.ids)]
          -- What stands before the beginning stays, so that nothing moves there.
          if not before[victim] then lists.without(self.ids, victim) end
          if draw(3) == 1 then
            self.ids[#self.ids + 1] = next_id
            next_id = next_id + 1
          end
        end
      end
      state.answer = function(query, n)
        if tonumber(query.page or 0) > 1 and draw(12) == 1 then return lists.GONE end
        if n < 30 and draw(40) == 1 then return lists.WRONG.html_404 end
      end
      local locker = clients.locker(service(state))
      local seen, q, errors = {}, { page = from, size = 10 }, 0
      local initial = {}
      for _, id in ipairs(state.ids) do initial[id] = true end
      while true do
        local ok, err = pcall(function()
          for item in locker.addresses:each(q) do
            assert.is_nil(seen[item.id], ("seed %d: %d came twice"):format(seed, item.id))
            seen[item.id] = true
          end
        end)
        if ok then break end
        assert.equal("table", type(err), tostring(err))
        q, errors = err.resume, errors + 1
        assert.is_true(errors < 50)
      end
      for _, id in ipairs(state.ids) do
        if initial[id] and not before[id] then
          assert.is_true(seen[id], ("seed %d: %d was skipped"):format(seed, id))
        end
      end
    end
  end)

  it("reads a service of other page sizes without a way to see everything at once", function()
    for seed = 1, 40 do
      local state = { ids = range(95), no_snapshot = true,
        leak = function(n) return n < 25 and (n * seed) % 5 == 0 and 7 or nil end }
      local locker = clients.locker(service(state))
      local ok, err = pcall(collect, locker.addresses:each { size = 20 })
      if ok then
        assert.equal(95, #err)
      else
        assert.equal("bad_response", err.kind)
      end
    end
  end)

  it("goes on raising what ended it, when it is asked again", function()
    local state = { ids = range(45) }
    local locker = clients.locker(service(state))
    state.answer = function(query) return query.page == "2" and lists.WRONG.html_404 or nil end
    for _, iterator in ipairs { locker.addresses:each { size = 10 }, locker.addresses:pages { size = 10 } } do
      local ok, first = pcall(function() for _ in iterator do end end)
      assert.is_false(ok)
      for _ = 1, 2 do
        local again, err = pcall(iterator)
        assert.is_false(again)
        assert.equal(first, err)
      end
    end
  end)
end)

describe("what a walk carries when it fails", function()
  -- A walk whose every request fails the first time, and whose resume passes through JSON each time.
  local function interrupted(state, q)
    local locker = clients.locker(service(state), { max_retries = 0 })
    local order, failures, asked = {}, 0, {}
    state.answer = function(query)
      local name = query.page or "all"
      if asked[name] then return nil end
      asked[name] = true
      return { status = 500, headers = {}, body = "{}" }
    end
    while true do
      local ok, err = pcall(function()
        for item in locker.addresses:each(q) do order[#order + 1] = tostring(item.id) end
      end)
      if ok then return order, failures end
      assert.equal("server_error", err.kind)
      q, failures = cjson.decode(cjson.encode(err.resume)), failures + 1
    end
  end

  it("can be written as JSON and read again", function()
    local order, failures = interrupted({ ids = range(45) }, { page = 1, size = 10 })
    assert.equal(joined(range(45)), joined(order))
    assert.is_true(failures >= 4)
  end)

  it("can be so with ids of every kind", function()
    local ids = { 3, 70, 8000, 90000000, 2 ^ 31, 1e9, 77, 12, 13, 14, 15, 16 }
    local order = interrupted({ ids = ids }, { page = 1, size = 3 })
    assert.equal(#ids, #order)
    local state = { ids = {} }
    for i = 1, 12 do state.ids[i] = ('"90071992547409%02d"'):format(i) end
    local body = '{"count":12,"next":%s,"previous":null,"results":[%s]}'
    local locker = clients.locker(function(request)
      local page = tonumber(request.url:match "[?&]page=(%d+)") or 1
      if page == 3 and not state.healed then return { status = 500, headers = {}, body = "{}" } end
      local list = {}
      if request.url:find "paging=0" then
        for i, id in ipairs(state.ids) do list[i] = ('{"id":%s}'):format(id) end
        return { status = 200, headers = {}, body = "[" .. table.concat(list, ",") .. "]" }
      end
      for i = page * 3 - 2, page * 3 do list[#list + 1] = ('{"id":%s}'):format(state.ids[i]) end
      return { status = 200, headers = {}, body = body:format(page < 4 and '"x"' or "null", table.concat(list, ",")) }
    end, { max_retries = 0 })
    local got = {}
    local ok, err = pcall(function()
      for item in locker.addresses:each { size = 3 } do got[#got + 1] = item.id end
    end)
    assert.is_false(ok)
    state.healed = true
    -- The service sends as numbers now what it sent as texts.
    for i, id in ipairs(state.ids) do state.ids[i] = id:gsub('"', "") end
    for item in locker.addresses:each(cjson.decode(cjson.encode(err.resume))) do got[#got + 1] = tostring(item.id) end
    assert.equal(12, #got)
  end)

  it("knows a number and its text for the same id", function()
    local locker = clients.locker(service { ids = range(30) })
    for _, seen in ipairs { { [1] = true, [2.0] = true }, { ["1"] = true, ["2"] = true },
      { [1] = true, ["2"] = true } } do
      local items = assert(locker.addresses:all { page = 1, size = 10, seen = seen })
      assert.equal(28, #items)
      assert.equal(3, items[1].id)
    end
  end)

  it("keeps a beginning in the middle", function()
    local state = { ids = range(45) }
    local order = interrupted(state, { page = 3, size = 10 })
    assert.equal(joined(span(21, 45)), joined(order))
  end)

  it("keeps a wish for everything at once", function()
    local state = { ids = range(45), answer = function() return { status = 500, headers = {}, body = "{}" } end }
    local locker = clients.locker(service(state), { max_retries = 0 })
    local ok, err = pcall(collect, locker.addresses:pages { paging = false })
    assert.is_false(ok)
    state.answer = nil
    local pages = 0
    for page in locker.addresses:pages(cjson.decode(cjson.encode(err.resume))) do
      assert.equal(45, #page)
      pages = pages + 1
    end
    assert.equal(1, pages)
  end)
end)

describe("page and size", function()
  it("are written whole, however they were computed", function()
    local state = { ids = range(45) }
    local locker = clients.locker(service(state))
    for _, q in ipairs { { page = 10 / 5, size = 20 / 2 }, { page = 2.0, size = 1e1 }, { page = 2, size = 10 } } do
      assert.equal(11, assert(locker.addresses:list(q))[1].id)
      local asked = state.requests[#state.requests]
      assert.same({ "2", "10" }, { asked.page, asked.size })
      assert.equal(35, #assert(locker.addresses:all(q)))
    end
    for _, asked in ipairs(state.requests) do
      for _, value in pairs(asked) do assert.truthy(value:find "^%d+$", value) end
    end
    assert.equal(0, #assert(locker.addresses:all { page = 2 ^ 31 - 1, size = 2 ^ 31 - 1 }))
    local first = clients.locker { { status = 200, body = '{"count":0,"next":null,"results":[]}' } }
    assert(first.addresses:list { page = 2 ^ 31 - 1, size = 1 })
  end)

  it("raise at the caller's line when they are no page and no size", function()
    local locker = clients.locker(service { ids = {} })
    for _, value in ipairs { 0, -1, 1.5, 1e300, 2 ^ 31, math.huge, -math.huge, 0 / 0, "2", true } do
      for _, name in ipairs { "page", "size" } do
        for _, method in ipairs { "list", "each", "pages", "all" } do
          local ok, message = pcall(function() locker.addresses[method](locker.addresses, { [name] = value }) end)
          assert.is_false(ok)
          local wanted = ("walk_spec.lua:%%d+: locker.addresses.%s: option '%s' must be "):format(method, name)
          assert.truthy(message:find(wanted), message)
        end
      end
    end
  end)
end)
