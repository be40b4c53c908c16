--- links:create_each over real sockets: side by side, killed in the midst of it, and on a full disk.
-- Luas: lua5.4 luajit

local clients = require "spec.support.clients"
local core = require "locksmith.core"
local missing = require "spec.support.missing"
local rows = require "spec.chaos.rows"
local shell = require "spec.support.shell"
local stack = require "spec.support.stack"

local reason = not stack.available() and "nginx with its Lua module is not here" or nil
if not missing.declare("create_each over sockets", reason) then return end

local function rows_of(n)
  local list = {}
  for i = 1, n do list[i] = clients.link_fields { target_url = "https://example.com/private/" .. i } end
  return list
end

describe("create_each over sockets", function()
  local s, folder, path

  setup(function() s = stack.start() end)
  teardown(function() s:stop() end)
  before_each(function()
    s:reset()
    folder = shell.folder "batch"
    path = folder .. "/journal"
  end)
  after_each(function()
    collectgarbage()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  local function links() return s.box:call "links" end

  local function job(variables, setup) return rows.job(s.proxy.url, path, variables, nil, setup) end

  it("has as many rows under way as it is told", function()
    for _, case in ipairs { { nil, 4 }, { 1, 1 }, { 8, 8 } } do
      s:reset { delay = 0.1 }
      local before = s.proxy:state().accepted
      for _, link in s:lockpub().links:create_each(rows_of(16), { concurrency = case[1] }) do assert.truthy(link) end
      assert.equal(case[2], s.proxy:state().accepted - before) -- a connection each
    end
  end)

  it("hands out what was under way when a row ends it", function()
    s.proxy:script { "pass", { "status", status = 403 }, { "delay", ms = 100 }, { "delay", ms = 100 } }
    local made = {}
    local ok, err = pcall(function()
      for _, link in s:lockpub().links:create_each(rows_of(40), { journal = path }) do made[#made + 1] = link.slug end
    end)
    assert.same({ false, "forbidden" }, { ok, err.kind })
    assert.equal(#links(), #made)
    assert.is_true(#made >= 3 and #made <= 5)
    local known = rows.done(path)
    for _, slug in ipairs(made) do assert.is_true(known[slug]) end
  end)

  it("hands rows out in their order when told so", function()
    s.proxy:script { { "delay", ms = 100 } }
    local list, n = rows_of(8), 0
    for row in s:lockpub().links:create_each(list, { ordered = true }) do
      n = n + 1
      assert.equal(list[n], row)
    end
    assert.equal(8, n)
    s:reset()
    s.proxy:script { { "delay", ms = 300 } }
    local order = {}
    for row in s:lockpub().links:create_each(list) do order[#order + 1] = row end
    assert.equal(8, #order)
    -- Whichever request came first was kept back.
    local as_listed = true
    for i = 1, 8 do as_listed = as_listed and order[i] == list[i] end
    assert.is_false(as_listed)
  end)

  it("makes nothing more once it was left", function()
    local list = rows_of(40)
    for _, link in s:lockpub().links:create_each(list, { journal = path }) do -- luacheck: ignore 512
      assert.truthy(link)
      break
    end
    collectgarbage()
    local before = #s:log "POST"
    assert.is_true(before <= 5)
    local n = 0
    for _, link in s:lockpub().links:create_each(list, { journal = path }) do
      assert.truthy(link)
      n = n + 1
    end
    assert.same({ 40, 40 }, { n, #links() })
  end)

  it("ends with one link for each row, however often the job is killed", function()
    local figures = rows.run { box = s.box, proxy = s.proxy, url = s.proxy.url, reset = function() s:reset() end,
      journal = path, count = 45, kills = 16, seed = 7,
      faults = { seed = 20, rate = 0.25, longest_run = 2, kinds = { drop_after = 4, drop_before = 2, cut_body = 2,
        status_after = 1, { "status", status = 500, weight = 1 },
        { "status", status = 429, headers = { ["Retry-After"] = "0" }, weight = 2 } } } }
    assert.equal(45, figures.links)
    assert.is_true(figures.killed >= 12, figures.killed .. " were killed")
  end)

  it("flushes rows of an iterator together that are taken together", function()
    s:reset { delay = 0.05 }
    local given, next_row, flushed, asked = rows_of(8), 0, 0, nil
    local open = core.journal
    core.journal = function(...)
      local file = assert(open(...))
      return setmetatable({ append = function(_, lines, flush)
        if flush and lines == "" then
          flushed = flushed + 1
          asked = asked or #s:log "POST"
        end
        return file:append(lines, flush)
      end }, { __index = function(_, name) return function(_, ...) return file[name](file, ...) end end })
    end
    local ok, problem = pcall(function()
      local results = s:lockpub().links:create_each(function()
        next_row = next_row + 1
        return given[next_row]
      end, { journal = path })
      assert.truthy(results())
      assert.equal(1, flushed)
      local n = 1
      while results() do n = n + 1 end
      assert.equal(8, n)
    end)
    core.journal = open
    assert(ok, problem)
    assert.equal(0, asked)
  end)

  it("ends on a full disk, and is finished by a run that has room", function()
    local own = { KEY = s.box:call "key", ROWS = 45 }
    -- In units of 512 or 1024 bytes: room for what is begun, and for some of what is done.
    local output = job(own, "trap '' XFSZ; ulimit -f 9;")
    assert.truthy(output:find(("journal %s: File too large"):format(path), 1, true), output)
    local told = select(2, output:gsub("row %d+ %S+ made\n", ""))
    assert.equal(#links(), told)
    assert.is_true(told >= 1 and told < 45, told .. " rows were told")
    output = job(own)
    assert.truthy(output:find "steps %d+\n$", output)
    assert.equal(45, select(2, output:gsub("row %d+ %S+ %a+\n", "")))
    assert.is_nil(output:find "failed")
    assert.equal(45, #links())
  end)
end)
