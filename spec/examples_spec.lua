--- The scripts in spec/examples, run as a reader would run them, with the sandbox in place of the services.

local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

if not server.available() then
  describe("the examples", function() pending "needs a server for the sandbox" end)
  return
end

describe("the examples", function()
  local box, file

  lazy_setup(function() box = server.sandbox { rate = false, throttle = false } end)
  lazy_teardown(function() box:stop() end)
  before_each(function()
    box:reset { rate = false, throttle = false }
    file = os.tmpname()
  end)
  after_each(function()
    os.remove(file)
    os.remove(file .. ".journal")
  end)

  local function run(name, ...)
    return process.run("spec/examples/" .. name, { LOCKPUB_API_KEY = sandbox.LOCKPUB_KEY, LOCKPUB_URL = box.url,
      LOCKER_API_KEY = sandbox.LOCKER_KEY, LOCKER_URL = box.url, LINK_PASSWORD = "share-separately" }, ...)
  end

  local function write(text)
    local handle = assert(io.open(file, "w"))
    handle:write(text)
    handle:close()
  end

  it("have at most forty lines each", function()
    for name in shell.output("ls spec/examples/*.lua"):gmatch "%S+" do
      local lines = 0
      for _ in io.lines(name) do lines = lines + 1 end
      local long = name:find "demo" or name:find "_spec"
      assert.is_true(lines <= 40 or long ~= nil, name .. " has " .. lines)
    end
  end)

  it("make a link for each line of a CSV file, however often they are run", function()
    write("target_url,memo,password\r\nhttps://example.com/1,First,share-separately\r\n"
      .. "\"https://example.com/2\",\"Second, with a comma\",share-separately\r\n")
    for _ = 1, 2 do
      local output, status = run("links_from_csv.lua", file)
      assert.equal(0, status, output)
      assert.truthy(output:find("First\thttps://lock.pub/", 1, true), output)
      assert.truthy(output:find("Second, with a comma\thttps://lock.pub/", 1, true), output)
      assert.equal(2, #box:call "links")
    end
  end)

  it("say which line of a CSV file makes no link", function()
    write "target_url,memo,password\nhttps://example.com/1,First,share-separately\nhttps://example.com/2,Second,\n"
    local output, status = run("links_from_csv.lua", file)
    assert.equal(1, status)
    assert.truthy(output:find("Second\tlockpub.links.create: invalid_request: password", 1, true), output)
    assert.equal(1, #box:call "links")
  end)

  it("show which aliases get spam, and switch them off when told to", function()
    local spammed = box:call("add_address", sandbox.null, { num_spam = 90, num_forwarded = 3 })
    local good = box:call("add_address", sandbox.null, { num_spam = 1, num_forwarded = 30 })
    local output, status = run "disable_spammed.lua"
    assert.equal(0, status, output)
    assert.truthy(output:find("1 change, 0 deletions, 1 unchanged", 1, true), output)
    assert.is_true(box:call("address", spammed.id).enabled)
    output, status = run("disable_spammed.lua", "--apply")
    assert.equal(0, status, output)
    assert.truthy(output:find("1 switched off, 0 failed, 0 changed meanwhile", 1, true), output)
    assert.is_false(box:call("address", spammed.id).enabled)
    assert.is_true(box:call("address", good.id).enabled)
  end)

  it("keep a list of customers and their aliases in step", function()
    write "ada\ngrace\n"
    for _ = 1, 2 do
      local output, status = run("customer_aliases.lua", file)
      assert.equal(0, status, output)
      assert.equal(2, #box:call "addresses")
    end
    write "grace\n"
    local output = run("customer_aliases.lua", file)
    assert.truthy(output:find("switched off\t", 1, true), output)
    local enabled = {}
    for _, address in ipairs(box:call "addresses") do enabled[address.description] = address.enabled end
    assert.same({ ["customer ada"] = false, ["customer grace"] = true }, enabled)
  end)

  if pcall(require, "cqueues") then
    it("make links for those who ask a server on cqueues", function()
      local settings = {}
      for name, value in pairs { LOCKPUB_API_KEY = sandbox.LOCKPUB_KEY, LOCKPUB_URL = box.url,
        LINK_PASSWORD = "share-separately", LUA_PATH = package.path, LUA_CPATH = package.cpath } do
        settings[#settings + 1] = shell.quote(name .. "=" .. value)
      end
      local port = shell.output([[lua5.4 -e 'local found = assert(require("socket").bind("127.0.0.1", 0))
        io.write((select(2, found:getsockname())))']])
      local output = shell.output(([[
        env %s %s spec/examples/link_server.lua %s >/dev/null 2>&1 & server=$!
        n=0; until curl -q -s --noproxy '*' %s/nothing || [ $n -gt 100 ]; do sleep 0.05; n=$((n + 1)); done
        curl -q -s --noproxy '*' -m 20 "%s/?target=https%%3A%%2F%%2Fexample.com%%2Fa"
        kill $server; wait $server 2>/dev/null]]):format(table.concat(settings, " "),
        shell.quote(process.interpreter()), port, "http://127.0.0.1:" .. port, "http://127.0.0.1:" .. port))
      assert.truthy(output:find "^no target\nhttps://lock%.pub/%w+\n", output)
    end)
  end
end)
