--- A header may come several times or as a list: whatever moved the bytes, it is read in the same way.

local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local nginx = require "spec.support.nginx"
local origins = require "spec.support.origin"
local runner = require "spec.support.nginx_runner"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"

local RESET = "2100-01-01T00:00:00Z"
local RESET_TIME = 4102444800

-- The header lines of a 429, and what they say: seconds to wait, limit, remaining.
local CASES = {
  { "one line each", { { "Retry-After", "700" }, { "X-Api-Quota-Limit", "1000" }, { "X-Api-Quota-Remaining", "7" } },
    700, 1000, 7 },
  { "the same line twice", { { "Retry-After", "700" }, { "Retry-After", "700" }, { "X-Api-Quota-Limit", "1000" },
    { "X-Api-Quota-Limit", "1000" }, { "X-Api-Quota-Remaining", "7" }, { "X-Api-Quota-Remaining", "7" } },
    700, 1000, 7 },
  { "lists", { { "Retry-After", "700, 700" }, { "X-Api-Quota-Limit", "1000, 1000" },
    { "X-Api-Quota-Remaining", "7,7" } }, 700, 1000, 7 },
  { "two that differ", { { "Retry-After", "700" }, { "Retry-After", "900" }, { "X-Api-Quota-Limit", "1000, 2000" },
    { "X-Api-Quota-Remaining", "7" }, { "X-Api-Quota-Remaining", "9" } }, 700, 1000, 7 },
  { "the first unreadable", { { "Retry-After", "soon" }, { "Retry-After", "700" },
    { "X-Api-Quota-Limit", "none, 1000" }, { "X-Api-Quota-Remaining", "-1" }, { "X-Api-Quota-Remaining", "7" } },
    700, 1000, 7 },
  { "a date among others", { { "Retry-After", "Fri, 31 Dec 2100 23:59:59" }, { "Retry-After", "700" },
    { "X-Api-Quota-Limit", "1000" }, { "X-Api-Quota-Remaining", "7" },
    { "X-Api-Quota-Reset", "Fri, 01 Jan 2100 00:00:00 GMT, 5" } }, 700, 1000, 7 },
  { "names in any case", { { "RETRY-AFTER", "700" }, { "retry-after", "700" }, { "x-API-quota-LIMIT", "1000" },
    { "x-api-quota-remaining", "7" }, { "X-API-QUOTA-REMAINING", "7" } }, 700, 1000, 7 },
}

local function check(case, err, quota)
  assert.equal("rate_limited", err.kind, tostring(err))
  assert.same({ case[1], case[3], case[4], case[5], RESET_TIME },
    { case[1], err.retry_after, quota.limit, quota.remaining, quota.reset })
end

