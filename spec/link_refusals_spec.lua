local clients = require "spec.support.clients"
local json = require "locksmith.json"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local function refusal(with, opts)
  local lockpub, requests = clients.lockpub { clients.CREATED }
  local link, err = lockpub.links:create(clients.link_fields(with), opts)
  assert.is_nil(link)
  assert.equal(0, #requests)
  assert.same({ "invalid_request", "not_sent", "local" }, { err.kind, err.outcome, err.source })
  return err.message
end

describe("a link is refused before it is sent", function()
  it("when its slug would be another one in the URL", function()
    for _, slug in ipairs { "a\195\137c", "a/b", "a b", "ab ", " ab", "a?b", "a#b", "a%62", "a.b", "caf\195\169",
      "a\nb", "a\0b", "Abc", "a+b", "\227\129\130\227\129\132\227\129\134" } do
      assert.truthy(refusal({ custom_slug = slug }):find "^custom_slug ", slug)
    end
  end)

  it("when a text is blank or holds a NUL", function()
    for _, name in ipairs { "password", "memo", "target_url" } do
      for _, value in ipairs { "", " ", "\t \n", "\194\160", "\227\128\128" } do
        assert.truthy(refusal({ [name] = value }):find("^" .. name .. " must not be "))
      end
      assert.equal(name .. " must not hold a NUL character", refusal { [name] = "abc\0def" })
    end
  end)

  it("when what is typed, or part of a URL, holds a control character", function()
    for _, name in ipairs { "password", "target_url" } do
      for _, value in ipairs { "https://example.com/\n", "a\tb", "\rabc", "abc\127", "abc\1" } do
        assert.equal(name .. " must not hold a control character, such as a line break", refusal { [name] = value })
      end
    end
    local lockpub = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create { type = "memo", secret_memo = "two\nlines\t", memo = "a\nb", password = " a b " })
  end)

  it("when a text cannot be seen", function()
    for _, value in ipairs { "\226\128\139", "\239\187\191", " \226\128\168 ", "\225\154\128" } do
      assert.equal("password must not be blank", refusal { password = value })
    end
  end)

  it("when it would have expired already", function()
    local lockpub, _, clock = clients.lockpub { clients.CREATED, clients.CREATED }
    local now = clock.now()
    for _, time in ipairs { 0, now - 1, now, "2001-01-01T00:00:00Z" } do
      local _, err = lockpub.links:create(clients.link_fields { expire_time = time })
      assert.equal("expire_time lies in the past: nobody could open the link", err.message)
    end
    assert(lockpub.links:create(clients.link_fields { expire_time = now + 1 }))
    assert(lockpub.links:create(clients.link_fields { expire_time = "9999-12-31T23:59:59Z" }))
  end)

  it("when its expiry lies beyond all years", function()
    assert.equal("expire_time lies after the year 9999", refusal { expire_time = 253402300800 })
    assert.equal("expire_time lies after the year 9999", refusal { expire_time = 1e300 })
    local lockpub, requests = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(clients.link_fields { expire_time = 253402300799 }))
    assert.equal("9999-12-31T23:59:59Z", select(2, json.decode(requests[1].body)).expireTime)
  end)

  it("when the memo shows the password, unless that is meant", function()
    local with = { password = "2026", memo = "Invoice 2026-11" }
    assert.truthy(refusal(with):find("allow_in_memo = true", 1, true))
    assert.truthy(refusal(with, { allow_in_memo = false }):find("allow_in_memo", 1, true))
    local lockpub = clients.lockpub { clients.CREATED }
    assert(lockpub.links:create(clients.link_fields(with), { allow_in_memo = true }))
    assert.truthy(refusal({ type = "memo", target_url = false, secret_memo = "behind it", memo = "look behind it" },
      { allow_in_memo = true }):find("secret memo", 1, true))
  end)
end)

