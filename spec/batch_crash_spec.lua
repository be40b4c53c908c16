--- links:create_each over real sockets: side by side, killed in the midst of it, and on a full disk.

local clients = require "spec.support.clients"
local json = require "locksmith.json"
local missing = require "spec.support.missing"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local stack = require "spec.support.stack"

local JOB = "spec/support/batch_job.lua"

local reason = not stack.available() and "nginx with its Lua module is not here" or nil
if not missing.declare("create_each over sockets", reason) then return end

local function rows_of(n)
  local rows = {}
  for i = 1, n do rows[i] = clients.link_fields { target_url = "https://example.com/private/" .. i } end
  return rows
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

  --- Runs the job, and says what it told.
  local function job(variables, launcher, setup)
    local words = {}
    variables.URL, variables.JOURNAL, variables.LUA_PATH, variables.LUA_CPATH = s.proxy.url, path, package.path,
      package.cpath
    for name, value in pairs(variables) do words[#words + 1] = shell.quote(name .. "=" .. value) end
    -- What a shell says of one that was killed is not the job's.
    return (shell.output(("(%s env -u LUA_INIT %s %s %s %s; true) 2>&1"):format(setup or "",
      table.concat(words, " "), launcher or "", shell.quote(process.interpreter()), JOB)):gsub("Killed\n$", ""))
  end

  local function done()
    local slugs = {}
    for line in shell.read(path):gmatch "[^\n]+\n" do
      local ok, entry = json.decode(line)
      if ok and type(entry) == "table" and entry.done then slugs[entry.slug] = true end
    end
    return slugs
  end

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
    local known = done()
    for _, slug in ipairs(made) do assert.is_true(known[slug]) end
  end)

  it("hands rows out in their order when told so", function()
    s.proxy:script { { "delay", ms = 100 } }
    local rows, n = rows_of(8), 0
    for row in s:lockpub().links:create_each(rows, { ordered = true }) do
      n = n + 1
      assert.equal(rows[n], row)
    end
    assert.equal(8, n)
    s:reset()
    s.proxy:script { { "delay", ms = 300 } }
    assert.not_equal(rows[1], (s:lockpub().links:create_each(rows)()))
  end)

  it("makes nothing more once it was left", function()
    local rows = rows_of(40)
    for _, link in s:lockpub().links:create_each(rows, { journal = path }) do -- luacheck: ignore 512
      assert.truthy(link)
      break
    end
    collectgarbage()
    local before = #s:log "POST"
    assert.is_true(before <= 5)
    local n = 0
    for _, link in s:lockpub().links:create_each(rows, { journal = path }) do
      assert.truthy(link)
      n = n + 1
    end
    assert.same({ 40, 40 }, { n, #links() })
  end)

  describe("killed again and again", function()
    local ROWS = 45
    local key, last, slugs, seen

    -- Reads what a job told, and looks at what it asked for.
    local function check(output, known)
      local complete = output:match "steps (%d+)\n$"
      local n, failed = 0, 0
      for row, what, how in output:gmatch "row (%d+) (%S+) (%S+)\n" do
        n = n + 1
        if how == "failed" then
          failed = failed + 1
        else
          assert.equal(slugs[row] or what, what)
          assert.is_true((seen[what] or row) == row, "two rows have one link")
          slugs[row], seen[what] = what, row
          assert.equal(known[what] or false, how == "journaled")
        end
      end
      local log = s.box:log()
      for i = last + 1, #log do
        local ok, sent = json.decode(log[i].body)
        assert.is_true(ok)
        assert.is_nil(known[sent.customSlug], "a row that was done was asked for")
      end
      last = #log
      local now = done()
      for slug in pairs(known) do assert.is_true(now[slug]) end
      if complete then
        assert.equal(ROWS, n)
        return tonumber(complete), failed
      end
      assert.equal("", (output:gsub("row %d+ %S+ %a+\n", ""):gsub("^row [%w ]*$", "")))
    end

    local function run(kill, seconds)
      local known = done()
      local launcher = seconds and ("timeout -s KILL %g"):format(seconds)
      return check(job({ KEY = key, ROWS = ROWS, KILL = kill }, launcher), known)
    end

    it("ends with one link for each row, and none asked for that is done", function()
      key, last, slugs, seen = s.box:call "key", 0, {}, {}
      local steps = assert(run())
      s:reset()
      os.remove(path)
      last, slugs, seen = 0, {}, {}
      s.proxy:chaos { seed = 20, rate = 0.25, longest_run = 2, kinds = { drop_after = 4, drop_before = 2, cut_body = 2,
        status_after = 1, { "status", status = 500, weight = 1 },
        { "status", status = 429, headers = { ["Retry-After"] = "0" }, weight = 2 } } }
      local seed, killed = 7, 0
      local function random()
        seed = (seed * 16807) % 2147483647
        return seed / 2147483647
      end
      for round = 1, 24 do
        local finished
        if round % 3 == 0 then
          finished = run(nil, 0.02 + 0.3 * random())
        else
          -- What is done takes fewer steps.
          finished = run(math.floor(20 + random() * steps * (1 - 0.6 * round / 24)))
        end
        if not finished then killed = killed + 1 end
        if round == 10 then key = s.box:call "rotate" end
      end
      assert.is_true(killed >= 12, killed .. " were killed")
      s.proxy:chaos { rate = 0 }
      local _, failed = run()
      assert.equal(0, failed)
      assert.equal(ROWS, #links())
      for _, link in ipairs(links()) do assert.truthy(seen[link.slug]) end
      -- All is done: nothing is asked any more.
      local before = last
      run()
      assert.equal(before, last)
      assert.is_nil(shell.read(path):find("password", 1, true))
    end)
  end)

  it("ends on a full disk, and is finished by a run that has room", function()
    local own = { KEY = s.box:call "key", ROWS = 45 }
    -- In units of 512 or 1024 bytes: room for what is begun, and for some of what is done.
    local output = job(own, nil, "trap '' XFSZ; ulimit -f 9;")
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
