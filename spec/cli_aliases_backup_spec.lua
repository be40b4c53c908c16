--- The commands `locksmith aliases export` and `restore`.

local command = require "spec.support.command"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

-- Each run takes a process. What does not depend on the Lua is tested with one.
local once = command.once(it)

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("the commands export and restore", reason) then return end

describe("locksmith aliases", function()
  local box, folder, csv, jsonl

  setup(function()
    box = server.sandbox()
    folder = shell.folder "cli"
    csv, jsonl = folder .. "/aliases.csv", folder .. "/aliases.jsonl"
  end)
  teardown(function()
    box:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  local function run(given)
    for i, word in ipairs { "aliases", "--store=memory", "--base-url=" .. box.url } do table.insert(given, i, word) end
    given.environment = { LOCKER_API_KEY = server.LOCKER_KEY }
    return command.run(given)
  end

  local function done(...)
    local told = run { ... }
    assert.equal(0, told.status, told.err)
    return told
  end

  local function add(fields) return box:call("add_address", sandbox.null, fields) end
  local function state(id) return box:call("address", id) end

  local function settings()
    local list = {}
    for i, address in ipairs(box:call "addresses") do
      list[i] = ("%s %s %s %s"):format(address.full_address, tostring(address.enabled), tostring(address.block_spam),
        address.description)
    end
    return list
  end

  before_each(function()
    box:reset { seed = 1, throttle = false }
    add { address = "quiet.fox", description = 'shop, "old"\nand new', num_spam = 3 }
    add { address = "loud.cat", num_spam = 60, block_spam = true }
    add { address = "red.hen", description = "", num_spam = 70, enabled = false }
  end)

  it("export, disable by an expression after a dry run, and restore", function()
    for i = 1, 40 do add { address = ("alias.%02d"):format(i), num_spam = i * 3, description = "no " .. i } end
    local before = settings()
    done("export", "--output", csv)
    local disable = { "plan", "--where", "num_spam > 50", "--enabled", "false" }
    local told = done(disable[1], disable[2], disable[3], disable[4], disable[5])
    assert.equal("25 changes, 0 deletions, 18 unchanged\n", told.err)
    assert.same(before, settings())
    told = done(disable[1], disable[2], disable[3], disable[4], disable[5], "--apply")
    assert.truthy(told.err:find("25 applied, 18 unchanged; ", 1, true), told.err)
    assert.is_false(state(2).enabled)
    told = done("restore", csv)
    assert.equal("25 changes, 0 deletions, 18 unchanged\n", told.err)
    assert.is_false(state(2).enabled)
    done("restore", csv, "--apply")
    assert.same(before, settings())
    assert.equal("", done("restore", csv, "--apply").out)
  end)

  once("export the same by JSON lines and by CSV", function()
    done("export", "--output", jsonl)
    assert.equal(shell.read(jsonl), done("export").out)
    assert.equal(shell.read(jsonl), done("export", "--format", "jsonl").out)
    done("export", "--output", csv)
    assert.equal(shell.read(csv), done("export", "--format", "csv").out)
    assert.truthy(shell.read(csv):find('1,quiet.fox@maily.org,"shop, ""old""\nand new",true,false,', 1, true))
    local before = settings()
    for _, path in ipairs { csv, jsonl } do
      for id = 1, 3 do
        box:call("set_address", id, { description = "changed", enabled = id == 3, block_spam = id == 1 })
      end
      assert.equal(0, run({ "restore", path, "--apply" }).status)
      assert.same(before, settings())
    end
  end)

  once("restore what is still there, and list what is gone", function()
    done("export", "--output", csv)
    box:call("delete_address", 1)
    box:call("set_address", 2, { description = "changed" })
    local told = done("restore", csv)
    assert.equal("1\tquiet.fox@maily.org\tgone\t\t\tthere is no such alias any more\n"
      .. '2\tloud.cat@maily.org\tplanned\tdescription: "changed" -> ""\t\t\n', told.out)
    assert.equal("1 change, 0 deletions, 1 unchanged\n1 alias of the file gone for good\n", told.err)
  end)

  once("restore by full address, and only what the file has", function()
    local told = run { "restore", "-", "--apply", input = "full_address,enabled\nLoud.Cat@maily.org,false\n" }
    assert.equal(0, told.status, told.err)
    assert.is_false(state(2).enabled)
    assert.is_true(state(2).block_spam)
  end)

  once("restore nothing from a file with a mistake", function()
    for text, problem in pairs {
      ["id,enabled\n1,false\n2,perhaps\n"] = "line 3, column 2 (enabled): must be true or false",
      ["id,enabled\n1,false\n1,true\n"] = "line 3: the alias stands there twice",
      ["id,enabled\n1,false\n,true\n"] = "line 3: it has neither id nor full_address",
      ["id,enable\n1,false\n"] = '"enable" is not a column that is known; did you mean enabled?',
      ['{"id":1,"enabled":"no"}'] = "line 1, column enabled: must be true or false",
    } do
      local told = run { "restore", "-", "--apply", input = text }
      assert.equal(2, told.status)
      assert.truthy(told.err:find(problem, 1, true), told.err)
    end
    assert.is_true(state(1).enabled)
  end)

  once("leave the last export as it is when the list cannot be read, and say so when the disk is full", function()
    done("export", "--output", csv)
    local last = shell.read(csv)
    box:fault { service = "locker", times = false, fault = { status = 500, body = "" } }
    assert.equal(6, run({ "export", "--output", csv }).status)
    assert.equal(last, shell.read(csv))
    box:call "clear_faults"
    local told = run { "export", shell = ">/dev/full" }
    assert.equal(6, told.status)
    assert.equal("locksmith: standard output: No space left on device\n", told.err:gsub("^3 aliases\n", ""))
    assert.equal(2, run({ "export", "--output", "/nowhere/a.csv" }).status)
  end)
end)