describe("an alias or subdomain is refused before it is sent", function()
  it("when a text holds a NUL", function()
    local locker, requests = clients.locker {}
    for _, call in ipairs {
      function() return locker.addresses:create { description = "a\0b" } end,
      function() return locker.addresses:update(7, { description = "\0" }) end,
      function() return locker.addresses:update(7, { address = "abc\0def" }) end,
      function() return locker.subdomains:create "abc\0def" end,
      function() return locker.subdomains:update(3, "abc\0def", { confirm = "x" }) end,
    } do
      local value, err = call()
      assert.is_nil(value)
      assert.truthy(err.message:find("must not hold a NUL character", 1, true), err.message)
      assert.equal("not_sent", err.outcome)
    end
    assert.equal(0, #requests)
  end)
end)

describe("an address or subdomain is refused before it is sent", function()
  it("when it holds a control character, other than around it, where the service trims", function()
    local locker, requests = clients.locker { clients.address() }
    for _, call in ipairs {
      function() return locker.addresses:update(7, { address = "abc\ndef" }) end,
      function() return locker.addresses:update(7, { address = "abc\127def" }) end,
      function() return locker.subdomains:create "abc\tdef" end,
      function() return locker.subdomains:update(3, "abc\1def", { confirm = "x" }) end,
    } do
      local value, err = call()
      assert.is_nil(value)
      assert.truthy(err.message:find("must not hold a control character", 1, true), err.message)
      assert.equal("not_sent", err.outcome)
    end
    assert.equal(0, #requests)
    assert(locker.addresses:update(7, { address = "abcdef\n", description = "two\nlines" }))
  end)
end)

describe("a key is refused by the constructor", function()
  it("when it is a prefix alone", function()
    for service, keys in pairs {
      lockpub = { "ll_live_", "ll_live", "ll_", "ll_test_", "ll__" }, locker = { "cs.", "cs", "cs..", "cs..." },
    } do
      for _, key in ipairs(keys) do
        local client, err = locksmith[service] { api_key = key }
        assert.is_nil(client, key)
        assert.equal("unauthenticated", err.kind)
        local cut_off = key == "cs." or key:find "^ll_" ~= nil
        assert.equal(cut_off, err.message:find("nothing follows its prefix", 1, true) ~= nil)
      end
    end
  end)
end)

describe("a key expires", function()
  local T = 1780000000

  local function kind_with(claims)
    local function base64url(text)
      local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
      local bits, value, out = 0, 0, {}
      for i = 1, #text do
        value, bits = value * 256 + text:byte(i), bits + 8
        while bits >= 6 do
          local digit = math.floor(value / 2 ^ (bits - 6))
          out[#out + 1] = alphabet:sub(digit + 1, digit + 1)
          value, bits = value - digit * 2 ^ (bits - 6), bits - 6
        end
      end
      if bits > 0 then
        local digit = value * 2 ^ (6 - bits)
        out[#out + 1] = alphabet:sub(digit + 1, digit + 1)
      end
      return table.concat(out)
    end
    local key = "cs.e30." .. base64url(claims) .. ".c2ln"
    local locker = clients.locker({ { status = 200, body = "[]" } }, { api_key = key,
      clock = { now = function() return T end, sleep = function() end } })
    local list, err = locker.addresses:list()
    return list and "valid" or err.kind
  end

  it("by expired_time, by exp, and by the earlier of both", function()
    for claims, kind in pairs {
      [('{"expired_time":%d}'):format(T - 1)] = "unauthenticated",
      [('{"exp":%d}'):format(T - 1)] = "unauthenticated",
      [('{"exp":%d}'):format(T + 1)] = "valid",
      [('{"exp":%d,"expired_time":%d}'):format(T + 1, T - 1)] = "unauthenticated",
      [('{"exp":%d,"expired_time":%d}'):format(T - 1, T + 1)] = "unauthenticated",
      [('{"exp":%d,"expired_time":%d}'):format(T + 1, T + 1)] = "valid",
      ['{"exp":"never"}'] = "valid",
      ["{}"] = "valid",
    } do
      assert.equal(kind, kind_with(claims), claims)
    end
  end)
end)

describe("a refusal in plain text", function()
  local function answer(status, body, headers)
    local lockpub = clients.lockpub({ { status = status, body = body, headers = headers or {} } }, { max_retries = 0 })
    return select(2, lockpub.links:create(clients.link_fields { custom_slug = "mine" }))
  end

  it("reaches the message, on one line and bounded", function()
    assert.equal("Payload is odd", answer(400, "Payload is odd").message)
    assert.equal("two lines", answer(422, "\239\187\191 two\r\n\tlines\n").message)
    assert.equal("upstream connect error", answer(503, "upstream connect error").message)
    assert.is_true(#answer(400, ("word "):rep(1000)).message < 600)
  end)

  it("is a conflict when it tells of a duplicate slug", function()
    for _, text in ipairs { "Slug already taken", "customSlug is already in use", "slug exists\n" } do
      local err = answer(400, text, { ["content-type"] = "text/plain" })
      assert.same({ "conflict", "rejected" }, { err.kind, err.outcome }, text)
    end
    assert.equal("invalid_request", answer(400, "slug has an invalid character").kind)
  end)

  it("shows no secret, be it on several lines or where the text is cut", function()
    assert.equal("[redacted] is no password", answer(400, "share-this-separately is no password").message)
    local memo = "line one\r\n  line two"
    local text = "cannot store " .. memo .. "."
    for _, body in ipairs { text, "<html><title>" .. text .. "</title></html>" } do
      local lockpub = clients.lockpub { { status = 400, body = body } }
      local _, err = lockpub.links:create { type = "memo", secret_memo = memo, password = "pw pw pw", memo = "m" }
      assert.is_nil(err.message:find "line")
      assert.truthy(err.message:find("cannot store [redacted]", 1, true), err.message)
    end
    for before = 60, 520 do
      local padding = ("x"):rep(before)
      for _, form in ipairs { "%s share-this-separately", "<html><title>%s share-this-separately</title>" } do
        local message = answer(400, form:format(padding)).message
        assert.is_nil(message:find("x shar", 1, true), message)
      end
    end
  end)

  it("is UTF-8, whatever came", function()
    assert.equal("Schl\239\191\189ssel", answer(400, "Schl\252ssel").message)
    assert.equal("Schl\195\188ssel", answer(400, "Schl\195\188ssel").message)
  end)

  it("is read whatever the service calls it", function()
    for _, kind in ipairs { "text/plain", "text/plain; charset=utf-8", "text/html", "application/json", "" } do
      local err = answer(422, "Slug already taken", { ["content-type"] = kind })
      assert.same({ "conflict", "Slug already taken" }, { err.kind, err.message })
    end
  end)

  it("tells that a link of ours is there", function()
    local lockpub = clients.lockpub { { status = 400, body = "Slug already taken" } }
    local link, response = lockpub.links:create(clients.link_fields(), { idempotent = "x" })
    assert.equal(26, #link.slug)
    assert.is_true(response.recovered)
  end)

  it("is not made of what is no text", function()
    for _, body in ipairs { "", " \n", '{"message":"cut of', "[1,2", '"cut', "\1\2\3", "<html>x</html>", "12345" } do
      assert.equal("HTTP 400", answer(400, body).message, body)
    end
    assert.equal(sandbox.LOCKPUB_KEY:sub(1, 8), "ll_live_")
  end)
end)
