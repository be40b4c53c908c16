--- LOCK.PUB in the sandbox: what its documentation says, and the choices made where it says nothing.

local caller = require "spec.support.caller"
local sandbox = require "locksmith.sandbox"

local START = 1795189533 -- 2026-11-20T15:45:33Z
local DECEMBER = 1796083200 -- 2026-12-01T00:00:00Z

local function new(options)
  options = options or {}
  options.start_time = options.start_time or START
  options.seed = 1
  local box = sandbox.new(options)
  return box, caller.lockpub(box)
end

local function link(changes)
  local fields = { type = "url", targetUrl = "https://example.com/private", password = "pass word", memo = "Label" }
  for name, value in pairs(changes or {}) do fields[name] = value ~= "absent" and value or nil end
  return fields
end

local function memo_link(changes)
  local fields = { type = "memo", secretMemo = "the secret", password = "pass word", memo = "Label" }
  for name, value in pairs(changes or {}) do fields[name] = value ~= "absent" and value or nil end
  return fields
end

describe("LOCK.PUB in the sandbox", function()
  describe("creates", function()
    it("a URL link", function()
      local box, call = new()
      local response = call("POST", "/links", link {
        customSlug = "my-link_1", redirectLimit = 3, startTime = "2026-12-01", expireTime = "2026-12-24T18:30:00+01:00",
      })
      assert.equal(201, response.status)
      assert.same({
        id = "lnk_1", type = "url", slug = "my-link_1", shortUrl = "https://lock.pub/my-link_1",
        targetUrl = "https://example.com/private", memo = "Label", redirectLimit = 3,
        startTime = "2026-12-01T00:00:00.000Z", expireTime = "2026-12-24T17:30:00.000Z",
        createdAt = "2026-11-20T15:45:33.000Z",
      }, response.json)
      assert.equal("pass word", box:links()[1].password)
    end)

    it("a memo link, and never sends the secret back", function()
      local box, call = new()
      local response = call("POST", "/links", memo_link())
      assert.equal(201, response.status)
      assert.is_nil(response.body:find("secret", 1, true))
      assert.is_nil(response.body:find("pass word", 1, true))
      assert.is_nil(response.json.targetUrl)
      assert.matches("^[0-9a-z]+$", response.json.slug)
      assert.equal("the secret", box:links()[1].secretMemo)
    end)

    it("a URL link by the other name of its destination", function()
      local _, call = new()
      local response = call("POST", "/links", link { targetUrl = "absent", link = "http://example.org" })
      assert.equal("http://example.org", response.json.targetUrl)
    end)

    it("sends null, not nothing, for what a link does not have", function()
      local _, call = new()
      local created = call("POST", "/links", link { redirectLimit = sandbox.null }).json
      assert.equal(sandbox.null, created.redirectLimit)
      assert.equal(sandbox.null, created.startTime)
    end)
  end)

  describe("refuses with 400", function()
    local cases = {
      ["no type"] = link { type = "absent" },
      ["another type"] = link { type = "file" },
      ["no destination"] = link { targetUrl = "absent" },
      ["a destination that is no URL"] = link { targetUrl = "example.com" },
      ["no secret memo"] = memo_link { secretMemo = "absent" },
      ["no password"] = link { password = "absent" },
      ["an empty password"] = link { password = "" },
      ["no memo"] = link { memo = "absent" },
      ["a memo that is no text"] = link { memo = 5 },
      ["a slug of 2"] = link { customSlug = "ab" },
      ["a slug of 31"] = link { customSlug = ("a"):rep(31) },
      ["an upper-case slug"] = link { customSlug = "Abc" },
      ["a limit of 0"] = link { redirectLimit = 0 },
      ["a negative limit"] = link { redirectLimit = -1 },
      ["half a limit"] = link { redirectLimit = 1.5 },
      ["a limit in words"] = link { redirectLimit = "3" },
      ["a time that is a number"] = link { expireTime = 1796083200 },
      ["a time that is none"] = link { expireTime = "tomorrow" },
      ["the 30th of February"] = link { expireTime = "2027-02-30" },
      ["a start after the end"] = link { startTime = "2027-02-02", expireTime = "2027-02-01" },
      ["a list"] = "[]",
      ["no JSON"] = "type=url",
      ["no body"] = "",
    }
    for name, body in pairs(cases) do
      it(name, function()
        local box, call = new()
        assert.equal(400, call("POST", "/links", body).status)
        assert.equal(0, #box:links())
        assert.equal(0, box:quota().used)
      end)
    end

    it("but takes slugs of 3 and 30 and a limit of 1", function()
      local _, call = new()
      assert.equal(201, call("POST", "/links", link { customSlug = "abc", redirectLimit = 1 }).status)
      assert.equal(201, call("POST", "/links", link { customSlug = ("a"):rep(30) }).status)
    end)
  end)

  it("refuses a slug in use with 409, whoever made it", function()
    local box, call = new()
    call("POST", "/links", link { customSlug = "mine" })
    box:add_link { slug = "theirs" }
    assert.equal(409, call("POST", "/links", link { customSlug = "mine" }).status)
    assert.equal(409, call("POST", "/links", link { customSlug = "theirs" }).status)
    assert.equal(1, box:quota().used)
  end)

  describe("the key", function()
    it("is needed, in the header", function()
      local box, call = new()
      for _, header in ipairs { false, "", "Bearer", "Bearer wrong", "Basic " .. sandbox.LOCKPUB_KEY,
        sandbox.LOCKPUB_KEY, "Bearer " .. sandbox.LOCKER_KEY } do
        assert.equal(401, call("POST", "/links", link(), { Authorization = header }).status)
      end
      local in_query = "/links?api_key=" .. sandbox.LOCKPUB_KEY
      assert.equal(401, call("POST", in_query, link(), { Authorization = false }).status)
      assert.equal(0, #box:links())
    end)

    it("stops working the moment it is rotated", function()
      local box, call = new()
      local key = box:rotate()
      assert.equal(key, box:key())
      assert.matches("^ll_live_%w+$", key)
      assert.equal(401, call("POST", "/links", link()).status)
      assert.equal(201, caller.lockpub(box, key)("POST", "/links", link()).status)
      assert.not_equal(key, box:rotate())
      assert.equal(401, caller.lockpub(box, key)("POST", "/links", link()).status)
    end)
  end)

  it("knows one path and one method", function()
    local _, call = new()
    assert.equal(404, call("POST", "/link", link()).status)
    local response = call("GET", "/links")
    assert.equal(405, response.status)
    assert.equal("POST", response.headers.allow)
  end)

  describe("the windows", function()
    local function create(call, count)
      for _ = 1, count do assert.equal(201, call("POST", "/links", link()).status) end
    end

    it("pass 20 requests in any 10 seconds", function()
      local box, call = new()
      create(call, 20)
      box:advance(3.5)
      local refused = call("POST", "/links", link())
      assert.equal(429, refused.status)
      assert.equal("7", refused.headers["retry-after"])
      assert.is_nil(refused.headers["x-api-quota-remaining"])
      box:advance(6.5)
      create(call, 20)
    end)

    it("pass 60 requests in any 60 seconds", function()
      local box, call = new()
      for _ = 1, 3 do
        create(call, 20)
        box:advance(10)
      end
      local refused = call("POST", "/links", link())
      assert.equal("30", refused.headers["retry-after"])
      box:advance(30)
      create(call, 20)
      assert.equal("10", call("POST", "/links", link()).headers["retry-after"])
    end)

    it("count invalid requests, but neither refused nor unauthenticated ones", function()
      local box, call = new { rate = { { 2, 10 } } }
      assert.equal(401, call("POST", "/links", link(), { Authorization = false }).status)
      assert.equal(400, call("POST", "/links", "{}").status)
      box:advance(5)
      create(call, 1)
      assert.equal(429, call("POST", "/links", link()).status)
      box:advance(5)
      create(call, 1)
    end)

    it("belong to the account, not to the key", function()
      local box, call = new { rate = { { 1, 10 } } }
      create(call, 1)
      assert.equal(429, caller.lockpub(box, box:rotate())("POST", "/links", link()).status)
    end)

    it("can be switched off", function()
      local _, call = new { rate = false }
      create(call, 100)
    end)
  end)

  describe("the quota", function()
    it("is 1,000 links a month, counted down by creations only", function()
      local box, call = new { rate = false }
      local response = call("POST", "/links", link { customSlug = "abc" })
      assert.equal("1000", response.headers["x-api-quota-limit"])
      assert.equal("999", response.headers["x-api-quota-remaining"])
      assert.equal(tostring(DECEMBER), response.headers["x-api-quota-reset"])
      call("POST", "/links", link { customSlug = "abc" })
      call("POST", "/links", link { type = "file" })
      call("POST", "/links", link(), { Authorization = "Bearer no" })
      assert.equal("998", call("POST", "/links", link()).headers["x-api-quota-remaining"])
      assert.equal(2, box:quota().used)
    end)

    it("when used up, refuses with nothing remaining until the month ends", function()
      local box, call = new { quota = 2, quota_used = 1 }
      assert.equal("0", call("POST", "/links", link()).headers["x-api-quota-remaining"])
      local refused = call("POST", "/links", link())
      assert.equal(429, refused.status)
      assert.equal("0", refused.headers["x-api-quota-remaining"])
      assert.equal(tostring(DECEMBER - START), refused.headers["retry-after"])
      box:advance(DECEMBER - START - 1)
      assert.equal(429, call("POST", "/links", link()).status)
      box:advance(1)
      local response = call("POST", "/links", link())
      assert.equal("1", response.headers["x-api-quota-remaining"])
      assert.equal(tostring(DECEMBER + 31 * 86400), response.headers["x-api-quota-reset"])
    end)

    it("can say so in other ways, none being documented", function()
      local _, call = new { quota = 0, quota_status = 402, quota_retry_after = false, reset_format = "iso" }
      local refused = call("POST", "/links", link())
      assert.equal(402, refused.status)
      assert.is_nil(refused.headers["retry-after"])
      assert.equal("2026-12-01T00:00:00.000Z", refused.headers["x-api-quota-reset"])
      _, call = new { reset_format = "milliseconds" }
      assert.equal(DECEMBER .. "000", call("POST", "/links", link()).headers["x-api-quota-reset"])
    end)
  end)

  it("has errors in several shapes, none being documented", function()
    local _, call = new()
    assert.same({ error = "type must be url or memo", code = "VALIDATION_ERROR" }, call("POST", "/links", "{}").json)
    _, call = new { error_shape = "nested" }
    assert.same({ error = { message = "type must be url or memo", code = "VALIDATION_ERROR" } },
      call("POST", "/links", "{}").json)
    _, call = new { error_shape = "text" }
    local response = call("POST", "/links", "{}")
    assert.equal("type must be url or memo", response.body)
    assert.matches("^text/plain", response.headers["content-type"])
  end)

  it("can answer a creation with another status and take other slugs", function()
    local _, call = new { created_status = 200, slug_pattern = "^[a-z]+$" }
    assert.equal(200, call("POST", "/links", link { customSlug = "abc" }).status)
    assert.equal(400, call("POST", "/links", link { customSlug = "abc1" }).status)
  end)
end)
