--- The command `locksmith aliases`.

local command = require "spec.support.command"
local json = require "locksmith.json"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

-- Each run takes a process. What does not depend on the Lua is tested with one.
local once = command.once(it)

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("the command aliases", reason) then return end

describe("locksmith aliases", function()
  local box, folder

  setup(function()
    box = server.sandbox()
    folder = shell.folder "cli"
  end)
  teardown(function()
    box:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)
  before_each(function() box:reset { seed = 1 } end)

  local function run(...)
    local given = type((...)) == "table" and (...) or { ... }
    for i, word in ipairs { "aliases", "--store=memory", "--base-url=" .. box.url } do table.insert(given, i, word) end
    given.environment = { LOCKER_API_KEY = server.LOCKER_KEY }
    return command.run(given)
  end

  local function done(...)
    local told = run(...)
    assert.equal(0, told.status, told.err)
    return told
  end

  local function refused(status, text, ...)
    local told = run(...)
    assert.equal(status, told.status, told.err .. told.out)
    assert.truthy(told.err:find(text, 1, true), told.err)
    return told
  end

  local function add(fields) return box:call("add_address", sandbox.null, fields) end
  local function state(id) return box:call("address", id) end

  local function writes()
    local count = 0
    for _, request in ipairs(box:log()) do
      if request.method ~= "GET" then count = count + 1 end
    end
    return count
  end

  local function objects(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do
      local ok, value = json.decode(line)
      assert.is_true(ok, line)
      list[#list + 1] = value
    end
    return list
  end

  describe("list", function()
    before_each(function()
      add { address = "quiet.fox", description = "shop", num_forwarded = 3 }
      add { address = "loud.cat", description = "a\tb", num_spam = 51, enabled = false }
    end)

    it("prints a line for each, with tabs between the values", function()
      assert.equal("1\tquiet.fox@maily.org\ttrue\tfalse\t3\t0\t0\t0\tshop\n"
        .. "2\tloud.cat@maily.org\tfalse\tfalse\t0\t0\t0\t51\ta\\tb\n", done("list").out)
    end)

    it("prints those for which an expression holds", function()
      assert.equal("loud.cat@maily.org\n",
        done("list", "--where", "num_spam > 50 and num_forwarded == 0", "--columns", "full_address").out)
      assert.equal("", done("list", "--where", "created_time > now + days(1)").out)
    end)

    once("prints all fields as JSON", function()
      local first = objects(done("list", "--json").out)[1]
      for name, value in pairs { id = 1, full_address = "quiet.fox@maily.org", domain = "maily.org", enabled = true } do
        assert.equal(value, first[name])
      end
    end)

    once("refuses expressions and columns that are none", function()
      refused(2, "--where: num_spma is not a field of an address; did you mean num_spam?", "list", "--where",
        "num_spma")
      refused(2, "--where: ", "list", "--where", "os.exit(0)")
      refused(2, "--where, for quiet.fox@maily.org: '>' cannot compare nil with a number", "list", "--where",
        "subdomain > 5")
      refused(2, "'ful_address' is not a field of an alias; did you mean full_address?", "list", "--columns",
        "id,ful_address")
      assert.equal(0, writes())
    end)
  end)

  once("get shows some, by number or full address, and says which are not there", function()
    add { address = "quiet.fox" }
    add { address = "loud.cat" }
    assert.equal("loud.cat@maily.org\nquiet.fox@maily.org\n",
      done("get", "Loud.Cat@maily.org", "1", "--columns", "full_address").out)
    local told = refused(1, "locksmith: nobody@maily.org: there is no such alias\n", "get", "9", "nobody@maily.org",
      "1")
    assert.truthy(told.err:find("locksmith: 9: locker.addresses.get: not_found", 1, true))
    assert.truthy(told.out:find("^1\tquiet.fox"))
    refused(2, "'fox' is neither a number nor a full address", "get", "fox")
  end)

  once("create makes one and prints its address", function()
    local told = done("create", "--description", "shop")
    assert.equal(state(1).full_address .. "\n", told.out)
    assert.equal("shop", state(1).description)
    refused(2, "at most 64 characters", "create", "--description", ("x"):rep(65))
    local before = writes()
    assert.equal("new\n", done("create", "--description", "new", "--dry-run").out)
    refused(2, "at most 64 characters", "create", "--description", ("x"):rep(65), "--dry-run")
    assert.equal(before, writes())
  end)

  once("create says what a free plan refuses, and shows what exists in spite of an error", function()
    box:reset { plan = "free" }
    done "create"
    local told = refused(4, "limit_reached", "create")
    assert.equal("", told.out)
    box:reset()
    box:fault { method = "PUT", fault = { status = 400, body = "{}" } }
    told = run("create", "--description", "shop")
    assert.is_true(told.status ~= 0)
    assert.equal(state(1).full_address .. "\n", told.out)
  end)

  once("ensure makes those that are not there, from arguments and a file", function()
    add { address = "quiet.fox", description = "shop" }
    shell.write(folder .. "/wanted.csv", "description,enabled\nnews,false\n")
    local words = { "ensure", "shop", "bank", "--file", folder .. "/wanted.csv", "--journal", folder .. "/journal",
      "--json" }
    local planned = {}
    for _, word in ipairs(words) do planned[#planned + 1] = word end
    planned[#planned + 1] = "-n"
    local states = {}
    for _, row in ipairs(objects(done(planned).out)) do states[#states + 1] = row.description .. " " .. row.state end
    assert.same({ "shop present", "bank planned", "news planned" }, states)
    assert.equal(0, writes())
    states = {}
    for _, row in ipairs(objects(done(words).out)) do states[#states + 1] = row.description .. " " .. row.state end
    assert.same({ "shop present", "bank made", "news made" }, states)
    assert.is_false(state(3).enabled)
    assert.truthy(done("ensure", "shop", "bank").out:find("bank\t[^\t]+\t2\tpresent\t\t\n"))
    shell.write(folder .. "/wanted.csv", "description,enabled\nshop,perhaps\nbank,\n" .. ("x"):rep(65) .. ",\n,true\n")
    for _, option in ipairs { "-n", "--quiet" } do
      local told = run("ensure", "--file", folder .. "/wanted.csv", option)
      assert.equal(1, told.status)
      assert.truthy(told.out:find "line 2, column 2 %(enabled%): must be true or false\nbank\t[^\t]*\t2\tpresent\t",
        told.out)
      assert.truthy(told.out:find("at most 64 characters", 1, true))
      assert.truthy(told.out:find("description must not be empty", 1, true), told.out)
    end
    refused(2, "a description or --file FILE is needed", "ensure")
    refused(2, "wanted.csv", "ensure", "--file", folder .. "/no/wanted.csv")
  end)

  it("set brings a wanted state about, verifies it, and writes nothing where it is so already", function()
    add { address = "quiet.fox" }
    add { address = "loud.cat", enabled = false }
    local told = done("set", "quiet.fox@maily.org", "2", "--enabled", "false")
    assert.equal("2\tloud.cat@maily.org\tunchanged\t\t\t\n"
      .. "1\tquiet.fox@maily.org\tapplied\tenabled: true -> false\t\t\n", told.out)
    assert.is_false(state(1).enabled)
    local before = writes()
    done("set", "1", "2", "--enabled", "false")
    told = done("set", "1", "--block-spam", "true", "--description", "x", "--dry-run")
    assert.truthy(told.out:find('\tplanned\tblock_spam: false -> true, description: "" -> "x"\t', 1, true), told.out)
    assert.equal(before, writes())
    assert.equal(1, run("set", "1", "9", "--description", "new").status)
    assert.equal("new", state(1).description)
    refused(2, "'no' is neither true nor false", "set", "1", "--enabled", "no")
    refused(2, "is needed", "set", "1")
    refused(2, "at most 64 characters", "set", "1", "--description", ("x"):rep(65))
  end)

  once("set says what a plan refuses", function()
    box:reset { plan = "free" }
    add { address = "quiet.fox" }
    refused(4, "1 failed", "set", "1", "--block-spam", "true")
    done("set", "1", "--enabled", "false")
    assert.is_false(state(1).enabled)
  end)

  once("delete wants a yes", function()
    add { address = "quiet.fox" }
    refused(2, "pass --yes", "delete", "1")
    assert.truthy(done("delete", "1", "-n").out:find("delete for good", 1, true))
    assert.equal(0, writes())
    done("delete", "1", "--yes")
    assert.is_nil(state(1))
    refused(1, "locksmith: 1: there is no such alias", "delete", "1", "--yes")
  end)

  describe("plan", function()
    before_each(function()
      for i = 1, 4 do add { address = "alias.no" .. i, num_spam = i * 20, num_forwarded = i == 4 and 1 or 0 } end
    end)

    local WHERE = "num_spam > 30 and num_forwarded == 0"

    it("prints what would change, and changes it when told to", function()
      local told = done("plan", "--where", WHERE, "--enabled", "false")
      assert.equal("2\talias.no2@maily.org\tplanned\tenabled: true -> false\t\t\n"
        .. "3\talias.no3@maily.org\tplanned\tenabled: true -> false\t\t\n", told.out)
      assert.equal("2 changes, 0 deletions, 2 unchanged\n", told.err)
      done("plan", "--where", WHERE, "--enabled", "false", "--apply", "--dry-run")
      assert.equal(0, writes())
      told = done("plan", "--where", WHERE, "--enabled", "false", "--apply", "--json")
      local rows = objects(told.out)
      assert.same({ id = 2, full_address = "alias.no2@maily.org", state = "applied", change = { enabled = false },
        before = { enabled = true, block_spam = false, description = "" } }, rows[1])
      assert.equal(2, #rows)
      assert.is_false(state(2).enabled)
      assert.is_true(state(4).enabled)
      assert.equal("", done("plan", "--where", WHERE, "--enabled", "false", "--apply").out)
    end)

    once("deletes as many as were agreed to", function()
      refused(2, "the plan deletes 2 for good: pass --confirm-deletes 2", "plan", "--where", WHERE, "--delete",
        "--apply")
      refused(2, "pass --confirm-deletes 2", "plan", "--where", WHERE, "--delete", "--apply", "--confirm-deletes", "3")
      assert.equal(0, writes())
      done("plan", "--where", WHERE, "--delete", "--apply", "--confirm-deletes", "2")
      assert.is_nil(state(3))
      assert.is_not_nil(state(1))
    end)

    once("says which changes failed", function()
      box:fault { method = "PUT", path = "/2", times = false, fault = { status = 422, body = "{}" } }
      local told = refused(1, "1 applied, 1 failed", "plan", "--where", WHERE, "--description", "x", "--apply")
      assert.truthy(told.out:find("2\talias.no2@maily.org\tfailed\t", 1, true), told.out)
      assert.truthy(told.out:find("\tinvalid_request\t", 1, true))
      assert.truthy(told.out:find("3\talias.no3@maily.org\tapplied\t", 1, true))
    end)

    once("wants one of the things that it can do", function()
      refused(2, "is needed", "plan", "--where", WHERE)
      refused(2, "--where", "plan", "--enabled", "false")
      refused(2, "can not be used together", "plan", "--where", WHERE, "--enabled", "false", "--delete")
    end)
  end)

  once("keep what was done when they are interrupted", function()
    box:reset { seed = 1, throttle = false, delay = 0.03 }
    for i = 1, 40 do add { address = ("alias.%02d"):format(i) } end
    for signal, status in pairs { INT = 130, TERM = 143 } do
      local line = command.line { "aliases", "plan", "--where", "enabled", "--enabled", "false", "--apply",
        "--store=memory", "--base-url=" .. box.url, environment = { LOCKER_API_KEY = server.LOCKER_KEY } }
      local pipe = assert(io.popen("echo $$; exec " .. line .. " 2>&1"))
      local pid, before = pipe:read "*l", box:call("count", { method = "PUT" })
      assert.is_true(shell.eventually(function() return box:call("count", { method = "PUT" }) >= before + 3 end))
      os.execute("kill -" .. signal .. " " .. pid)
      assert.equal("locksmith: interrupted\n", pipe:read "*a")
      local _, _, code = pipe:close()
      assert.equal(status, code)
    end
    box:call("set_delay", 0)
    local told = done("plan", "--where", "enabled", "--apply", "--enabled", "false")
    local again = tonumber(told.err:match "^(%d+) applied")
    assert.is_true(again >= 1 and again < 40, told.err)
    assert.equal("", done("list", "--where", "enabled").out)
  end)

  once("draw progress on a terminal, and take it away", function()
    for i = 1, 3 do add { address = ("alias.%02d"):format(i) } end
    local words = { "aliases", "plan", "--where", "true", "--enabled", "false", "--apply", "--store=memory",
      "--base-url=" .. box.url, environment = { LOCKER_API_KEY = server.LOCKER_KEY, TERM = "xterm" } }
    local seen = command.on_terminal(words).out
    assert.truthy(seen:find("\r3 of 3 done\27%[K\r\27%[K"), seen)
    words.environment.TERM = "dumb"
    words = { "aliases", "set", "1", "--enabled", "true", "--store=memory", "--base-url=" .. box.url,
      environment = words.environment }
    seen = command.on_terminal(words).out
    assert.is_nil(seen:find "\27")
    assert.truthy(seen:find("1   alias.01@maily.org  applied  enabled: false -> true\r\n", 1, true), seen)
  end)

  once("end quietly when nobody reads on, and say when an outcome is unknown", function()
    for i = 1, 10 do add { description = ("x"):rep(20000), address = ("alias.%04d"):format(i) } end
    local line = command.line { "aliases", "list", "--store=memory", "--base-url=" .. box.url,
      environment = { LOCKER_API_KEY = server.LOCKER_KEY } }
    assert.equal("1\n141\n", shell.output(("{ %s; echo $? >%s/status; } 2>&1 | head -c 2 | cut -f 1; cat %s/status")
      :format(line, folder, folder)))
    box:fault { method = "POST", fault = "drop_after" }
    refused(5, "it may have been carried out", "create")
  end)

  once("end with the status of a key that is refused, and of a service that cannot be reached", function()
    box:call("set_account", sandbox.null, { token = "cs.other" })
    refused(3, "unauthenticated", "list")
    local told = command.run { "aliases", "list", "--store=memory", "--base-url=http://127.0.0.1:1",
      environment = { LOCKER_API_KEY = server.LOCKER_KEY } }
    assert.equal(6, told.status)
    told = command.run { "aliases", "list", "--store=memory" }
    assert.equal(3, told.status)
    assert.truthy(told.err:find("LOCKER_API_KEY", 1, true))
  end)
end)
