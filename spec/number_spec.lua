--- Numbers on their way out: whole ones are written whole, in URLs and in bodies.

local clients = require "spec.support.clients"
local json = require "locksmith.json"
local number = require "locksmith.number"

-- Computed, so that Lua 5.3 and later have floats of them: 88.0, 1e+15, …
local WHOLE = {
  { 10 / 5, "2" }, { 176 / 2, "88" }, { -6 / 2, "-3" }, { 0 / 5, "0" }, { -0.0, "0" }, { 1e14, "100000000000000" },
  { 1e15, "1000000000000000" }, { 2 ^ 31, "2147483648" }, { 2 ^ 53, "9007199254740992" },
  { 123456789012 * 1000.0, "123456789012000" },
}

describe("numbers", function()
  it("are written whole when they are whole", function()
    for _, case in ipairs(WHOLE) do assert.equal(case[2], number.text(case[1])) end
    assert.equal("100000000000000000000", number.text(1e20))
    if math.type then
      assert.equal("9007199254740993", number.text(9007199254740993))
      local most = tonumber "9223372036854775807"
      assert.equal("9223372036854775807", number.text(most))
      assert.equal("-9223372036854775808", number.text(-most - 1))
    end
  end)

  it("read back as they were when they are not", function()
    for _, value in ipairs { 0.5, -0.1, 1 / 3, 1e300, 2 ^ -1074, 0.1 + 0.2, 123456.789 } do
      local text = number.text(value)
      assert.equal(value, tonumber(text))
      assert.is_nil(text:find(",", 1, true))
    end
    assert.equal("0.1", number.text(0.1))
  end)

  it("that are none have no text", function()
    for _, value in ipairs { 0 / 0, math.huge, -math.huge } do assert.is_nil(number.text(value)) end
  end)

  it("go so into a query", function()
    local locker, requests = clients.locker { { status = 200, body = "{}" } }
    for _, case in ipairs(WHOLE) do
      assert(locker:request { method = "GET", path = "x", query = { n = case[1] } })
      assert.truthy(requests[#requests].url:find("?n=" .. case[2], 1, true), requests[#requests].url)
    end
    if math.type then
      assert(locker:request { method = "GET", path = "x", query = { n = 9007199254740993 } })
      assert.truthy(requests[#requests].url:find("?n=9007199254740993", 1, true))
    end
    local ok, message = pcall(function()
      locker:request { method = "GET", path = "x", query = { n = 0 / 0 } }
    end)
    assert.is_false(ok)
    assert.truthy(message:find "number_spec.lua:%d+: .*'query' must map names to strings, finite numbers or booleans")
  end)

  it("go so into a path as ids", function()
    local locker, requests = clients.locker { clients.address() }
    for _, case in ipairs { { 176 / 2, "88" }, { 2 ^ 53, "9007199254740992" }, { 1e15, "1000000000000000" } } do
      locker.addresses:get(case[1])
      locker.addresses:delete(case[1])
      locker.subdomains:get(case[1])
      for i = #requests - 2, #requests do
        assert.truthy(requests[i].url:find("/" .. case[2] .. "$"), requests[i].url)
      end
    end
  end)

  it("go so into a body, at any depth", function()
    local locker, requests = clients.locker { { status = 200, body = "{}" } }
    for _, case in ipairs(WHOLE) do
      local text = case[1] == 0 and "%-?0" or case[2]:gsub("%-", "%%-")
      assert(locker:request { method = "POST", path = "x", body = { n = case[1] } })
      assert.truthy(requests[#requests].body:find('^{"n":' .. text .. "}$"), requests[#requests].body)
      assert(locker:request { method = "POST", path = "x", body = { list = { { n = case[1] }, 0.5 } } })
      assert.truthy(requests[#requests].body:find('"n":' .. text .. "}", 1), requests[#requests].body)
    end
    local lockpub, sent = clients.lockpub { clients.CREATED }
    for _, limit in ipairs { 6 / 2, 3, 1e15 } do
      assert(lockpub.links:create(clients.link_fields { redirect_limit = limit, extra = { visits = 8 / 2 } }))
      assert.truthy(sent[#sent].body:find('"redirectLimit":' .. ("%.0f"):format(limit) .. "[,}]"), sent[#sent].body)
      assert.truthy(sent[#sent].body:find '"visits":4[,}]')
    end
    assert.equal("[9007199254740991,2]", (json.encode { 2 ^ 53 - 1, 4 / 2 }))
  end)
end)
