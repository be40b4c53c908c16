--- The command `locksmith`: its options, its exit statuses, what it writes where.

local command = require "spec.support.command"
local json = require "locksmith.json"
local missing = require "spec.support.missing"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("the command", reason) then return end

local once = command.once(it)

describe("the command", function()
  local box, folder

  setup(function()
    box = server.sandbox()
    folder = shell.folder "cli"
    shell.write(folder .. "/password", "share-this\n")
  end)
  teardown(function()
    box:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)
  before_each(function() box:reset { rate = false } end)

  local function run(given)
    given.environment = given.environment or {}
    local set = given.environment
    set.LOCKPUB_API_KEY = set.LOCKPUB_API_KEY or server.LOCKPUB_KEY
    set.LOCKER_API_KEY = set.LOCKER_API_KEY or server.LOCKER_KEY
    table.insert(given, 1, "--base-url=" .. box.url)
    if not given.home then table.insert(given, 1, "--store=memory") end
    return command.run(given)
  end

  local function creation(more)
    local given = { "links", "create", "--target", "https://example.com/a", "--memo", "Label", "--password-file",
      folder .. "/password" }
    for name, value in pairs(more or {}) do
      if type(name) == "number" then given[#given + 1] = value else given[name] = value end
    end
    return given
  end

  describe("without a sub-command", function()
    it("says its version, and needs nothing for it", function()
      local told = command.run { "--version", environment = { LUA_CPATH = "" } }
      assert.same({ "locksmith " .. require "locksmith.version" .. "\n", "", 0 }, { told.out, told.err, told.status })
    end)

    once("shows help on standard output", function()
      local told = command.run { "--help" }
      assert.same({ "", 0 }, { told.err, told.status })
      assert.truthy(told.out:find("\n   links ", 1, true))
      assert.truthy(command.run({ "links", "create", "--help" }).out:find("--password-file", 1, true))
    end)

    once("asks for one", function()
      local told = command.run {}
      assert.same({ "", "locksmith: a command is required; locksmith --help lists them\n", 2 },
        { told.out, told.err, told.status })
    end)
  end)

  describe("where something is missing", function()
    once("says what to install", function()
      local told = command.run { "quota", environment = { LUA_PATH = "./lua/?.lua;./lua/?/init.lua" } }
      assert.same({ "", 6 }, { told.out, told.status })
      assert.truthy(told.err:find "^locksmith: the Lua module argparse is not here: luarocks install argparse[^\n]*\n$")
      told = command.run { "quota", environment = { LUA_CPATH = "" } }
      assert.same({ "", 6 }, { told.out, told.status })
      assert.truthy(told.err:find "^locksmith: it is not whole: [^\n]*locksmith%.core[^\n]*\n$", told.err)
    end)
  end)

  describe("an error", function()
    local function refused(status, text, given)
      local told = run(given)
      assert.equal(status, told.status, told.err)
      assert.equal("", told.out)
      assert.truthy(told.err:find("^locksmith: [^\n]*\n$"), told.err)
      assert.truthy(told.err:find(text, 1, true), told.err)
    end

    it("of what was typed is status 2, with what may have been meant", function()
      refused(2, "unknown command 'link'; did you mean 'links'?", { "link", "create" })
      refused(2, "unknown option '--tagret'; did you mean '--target'?", { "links", "create", "--tagret", "x" })
      refused(2, "'soon' is not a number of seconds", { "quota", "--timeout", "soon" })
      refused(2, "--store ftp://x: must be file:PATH", { "quota", "--store", "ftp://x" })
      refused(2, "'never' is no time", creation { "--expire", "never" })
      refused(2, "base_url", { "quota", "--base-url", "http://example.com" })
      refused(2, "memo", { "links", "create", "--target", "https://example.com", "--password-file",
        folder .. "/password" })
      refused(2, "No such file", { "links", "create", "--target", "https://example.com", "--password-file",
        folder .. "/absent" })
    end)

    once("of a key is status 3", function()
      refused(3, "unauthenticated", creation { environment = { LOCKPUB_API_KEY = "" } })
      refused(3, "unauthenticated", creation { environment = { LOCKPUB_API_KEY = server.LOCKPUB_KEY .. "x" } })
    end)

    once("of the quota is status 4", function()
      box:reset { quota = 0 }
      refused(4, "quota_exceeded", creation())
    end)

    once("that leaves open what happened is status 5", function()
      box:fault { fault = "drop_after", times = 9 }
      refused(5, "it may have been carried out", creation { "--timeout", "3" })
    end)

    once("of the network or the service is status 6", function()
      refused(6, "connect", creation { "--base-url", "http://127.0.0.1:1" })
    end)

    once("that is one row's is status 1", function()
      run(creation { "--slug", "taken" })
      refused(1, "conflict", creation { "--slug", "taken" })
    end)
  end)

  describe("links create", function()
    it("prints the address of the link", function()
      local told = run(creation())
      assert.same({ 0, "" }, { told.status, told.err })
      assert.truthy(told.out:find "^https://lock%.pub/[a-z0-9]+\n$")
    end)

    it("takes the options of every command before, within or behind", function()
      for _, given in ipairs { { "--json", "links", "create" }, { "links", "--json", "create" },
        { "links", "create", "--json" } } do
        for _, word in ipairs { "--target=https://example.com/a", "--memo=Label", "--password-file=-" } do
          given[#given + 1] = word
        end
        given.input = "share-this\n"
        local told = run(given)
        assert.equal(0, told.status, told.err)
        local ok, link = json.decode(told.out)
        assert.is_true(ok)
        assert.equal("https://example.com/a", link.target_url)
        assert.is_nil(told.out:find("\\/", 1, true))
      end
    end)

    once("sends what was typed, and the content of files without its last line end", function()
      shell.write(folder .. "/memo", "two\nlines\n")
      local before = os.time()
      local told = run { "links", "create", "--secret-file", folder .. "/memo", "--memo", "Note",
        "--password-file", "-", "--slug", "a-slug", "--limit", "3",
        "--start", "2026-01-01T00:00:00Z", "--expire", "900000h",
        input = "pass word\r\n" }
      assert.equal(0, told.status, told.err)
      local link = box:call("links")[1]
      assert.same({ "memo", "two\nlines", "pass word", "Note", "a-slug", 3 }, { link.type, link.secret_memo or
        link.secretMemo, link.password, link.memo, link.slug or link.customSlug, link.redirect_limit or
        link.redirectLimit })
      assert.truthy(before)
    end)

    once("makes one link of a name", function()
      local first, again = run(creation { "--name", "ticket-1" }), run(creation { "--name", "ticket-1", "--json" })
      assert.same({ 0, 0 }, { first.status, again.status })
      assert.equal(1, #box:call "links")
      assert.truthy(again.err:find("was there already", 1, true))
    end)

    once("sends nothing in a dry run, for which it needs no key, and shows no secret", function()
      local told = command.run(creation { "--dry-run", "--json" })
      assert.equal(0, told.status, told.err)
      local _, fields = json.decode(told.out)
      assert.same({ type = "url", target_url = "https://example.com/a", memo = "Label" }, fields)
      assert.truthy(told.err:find("nothing was sent", 1, true))
      assert.equal(0, #box:call "links")
    end)
  end)

  describe("a key", function()
    once("may come from a file, alone or by its name", function()
      shell.write(folder .. "/key", server.LOCKPUB_KEY .. "\n")
      shell.write(folder .. "/keys", "LOCKER_API_KEY=x\nLOCKPUB_API_KEY='" .. server.LOCKPUB_KEY .. "'\n")
      for _, name in ipairs { "/key", "/keys" } do
        local told = run(creation { "--key-file", folder .. name, environment = { LOCKPUB_API_KEY = "" } })
        assert.equal(0, told.status, told.err)
      end
    end)
  end)

  describe("quota and plan", function()
    it("know what an earlier process was told, by the file of this user", function()
      local environment = { XDG_STATE_HOME = folder .. "/state" }
      local told = run { "quota", environment = environment, home = true }
      assert.same({ "", 0 }, { told.out, told.status })
      assert.truthy(told.err:find("nothing is known", 1, true))
      assert.equal(0, run(creation { environment = environment, home = true }).status)
      told = run { "quota", "--json", environment = environment, home = true }
      local _, quota = json.decode(told.out)
      assert.same({ 1000, 999 }, { quota.limit, quota.remaining })
      assert.truthy(run({ "quota", environment = environment, home = true }).out:find "^1000\t999\t[0-9]+\t[0-9.]+\n$")
      local _, plan = json.decode(run({ "plan", "2000", "--json", environment = environment, home = true }).out)
      assert.same({ 2000, 999 }, { plan.n, plan.fits })
      assert.equal("drwx------", shell.output("ls -ld " .. folder .. "/state/locksmith"):sub(1, 10))
      assert.equal("-rw-------", shell.output("ls -l " .. folder .. "/state/locksmith/state"):sub(1, 10))
    end)

    once("are not guessed where the store is out of reach", function()
      for _, name in ipairs { "quota", "plan" } do
        local told = run { "--store", "file:" .. folder .. "/no/folder", name, name == "plan" and "3" or nil,
          home = true }
        assert.same({ "", 6 }, { told.out, told.status })
        assert.truthy(told.err:find("its folder does not exist", 1, true), told.err)
      end
    end)

    once("say once that there is no home to keep it in", function()
      local _, count = run({ "quota", home = true }).err:gsub("there is no home", "")
      assert.equal(1, count)
      assert.equal("", run({ "quota", "--quiet", home = true }).err)
    end)

    once("are shown as a table on a terminal", function()
      local told = command.on_terminal { "plan", "200", "--store", "memory", environment = { TERM = "xterm",
        LOCKPUB_API_KEY = server.LOCKPUB_KEY } }
      assert.truthy(told.out:find("^\27%[1mn    seconds  reset"), told.out)
      for _, environment in ipairs { { TERM = "dumb" }, { TERM = "xterm", NO_COLOR = "1" } } do
        environment.LOCKPUB_API_KEY = server.LOCKPUB_KEY
        told = command.on_terminal { "plan", "200", "--store", "memory", environment = environment }
        assert.truthy(told.out:find("^n    seconds  reset"), told.out)
        assert.is_nil(told.out:find("\27", 1, true))
      end
    end)
  end)

  describe("output", function()
    once("that nobody reads any more ends the command quietly", function()
      local told = run { "--help", shell = "; exit 0" }
      assert.equal(0, told.status)
      local out = shell.output(("(%s 2>&1; echo $? >&2) 2>&1 | :"):format(command.line { "--help" }))
      assert.equal("", out)
    end)

    once("that is closed is status 6, and no other file takes its place", function()
      local state = folder .. "/closed"
      local told = run { "plan", "3", home = true, environment = { XDG_STATE_HOME = state }, shell = ">&-" }
      assert.same({ "locksmith: standard output: Bad file descriptor\n", 6 }, { told.err, told.status })
      assert.is_nil(shell.read(state .. "/locksmith/state"):find("3\t", 1, true))
      assert.equal(6, command.run({ "--version", shell = ">&-" }).status)
    end)

    it("that does not fit on the disk is status 6", function()
      if not io.open("/dev/full", "w") then return pending "needs /dev/full" end
      local told = run { "plan", "3", "--store", "memory", shell = ">/dev/full" }
      assert.same({ "locksmith: standard output: No space left on device\n", 6 }, { told.err, told.status })
    end)
  end)

  describe("--verbose", function()
    once("tells of requests, and of no secret", function()
      local told = run(creation { "--verbose" })
      assert.truthy(told.err:find("lockpub.links.create request: POST " .. box.url, 1, true), told.err)
      assert.truthy(told.err:find("response: HTTP 201", 1, true))
      assert.is_nil(told.err:find("share-this", 1, true))
      assert.is_nil(told.err:find(server.LOCKPUB_KEY, 1, true))
    end)
  end)
end)
