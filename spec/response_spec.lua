local cjson = require "cjson"
local clients = require "spec.support.clients"

local function names_of(value)
  local names = {}
  for name in pairs(value) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return table.concat(names, " ")
end

local function create(answer)
  local lockpub = clients.lockpub { answer or clients.CREATED }
  local link, response = lockpub.links:create(clients.link_fields())
  assert(link, tostring(response))
  return response
end

describe("a response", function()
  it("shows all its parts to pairs, and nothing else; the headers once they were asked for", function()
    local response = create()
    local has_pairs = pairs(setmetatable({}, { __pairs = function() return true end })) == true
    if not has_pairs then assert.equal("attempts elapsed quota recovered status", names_of(response)) end
    assert.is_table(response.headers)
    assert.equal("attempts elapsed headers quota recovered status", names_of(response))
    local raw = {}
    for name in next, response do raw[#raw + 1] = tostring(name) end
    assert.equal(6, #raw)
    if has_pairs then assert.equal("attempts elapsed headers quota recovered status", names_of(create())) end
  end)

  it("makes the table of its headers once", function()
    local response = create()
    response.headers.mine = "1"
    assert.equal("1", response.headers.mine)
    response.headers = nil
    assert.same({}, response.headers)
    assert.is_nil(response.other)
  end)

  it("can be given to a JSON encoder", function()
    local response = create()
    assert.is_table(response.headers)
    local decoded = cjson.decode(cjson.encode(response))
    assert.equal(201, decoded.status)
    assert.equal("application/json", decoded.headers["content-type"])
    assert.equal(999, decoded.quota.remaining)
    assert.equal(201, decoded.attempts[1].status)
  end)

  it("leads to no secret", function()
    local seen = {}
    local function walk(value)
      local kind = type(value)
      assert.truthy(kind ~= "userdata" and kind ~= "function" and kind ~= "thread", kind)
      if kind ~= "table" or seen[value] then return end
      seen[value] = true
      local class = getmetatable(value)
      for field, inner in pairs(class or {}) do
        assert.truthy(field == "__name" or (field == "__index" or field == "__pairs") and type(inner) == "function")
      end
      for name, inner in next, value do
        walk(name)
        walk(inner)
      end
    end
    walk(create())
  end)

  it("of a composition lists the attempts of every step", function()
    local locker, _, clock = clients.locker { clients.address(), { status = 503, body = "" },
      { status = 200, body = '{"id":7}' }, clients.address { description = "x" } }
    local began = clock.now()
    local address, response = locker.addresses:update(7, { description = "x" })
    assert(address, tostring(response))
    local steps = {}
    for i, attempt in ipairs(response.attempts) do steps[i] = attempt.step .. " " .. attempt.status end
    assert.same({ "locker.addresses.get 200", "locker.addresses.update 503", "locker.addresses.update 200",
      "locker.addresses.get 200" }, steps)
    assert.equal(clock.now() - began, response.elapsed)
    assert.is_true(response.elapsed > 0)
  end)

  it("of one request names no steps", function()
    assert.is_nil(create().attempts[1].step)
  end)
end)

describe("an error of a composition", function()
  it("lists the attempts of every step", function()
    local locker = clients.locker { clients.address(), { status = 200, body = '{"id":7}' },
      { status = 404, body = "{}" } }
    local _, err = locker.addresses:update(7, { description = "x" })
    local steps = {}
    for i, attempt in ipairs(err.attempts) do steps[i] = attempt.step end
    assert.same({ "locker.addresses.get", "locker.addresses.update", "locker.addresses.get" }, steps)
    assert.truthy(tostring(err):find("[3 attempts]", 1, true))
  end)

  it("lists them, too, when it was refused here after a read", function()
    local locker = clients.locker { { status = 200, body = '{"id":3,"subdomain":"mine","num_alias":2}' } }
    local _, err = locker.subdomains:delete(3, { confirm = "other" })
    assert.equal("not_sent", err.outcome)
    assert.equal(1, #err.attempts)
    assert.equal("number", type(err.elapsed))
  end)
end)
