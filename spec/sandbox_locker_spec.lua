--- Locker's server in the sandbox, beyond what the recordings show (sandbox_wire_spec.lua).

local caller = require "spec.support.caller"
local sandbox = require "locksmith.sandbox"

local START = 1795189533

local function new(options)
  options = options or {}
  options.start_time = options.start_time or START
  options.seed = 1
  local box = sandbox.new(options)
  return box, caller.locker(box)
end

local function ids(page)
  local list = {}
  for i, item in ipairs(page.results or page) do list[i] = item.id end
  return list
end

local function fill(box, count)
  for i = 1, count do box:add_address(nil, { created_time = START + i }) end
end

describe("Locker in the sandbox", function()
  it("serves the same account under both prefixes, with links to the one asked", function()
    local box, call = new()
    fill(box, 11)
    local other = caller.new(box, {
      prefix = "https://api.locker.io/v3/cystack_platform/relay", key = sandbox.LOCKER_KEY,
    })
    assert.same(ids(call("GET", "/addresses").json), ids(other("GET", "/addresses").json))
    assert.equal("http://api.locker.io/v3/relay/addresses?page=2", call("GET", "/addresses").json.next)
    assert.equal("http://api.locker.io/v3/cystack_platform/relay/addresses?page=2",
      other("GET", "/addresses").json.next)
  end)

  it("sends a creation time as an integer once and as a float ever after", function()
    local _, call = new { start_time = START + 0.75 }
    assert.matches('"created_time":1795189533,', call("POST", "/addresses").body, 1, true)
    assert.matches('"created_time":1795189533.0,', call("GET", "/addresses/1").body, 1, true)
    assert.matches('"updated_time":null,', call("GET", "/addresses/1").body, 1, true)
    call("PUT", "/addresses/1/enabled")
    assert.matches('"updated_time":1795189533.0,', call("GET", "/addresses/1").body, 1, true)
  end)

  it("generates local parts of six characters, the same for the same seed", function()
    local _, call = new()
    local _, again = new()
    local name = call("POST", "/addresses").json.address
    assert.matches("^[0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z]$", name)
    assert.equal(name, again("POST", "/addresses").json.address)
    assert.not_equal(name, call("POST", "/addresses").json.address)
  end)

  it("never generates a local part that is taken or was", function()
    local dealt = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3 }
    local box = sandbox.new { random = function() return table.remove(dealt, 1) end }
    local call = caller.locker(box)
    assert.equal("000000", call("POST", "/addresses").json.address)
    assert.equal("111111", call("POST", "/addresses").json.address)
    call("DELETE", "/addresses/1")
    assert.equal("222222", call("POST", "/addresses").json.address)
  end)

  describe("checks in order:", function()
    local function plan_free() return new { plan = "free" } end

    it("the path, then Accept, then the key, then the account, then the body, then the method", function()
      local box, call = new()
      local bad = { Accept = "text/html", Authorization = "nonsense", ["Content-Type"] = "application/json" }
      assert.equal(404, call("PATCH", "/nothing", "{", bad).status)
      assert.equal(406, call("PATCH", "/addresses", "{", bad).status)
      bad.Accept = "application/json;q=0.5"
      assert.equal(401, call("PATCH", "/addresses", "{", bad).status)
      bad.Authorization = nil
      box:set_account(nil, { active = false })
      assert.equal(403, call("PATCH", "/addresses", "{", bad).status)
      box:set_account(nil, { active = true })
      assert.equal(400, call("PATCH", "/addresses", "{", bad).status)
      assert.equal(405, call("PATCH", "/addresses", "{}", bad).status)
    end)

    it("the plan before the subdomain, but the address before the plan", function()
      local _, call = plan_free()
      assert.equal("7002", call("PUT", "/subdomains/9", { subdomain = "x" }).json.code)
      assert.equal("0001", call("PUT", "/addresses/9/block_spam").json.code)
      assert.equal("0001", call("DELETE", "/subdomains/9").json.code)
    end)

    it("whether a JSON body is an object last of all, and only where its fields are read", function()
      local box, call = plan_free()
      local id, json = box:add_address().id, { ["Content-Type"] = "application/json" }
      for _, body in ipairs { "[]", '[{"username":"x"}]', "null", '"x"', "0", "true" } do
        local function sent(method, path) return call(method, path, body, json) end
        assert.equal("0001", sent("PUT", "/addresses/9").json.code)
        assert.equal("0001", sent("PUT", "/addresses/9/enabled").json.code)
        assert.equal("7002", sent("PUT", "/addresses/" .. id .. "/block_spam").json.code)
        assert.equal("7002", sent("POST", "/subdomains").json.code)
        assert.equal("7002", sent("PUT", "/subdomains/9").json.code)
        assert.equal("7002", sent("PUT", "/subdomains/use_subdomain").json.code)
        assert.equal(405, sent("PATCH", "/addresses").status)
        for _, answer in ipairs { sent("POST", "/addresses"), sent("PUT", "/addresses/" .. id) } do
          assert.same({ 400, { code = "0004", message = "Invalid data" } }, { answer.status, answer.json })
        end
        assert.equal(200, sent("GET", "/addresses").status)
        assert.equal(200, sent("GET", "/subdomains/use_subdomain").status)
        assert.equal(200, sent("PUT", "/addresses/" .. id .. "/enabled").status)
      end
      assert.equal(204, call("DELETE", "/addresses/" .. id, "[]", json).status)
      box:set_account(nil, { plan = "premium" })
      assert.equal("0001", call("PUT", "/subdomains/9", "[]", json).json.code)
      local refused = call("PUT", "/subdomains/use_subdomain", "null", json).json
      assert.same({ code = "0004", message = "Invalid data" }, refused)
    end)

    it("nothing of an update is kept when the description is too long for the database", function()
      local _, call = new()
      local before = call("POST", "/addresses").json
      local response = call("PUT", "/addresses/1", {
        address = "anothername", description = ("é"):rep(65), enabled = false,
      })
      assert.equal(500, response.status)
      local after = call("GET", "/addresses/1").json
      assert.equal(before.address, after.address)
      assert.is_true(after.enabled)
      assert.equal(200, call("PUT", "/addresses/1", { address = "anothername", description = ("é"):rep(64) }).status)
    end)
  end)

  describe("HEAD and OPTIONS", function()
    local function filled()
      local box, call = new()
      box:add_subdomain(nil, { subdomain = "team" })
      box:add_address()
      return call
    end

    it("HEAD is a GET without its body, fails on the flag that has a GET, and is refused by toggles", function()
      local call = filled()
      for path, status in pairs {
        ["/"] = 200, ["/addresses"] = 200, ["/addresses/1"] = 200, ["/addresses/9"] = 404, ["/subdomains"] = 200,
        ["/subdomains/1"] = 200, ["/subdomains/9"] = 404, ["/subdomains/use_subdomain"] = 500,
        ["/addresses/1/enabled"] = 405, ["/addresses/1/block_spam"] = 405,
      } do
        local answer = call("HEAD", path)
        assert.same({ status, "" }, { answer.status, answer.body }, path)
        assert.is_true(tonumber(answer.headers["content-length"]) > 0)
      end
    end)

    it("OPTIONS fails where the server would describe the fields of a body", function()
      local call = filled()
      for _, path in ipairs { "/addresses", "/addresses/1", "/subdomains", "/subdomains/1" } do
        local answer = call("OPTIONS", path)
        assert.same({ 500, "0008" }, { answer.status, answer.json.code }, path)
      end
      for path, name in pairs {
        ["/"] = "Api Root", ["/subdomains/use_subdomain"] = "Use subdomain", ["/addresses/1/enabled"] = "Enabled",
        ["/addresses/1/block_spam"] = "Block spam", ["/addresses/9/enabled"] = "Enabled",
        ["/addresses/9"] = "Relay Address Instance", ["/subdomains/9"] = "Relay Subdomain Instance",
      } do
        local answer = call("OPTIONS", path)
        assert.same({ 200, name }, { answer.status, answer.json.name }, path)
        assert.matches("OPTIONS", answer.headers.allow)
      end
      assert.equal(401, call("OPTIONS", "/addresses/1/enabled", nil, { Authorization = false }).status)
    end)
  end)

  describe("pages", function()
    it("give every item once, oldest first", function()
      local box, call = new()
      fill(box, 25)
      local seen = {}
      for page = 1, 3 do
        for _, id in ipairs(ids(call("GET", "/addresses?page=" .. page).json)) do seen[#seen + 1] = id end
      end
      local wanted = {}
      for id = 1, 25 do wanted[id] = id end
      assert.same(wanted, seen)
    end)

    it("move up when something before them is deleted", function()
      local box, call = new()
      fill(box, 4)
      assert.same({ 1, 2 }, ids(call("GET", "/addresses?size=2").json))
      box:delete_address(1)
      assert.same({ 4 }, ids(call("GET", "/addresses?size=2&page=2").json))
    end)

    it("can ignore the size", function()
      local box, call = new { ignore_size = true }
      fill(box, 12)
      local page = call("GET", "/addresses?size=3").json
      assert.equal(10, #page.results)
      assert.equal("http://api.locker.io/v3/relay/addresses?page=2&size=3", page.next)
    end)

    it("can have another request's size, while the link echoes the asked one", function()
      local asked
      local box, call = new {
        page_size_leak = function(size)
          asked = size
          return 3
        end,
      }
      fill(box, 7)
      local page = call("GET", "/addresses?size=5").json
      assert.equal(5, asked)
      assert.equal(3, #page.results)
      assert.equal(7, page.count)
      assert.equal("http://api.locker.io/v3/relay/addresses?page=2&size=5", page.next)
      assert.equal(7, #call("GET", "/addresses?size=5&paging=0").json)
      assert.equal(sandbox.null, call("GET", "/addresses?page=3&size=5").json.next)
    end)

    it("have no promised order within a second, nor an evident oldest", function()
      local box, call = new { same_second = function(id, purpose) return purpose == "list" and -id or id end }
      for _ = 1, 3 do box:add_address() end
      assert.same({ 3, 2, 1 }, ids(call("GET", "/addresses").json))
      assert.equal(403, call("PUT", "/addresses/3", { address = "firstlisted" }).status)
      assert.equal(200, call("PUT", "/addresses/1", { address = "reallyoldest" }).status)
    end)
  end)

  describe("updates", function()
    local function updated(fields, headers)
      local box, call = new()
      local address = box:add_address(nil, { address = "original1", description = "d", created_time = START }).address
      if type(fields) == "table" then fields.address = fields.address or address end
      local response = call("PUT", "/addresses/1", fields, headers)
      return response, box:address(1)
    end

    it("read numbers as text and words as booleans", function()
      for given, text in pairs { [12.5] = "12.5", [1000000] = "1000000" } do
        local _, address = updated { description = given }
        assert.equal(text, address.description)
      end
      local _, address = updated('{"address":"original1","description":1e3}', { ["Content-Type"] = "application/json" })
      assert.equal("1000.0", address.description)
      for given, flag in pairs { off = false, No = false, T = true, ON = true } do
        _, address = updated { enabled = given }
        assert.equal(flag, address.enabled)
      end
      _, address = updated { enabled = 0 }
      assert.is_false(address.enabled)
    end)

    -- Written as bytes: not every Lua knows \u{} in strings.
    local SPACES = { " ", "\t", "\n", "\11", "\12", "\r", "\28", "\31", "\194\133", "\194\160", "\225\154\128",
      "\226\128\128", "\226\128\138", "\226\128\168", "\226\128\169", "\226\128\175", "\226\129\159", "\227\128\128" }

    it("trim every white space of Unicode, as the server's language does", function()
      for _, char in ipairs(SPACES) do
        local _, address = updated { address = char .. "original1" .. char .. " " .. char,
          description = char .. "in" .. char .. "side" .. char }
        assert.equal("original1", address.address)
        assert.equal("in" .. char .. "side", address.description)
        assert.equal(400, updated { address = char:rep(6) }.status)
        assert.equal(400, updated { address = "abcde" .. char }.status)
      end
      local _, address = updated { description = table.concat(SPACES):rep(2) }
      assert.equal("", address.description)
      -- Zero-width characters are no white space to it.
      _, address = updated { description = "\226\128\139x\239\187\191" }
      assert.equal("\226\128\139x\239\187\191", address.description)
    end)

    it("trim the name of a subdomain and the numbers of a query likewise", function()
      local box, call = new()
      fill(box, 3)
      for i, char in ipairs(SPACES) do
        assert.equal(201, call("POST", "/subdomains", { subdomain = char .. "name" .. i .. char }).status)
        assert.equal("name" .. i, box:subdomain().subdomain)
        box:delete_subdomain()
        local encoded = char:gsub(".", function(byte) return ("%%%02X"):format(byte:byte()) end)
        assert.equal(2, #call("GET", "/addresses?size=" .. encoded .. "2" .. encoded).json.results)
      end
    end)

    it("of a form read an absent flag as false and an empty one as absent", function()
      local form = { ["Content-Type"] = "application/x-www-form-urlencoded" }
      local _, address = updated("address=original1&block_spam=", form)
      assert.is_false(address.enabled)
      assert.is_false(address.block_spam)
      assert.equal("d", address.description)
      _, address = updated("address=original1&description=&enabled=on", form)
      assert.is_true(address.enabled)
      assert.equal("", address.description)
    end)

    it("of a multipart form leave files out, and refuse one without a boundary", function()
      local body = '--X\r\nContent-Disposition: form-data; name="address"\r\n\r\noriginal1\r\n'
        .. '--X\r\nContent-Disposition: form-data; name="description"; filename="a"\r\n\r\nfile\r\n--X--\r\n'
      local _, address = updated(body, { ["Content-Type"] = 'multipart/form-data; boundary="X"' })
      assert.equal("d", address.description)
      local response = updated(body, { ["Content-Type"] = "multipart/form-data" })
      assert.equal(400, response.status)
      assert.same({}, response.json.details)
    end)

    it("refuse a body that is not UTF-8", function()
      assert.equal(400, updated('{"address":"\255"}', { ["Content-Type"] = "application/json" }).status)
    end)
  end)

  describe("subdomains", function()
    it("take their aliases with them, and remember those with the subdomain only", function()
      local box, call = new()
      box:add_address(nil, { address = "plain001", created_time = START - 1 })
      call("POST", "/subdomains", { subdomain = "team" })
      call("PUT", "/subdomains/use_subdomain", { use_relay_subdomain = true })
      local inside = call("POST", "/addresses").json
      assert.equal(inside.address .. "@team.maily.org", inside.full_address)
      assert.equal(1, call("GET", "/subdomains/1").json.num_alias)
      call("DELETE", "/subdomains/1")
      assert.equal(404, call("GET", "/addresses/" .. inside.id).status)
      assert.equal(200, call("PUT", "/addresses/1", { address = inside.address }).status)
      assert.equal(400, call("POST", "/subdomains", { subdomain = "team" }).status)
    end)

    it("add up the counters of their aliases", function()
      local box, call = new()
      box:add_subdomain(nil, { subdomain = "team" })
      box:add_address(nil, { subdomain = "team", num_spam = 2, num_forwarded = 5 })
      box:add_address(nil, { subdomain = "team", num_spam = 1 })
      local listed = call("GET", "/subdomains").json.results[1]
      assert.equal(2, listed.num_alias)
      assert.equal(3, listed.num_spam)
      assert.equal(5, listed.num_forwarded)
    end)
  end)

  describe("the throttle", function()
    it("passes 600 requests a minute and names the seconds to wait for the next", function()
      local box, call = new()
      for _ = 1, 600 do assert.equal(200, call("GET", "/subdomains").status) end
      box:advance(12.25)
      local refused = call("GET", "/addresses")
      assert.equal(429, refused.status)
      assert.equal("48", refused.headers["retry-after"])
      assert.equal("Request was throttled. Expected available in 48 seconds.", refused.json.detail)
      box:advance(47)
      assert.equal("Request was throttled. Expected available in 1 second.", call("GET", "/addresses").json.detail)
      box:advance(1)
      assert.equal(200, call("GET", "/addresses").status)
    end)

    it("slides, and what it refuses does not extend the wait", function()
      local box, call = new { throttle = 2 }
      call("GET", "/addresses")
      box:advance(30)
      call("GET", "/addresses")
      for _ = 1, 5 do assert.equal(429, call("GET", "/addresses").status) end
      box:advance(30)
      assert.equal(200, call("GET", "/addresses").status)
      assert.equal("30", call("GET", "/addresses").headers["retry-after"])
    end)

    it("counts per address, not per account", function()
      local box, call = new { throttle = 1, accounts = { { name = "other", token = "t" } } }
      call("GET", "/addresses")
      assert.equal(429, caller.locker(box, "t")("GET", "/addresses").status)
      assert.equal(200, call("GET", "/addresses", nil, { ["X-Forwarded-For"] = "192.0.2.1" }).status)
      assert.equal(429, call("GET", "/addresses", nil, { ["X-Forwarded-For"] = "192.0.2.1" }).status)
      local from_elsewhere = box:handle {
        method = "GET", url = "/v3/relay/addresses", peer = "192.0.2.2",
        headers = { { "authorization", "Bearer " .. sandbox.LOCKER_KEY } },
      }
      assert.equal(200, from_elsewhere.status)
    end)

    it("counts failures behind authentication and nothing before it", function()
      local _, call = new { throttle = 2 }
      for _ = 1, 5 do
        assert.equal(401, call("GET", "/addresses", nil, { Authorization = "Bearer x" }).status)
        assert.equal(404, call("GET", "/nothing").status)
        assert.equal(400, call("POST", "/addresses", "{", { ["Content-Type"] = "application/json" }).status)
      end
      assert.equal(404, call("GET", "/addresses/77").status)
      assert.equal(405, call("PATCH", "/addresses").status)
      assert.equal(429, call("PATCH", "/addresses").status)
    end)

    it("can be switched off", function()
      local _, call = new { throttle = false }
      for _ = 1, 700 do assert.equal(200, call("GET", "/subdomains").status) end
    end)
  end)

  describe("accounts", function()
    it("have tokens and data of their own", function()
      local box, call = new {
        accounts = { { name = "other", token = "cs.abc", plan = "family", addresses = { { id = 40 }, { id = 41 } } } },
      }
      local other = caller.locker(box, "cs.abc")
      assert.same({ 40, 41 }, ids(other("GET", "/addresses").json))
      assert.same({ 40, 41 }, ids(caller.locker(box, "abc")("GET", "/addresses").json))
      assert.equal(42, call("POST", "/addresses").json.id)
      assert.equal(404, call("GET", "/addresses/40").status)
      local name, token = box:add_account { plan = "free" }
      assert.equal(201, caller.locker(box, token)("POST", "/addresses").status)
      assert.equal(1, #box:addresses(name))
    end)

    it("can be downgraded", function()
      local box, call = new()
      fill(box, 3)
      box:set_account(nil, { plan = "free" })
      assert.equal("8000", call("POST", "/addresses").json.code)
      assert.equal(200, call("PUT", "/addresses/2/enabled").status)
      assert.is_false(box:address(2).enabled)
      box:set_account(nil, { enterprise_member = true })
      assert.equal(201, call("POST", "/addresses").status)
    end)

    it("lose their old token with a new one", function()
      local box, call = new()
      box:set_account(nil, { token = "cs.new" })
      assert.equal(401, call("GET", "/addresses").status)
      assert.equal(200, caller.locker(box, "cs.new")("GET", "/addresses").status)
    end)

    it("can be changed by someone else", function()
      local box, call = new()
      fill(box, 2)
      box:set_address(1, { enabled = false, num_spam = 4, updated_time = START })
      local address = call("GET", "/addresses/1").json
      assert.is_false(address.enabled)
      assert.equal(4, address.num_spam)
      assert.equal(START, address.updated_time)
      box:delete_address(2)
      assert.equal(404, call("GET", "/addresses/2").status)
      assert.has_error(function() box:set_address(1, { colour = "red" }) end)
      assert.has_error(function() box:delete_address(2) end)
    end)
  end)
end)
