--- locksmith.parallel inside nginx: light threads, over both transports.

local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

if not nginx.usable "calls side by side in nginx" then return end

local RUN = [[
  local url, ordered, raises = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local story = {}
  local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = url, store = locksmith.memory(),
    on_event = function(event)
      if event.type == "request" then story[#story + 1] = "+" end
      if event.type == "response" and event.attempt then story[#story + 1] = "-" end
    end })
  local items, errors = {}, {}
  for item, value, err in locksmith.parallel({ 1, 2, 3, 4, 5, 6 }, function(item)
    if raises then error("raised for " .. item, 0) end
    local page, failure = locker.addresses:list()
    return page and #page, failure
  end, { concurrency = 3, ordered = ordered }) do
    items[#items + 1] = item
    if not value then errors[#errors + 1] = tostring(err) end
  end
  return { items = items, errors = errors, story = table.concat(story) }
]]

local ROWS = [[
  local url, path = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url, rate = false,
    store = locksmith.memory() })
  local rows, told = {}, {}
  for i = 1, 10 do
    rows[i] = { type = "url", target_url = "https://example.com/" .. i, password = "password", memo = "a memo" }
  end
  for run = 1, 2 do
    local n, journaled = 0, 0
    for row, link, err, response in lockpub.links:create_each(rows, { journal = path }) do
      assert(link, err and tostring(err))
      n, journaled = n + 1, journaled + (response.journaled and 1 or 0)
    end
    told[run] = { n, journaled }
  end
  local ok, err = pcall(function()
    local first = lockpub.links:create_each(rows, { journal = path })
    lockpub.links:create_each(rows, { journal = path })
    first()
  end)
  return { told = told, kind = not ok and err.kind }
]]

for _, transport in ipairs { "capture", "resty" } do
  describe("calls side by side in nginx, over " .. transport, function()
    local box, site

    lazy_setup(function()
      box = server.sandbox { delay = 0.1, rate = false, throttle = false }
      site = runner.start { transport = transport }
    end)
    lazy_teardown(function()
      site:stop()
      box:stop()
    end)

    it("begin together, and never more than wanted", function()
      local result = site:run(RUN, box.url)
      assert.same({}, result.errors)
      assert.equal(6, #result.items)
      assert.equal("+++", result.story:sub(1, 3))
      assert.is_nil(result.story:find("++++", 1, true))
    end)

    it("come in the order of the items where that is asked for", function()
      assert.same({ 1, 2, 3, 4, 5, 6 }, site:run(RUN, box.url, true).items)
    end)

    it("make links of rows, once", function()
      local folder = shell.folder "rows"
      os.execute("chmod 0777 " .. shell.quote(folder))
      local result = site:run(ROWS, box.url, folder .. "/journal")
      assert.same({ { 10, 0 }, { 10, 10 } }, result.told)
      assert.equal("invalid_request", result.kind)
      assert.equal(10, #box:call "links")
      box:reset { delay = 0.1, rate = false, throttle = false }
      os.execute("rm -rf " .. shell.quote(folder))
    end)

    it("give what the work raised", function()
      local result = site:run(RUN, box.url, true, true)
      assert.equal("raised for 1", result.errors[1])
      assert.equal(6, #result.errors)
    end)
  end)
end
