local clients = require "spec.support.clients"

local function link_of(body)
  local lockpub = clients.lockpub { { status = 201, body = body } }
  return assert(lockpub.links:create(clients.link_fields()))
end

describe("the times of a link", function()
  it("are Unix seconds, and the text is in raw", function()
    local link = link_of('{"slug":"a","startTime":"2030-01-31T12:00:00Z","expireTime":"2030-02-01T00:00:00+01:00",'
      .. '"createdAt":"2026-11-21T12:34:56.500Z","updated_at":"2026-11-21T12:34:56Z","lastOpenedAt":null}')
    assert.equal(1896091200, link.start_time)
    assert.equal("1896091200", tostring(link.start_time))
    assert.equal(1896130800, link.expire_time)
    assert.equal(1795264496.5, link.created_at)
    assert.equal(1795264496, link.updated_at)
    assert.is_nil(link.last_opened_at)
    assert.equal("2030-01-31T12:00:00Z", link.raw.startTime)
    assert.equal("2026-11-21T12:34:56.500Z", link.raw.createdAt)
    assert.is_nil(link.raw.start_time)
  end)

  it("stay numbers, whatever they count", function()
    local link = link_of '{"expireTime":1896091200,"createdAt":1896091200123,"startTime":1896091200.0}'
    assert.equal("1896091200", tostring(link.expire_time))
    assert.equal(1896091200.123, link.created_at)
    assert.equal("1896091200", tostring(link.start_time))
  end)

  it("stay as they came where they cannot be read", function()
    local link = link_of('{"expireTime":"never","createdAt":"2026-11-21T12:34:56","startTime":true,'
      .. '"updatedAt":"","at":"x"}')
    assert.same({ "never", "2026-11-21T12:34:56", true, "", "x" },
      { link.expire_time, link.created_at, link.start_time, link.updated_at, link.at })
  end)

  it("are numbers under other names of times, in objects and in arrays, too", function()
    local link = link_of [[{"expires":"2030-01-31T12:00:00Z","validUntil":"2030-01-31T12:00:00Z",
      "expiryDate":"2030-01-31","openedAt":["2030-01-31T12:00:00Z","x"],
      "access":{"lastOpenedAt":"2030-01-31T12:00:00.250Z","log":["2030-01-31T12:00:00Z"]}}]]
    assert.same({ 1896091200, 1896091200, "2030-01-31" }, { link.expires, link.valid_until, link.expiry_date })
    assert.same({ 1896091200, "x" }, link.opened_at)
    assert.same({ last_opened_at = 1896091200.25, log = { "2030-01-31T12:00:00Z" } }, link.access)
    assert.same({ "2030-01-31T12:00:00Z", "x" }, link.raw.openedAt)
  end)

  it("are not found in texts that are none", function()
    local link = link_of '{"memo":"2030-01-31T12:00:00Z","flat":"2030-01-31","time":"2030-01-31"}'
    assert.same({ "2030-01-31T12:00:00Z", "2030-01-31", "2030-01-31" }, { link.memo, link.flat, link.time })
  end)
end)

describe("the names of a link", function()
  it("are those of the answer where it has both spellings", function()
    for _ = 1, 20 do
      local link = link_of '{"shortUrl":"a","short_url":"b","inner":{"aB":1,"a_b":2},"targetUrl":"c","target_url":null}'
      assert.same({ "b", 2, "c" }, { link.short_url, link.inner.a_b, link.target_url })
    end
  end)

  it("are in snake_case at every depth, raw being left as it came", function()
    local link = link_of('{"accessLimits":{"maxViews":3,"perDay":[{"dayName":"mon","openAt":"2030-01-31T12:00:00Z"}]},'
      .. '"tagList":["aB","cD"],"empty":{}}')
    assert.same({ max_views = 3, per_day = { { day_name = "mon", open_at = 1896091200 } } }, link.access_limits)
    assert.same({ "aB", "cD" }, link.tag_list)
    assert.same({ maxViews = 3, perDay = { { dayName = "mon", openAt = "2030-01-31T12:00:00Z" } } },
      link.raw.accessLimits)
    assert.not_equal(link.empty, link.raw.empty)
    link.access_limits.max_views = 9
    assert.equal(3, link.raw.accessLimits.maxViews)
  end)
end)