local function lines_of(case)
  local lines, told = {}, false
  for i, line in ipairs(case[2]) do
    lines[i] = line
    told = told or line[1] == "X-Api-Quota-Reset"
  end
  if not told then lines[#lines + 1] = { "X-Api-Quota-Reset", RESET } end
  return lines
end

local function bytes_of(case)
  local parts = { "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n" }
  for _, line in ipairs(lines_of(case)) do parts[#parts + 1] = line[1] .. ": " .. line[2] .. "\r\n" end
  return table.concat(parts) .. "\r\n{}"
end

describe("a header that comes several times", function()
  describe("from a transport function, as", function()
    -- What a transport may make of the lines.
    local function by_name(change)
      return function(lines)
        local headers = {}
        for _, line in ipairs(lines) do
          local name = change(line[1])
          headers[name] = headers[name] or {}
          table.insert(headers[name], line[2])
        end
        return headers
      end
    end

    local function joined(lines)
      local headers = by_name(string.lower)(lines)
      for name, list in pairs(headers) do headers[name] = table.concat(list, ", ") end
      return headers
    end

    local function numbers(lines)
      local headers = by_name(string.lower)(lines)
      for _, list in pairs(headers) do
        for i, value in ipairs(list) do list[i] = tonumber(value) or value end
      end
      return headers
    end

    local function pairs_again(lines) return lines end

    for name, form in pairs { ["lists under small names"] = by_name(string.lower),
      ["lists under the names as they came"] = by_name(function(text) return text end),
      ["names with blanks around them"] = by_name(function(text) return " " .. text .. "\t" end),
      ["texts joined by commas"] = joined, ["numbers"] = numbers, ["the pairs that requests have"] = pairs_again } do
      it(name, function()
        for _, case in ipairs(CASES) do
          local headers = form(lines_of(case))
          local lockpub = clients.lockpub { { status = 429, headers = headers, body = "{}" } }
          local link, err = lockpub.links:create(clients.link_fields())
          assert.is_nil(link)
          check(case, err, lockpub:quota())
        end
      end)
    end

    it("a number, whole or not, whatever the locale", function()
      local before = os.setlocale()
      for _, locale in ipairs { before, "de_DE.UTF-8" } do
        if os.setlocale(locale) then
          for _, seconds in ipairs { 700, 700.5, 1e9 } do
            local locker = clients.locker { { status = 429, headers = { ["Retry-After"] = seconds }, body = "{}" } }
            assert.equal(seconds, select(2, locker.addresses:list()).retry_after)
          end
        end
      end
      os.setlocale(before)
    end)

    it("one text in response.headers", function()
      local locker = clients.locker { { status = 200, body = "[]",
        headers = { ["Set-Cookie"] = { "a=1", "b=2" }, [" VIA "] = "x", ["X-Number"] = 7 } } }
      local _, response = locker.addresses:list()
      assert.equal("a=1, b=2", response.headers["set-cookie"])
      assert.equal("x", response.headers.via)
      assert.equal("7", response.headers["x-number"])
    end)
  end)

  describe("among header lines", function()
    local call

    before_each(function()
      local client = core.client { service = "locker", user_agent = "x", margin = 0.05 }
      client:set_key(core.key("locker", sandbox.LOCKER_KEY))
      call = assert(core.call(client, core.operations["locker.request"], 1e9, nil, nil,
        { { "one, two", "a big b" } }, nil, { method = "GET", path = "x" }))
    end)

    it("is one list; a line that goes on is one value", function()
      assert.same({ a = "1, 3, ", b = "2", c = "folded again", d = "" },
        call:headers "A: 1\r\nb:2\nA:3\r\nC:\r\n  folded\r\n\t again \r\nA: \r\nd:\n \nno colon\n e: 5\n")
      assert.same({}, call:headers "")
      assert.same({}, call:headers "\n\n \n:")
      assert.same({}, call:headers " a: 1\n b: 2")
    end)

    it("shows no secret, whatever lines it came on", function()
      assert.same({ a = "[redacted]", b = "<[redacted]>", c = "one", d = "two", e = "[redacted]s" },
        call:headers "A: one, two\nb: <a big\r\n b>\nC: one\nE: one\nd: two\ne: twos\n")
      assert.same({ ["[redacted]"] = "x" }, call:headers { ["a big b"] = "x" })
      local given = { a = "b" }
      assert.equal(given, call:headers(given))
      assert.is_nil(call:headers(nil))
    end)

    it("takes memory in proportion to its size", function()
      local name, value = "a: ", ("x"):rep(20)
      local lines = (name .. value .. "\r\n"):rep(10000)
      collectgarbage()
      collectgarbage "stop"
      local before = collectgarbage "count"
      local headers = call:headers(lines)
      local used = collectgarbage "count" - before
      collectgarbage "restart"
      assert.equal(10000 * (#value + 2) - 2, #headers.a)
      assert.is_true(used * 1024 < 20 * #lines, used)
    end)
  end)

  if server.available() then
    describe("over libcurl", function()
      local origin
      setup(function() origin = origins.start() end)
      teardown(function() origin:stop() end)

      for _, case in ipairs(CASES) do
        it(case[1], function()
          origin:script { { raw = bytes_of(case) } }
          local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = origin.url,
            store = locksmith.memory() })
          local _, err = lockpub.links:create(clients.link_fields())
          check(case, err, lockpub:quota())
        end)
      end
    end)
  end
end)

if not nginx.usable "a header that comes several times, inside nginx" then return end

local CREATE = [[
  local url = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url,
    store = locksmith.memory() })
  local _, err = lockpub.links:create { type = "url", target_url = "https://example.com", password = "long enough",
    memo = "memo" }
  return err, lockpub:quota()
]]

for name, transport in pairs { capture = "capture", resty = "resty", ["lua-resty-http itself"] = "real" } do
  describe("a header that comes several times, over " .. name, function()
    if transport == "real" and not nginx.resty_http() then
      pending("lua-resty-http is not installed")
      return
    end
    local origin, inside

    lazy_setup(function()
      origin = origins.start()
      inside = runner.start { transport = transport }
    end)
    lazy_teardown(function()
      inside:stop()
      origin:stop()
    end)

    for _, case in ipairs(CASES) do
      it(case[1], function()
        origin:script { { raw = bytes_of(case) } }
        check(case, inside:run(CREATE, origin.url))
      end)
    end
  end)
end
