--- links check and links batch: files of rows, in whatever state they and the machine are.

local command = require "spec.support.command"
local json = require "locksmith.json"
local missing = require "spec.support.missing"
local server = require "spec.support.server"
local shell = require "spec.support.shell"

local reason = not server.available() and "LuaSocket for lua5.4 is not here" or nil
if not missing.declare("links of files", reason) then return end

local HEADER = "type,target_url,password,memo\n"

local function csv_of(n)
  local lines = { HEADER }
  for i = 1, n do lines[i + 1] = ("url,https://example.com/private/%d,password-%d,Label %d\n"):format(i, i, i) end
  return table.concat(lines)
end

local once = command.once(it)

describe("links of files", function()
  local box, folder

  setup(function() box = server.sandbox() end)
  teardown(function() box:stop() end)
  before_each(function()
    folder = shell.folder "cli-links"
    box:reset { rate = false }
  end)
  after_each(function() os.execute("rm -rf " .. shell.quote(folder)) end)

  local function file(name, text)
    shell.write(folder .. "/" .. name, text)
    return folder .. "/" .. name
  end

  local function full(given)
    given.environment = given.environment or { LOCKPUB_API_KEY = server.LOCKPUB_KEY }
    table.insert(given, 1, "--store=memory")
    table.insert(given, 1, "--base-url=" .. box.url)
    return given
  end

  local function run(given) return command.run(full(given)) end

  local function objects(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do
      local ok, value = json.decode(line)
      assert.is_true(ok, line)
      list[#list + 1] = value
    end
    return list
  end

  local function links() return box:call "links" end

  describe("check", function()
    once("finds nothing in good rows, and needs no key and no service", function()
      local told = command.run { "links", "check", file("a.csv", csv_of(3)) }
      assert.same({ "", "3 rows, 0 bad\n", 0 }, { told.out, told.err, told.status })
    end)

    once("says a line for each bad row, with its line and column", function()
      local path = file("a.csv", HEADER:gsub("\n", ",redirect_limit,custom_slug\r\n") ..
        'url,https://example.com/1,password-1,"two\r\nlines",3,same\r\n' ..
        "url,https://example.com/2,password-2,Two,many,\r\n" ..
        "url,https://example.com/3,,Three,,\r\n" ..
        "url,https://example.com/4,password-4,Four,,same\r\n" ..
        "url,https://example.com/5,password-5\r\n")
      local told = run { "links", "check", path, "--json" }
      assert.equal(1, told.status)
      local bad = objects(told.out)
      assert.equal(4, #bad)
      assert.same({ 2, 4 }, { bad[1].row, bad[1].line })
      assert.truthy(bad[1].message:find("line 4, column 5 (redirect_limit): must be a number", 1, true))
      assert.truthy(bad[2].message:find("password", 1, true))
      assert.truthy(bad[3].message:find("custom_slug is that of row 1", 1, true))
      assert.truthy(bad[4].message:find("line 7", 1, true))
      assert.equal("5 rows, 4 bad\n", told.err)
      assert.equal(0, #links())
    end)

    once("refuses a file that cannot be meant, with line and column", function()
      for text, told in pairs {
        ["type,target_url,pasword,memo\n"] = "line 1, column 3: \"pasword\" is not a column that is known; did you " ..
          "mean password?",
        ["type,target_url,password\n"] = "line 1: the column memo is missing",
        ["type,password,memo\n"] = "target_url and secret_memo is missing",
        [""] = "the header",
      } do
        local result = run { "links", "check", file("a.csv", text) }
        assert.same({ "", 2 }, { result.out, result.status })
        assert.truthy(result.err:find(told, 1, true), result.err)
      end
      local result = run { "links", "check", folder .. "/absent.csv" }
      assert.same({ 2, true }, { result.status, result.err:find("No such file", 1, true) ~= nil })
      assert.equal(2, run({ "links", "check", folder }).status)
    end)
  end)

  describe("batch", function()
    it("makes a link for each row and says so in their order, then again by the journal", function()
      local path = file("a.csv", "\239\187\191" .. csv_of(12))
      local first = run { "links", "batch", path, "--json" }
      assert.same({ "12 created of 12 rows\n", 0 }, { first.err, first.status })
      local urls = {}
      for i, row in ipairs(objects(first.out)) do
        assert.same({ i, "created" }, { row.row, row.state })
        urls[i] = row.short_url
      end
      assert.same({ 12, 12 }, { #urls, #links() })
      assert.equal("-rw-------", shell.output("ls -l " .. path .. ".journal"):sub(1, 10))
      local requests = #box:log()
      local again = run { "links", "batch", path, "--json" }
      assert.same({ "12 journaled of 12 rows\n", 0 }, { again.err, again.status })
      for i, row in ipairs(objects(again.out)) do
        assert.same({ "journaled", urls[i] }, { row.state, row.short_url })
      end
      assert.equal(requests, #box:log())
    end)

    once("goes on after a row that fails, with status 1", function()
      local path = file("a.csv", csv_of(2) .. "url,no-url,password-3,Three\nurl,too,few\n" ..
        "url,https://example.com/5,password-5,Five\n")
      local told = run { "links", "batch", path }
      assert.equal(1, told.status)
      local states = {}
      for number, state in told.out:gmatch "([0-9]+)\t[^\t]*\t([a-z]+)\t" do states[#states + 1] = number .. state end
      assert.same({ "1created", "2created", "3failed", "4failed", "5created" }, states)
      assert.truthy(told.out:find("\tinvalid_request\t[^\n]*line 5"), told.out)
      assert.equal("3 created, 2 failed of 5 rows\n", told.err)
    end)

    once("reads JSON lines, and standard input", function()
      local text = '{"type":"url","targetUrl":"https://example.com/1","password":"password-1","memo":"One"}\n\n' ..
        '{"type":"memo","secret_memo":"two\\nlines","password":"password-2","memo":"Two"}'
      assert.equal(0, run({ "links", "batch", file("a.jsonl", text) }).status)
      local told = run { "links", "batch", "-", "--format", "jsonl", "--quiet", input = text }
      assert.same({ 0, "" }, { told.status, told.err })
      assert.same({ "recovered", "recovered" }, { told.out:match "\t(%a+)\t.-\t(recovered)\t" })
      assert.equal(2, #links())
    end)

    once("names links by a column, which may be none of the fields", function()
      local header = "ticket," .. HEADER
      local path = file("a.csv", header .. "t-1,url,https://example.com/1,password-1,One\n")
      local told = run { "links", "batch", path, "--name-column", "ticket" }
      assert.truthy(told.out:find "^1\tt%-1\tcreated\t", told.out)
      told = run { "links", "batch", path, "--name-column", "ticket", "--journal", folder .. "/other" }
      assert.truthy(told.out:find "^1\tt%-1\trecovered\t", told.out)
      told = run { "links", "batch", file("b.csv", HEADER), "--name-column", "ticket" }
      assert.same({ 2, true }, { told.status, told.err:find("the column ticket is missing", 1, true) ~= nil })
      assert.equal(1, #links())
    end)

    once("writes results to a file in the format of its ending", function()
      local path, out = file("a.csv", csv_of(1)), folder .. "/out.csv"
      local told = run { "links", "batch", path, "--output", out }
      assert.same({ "", 0 }, { told.out, told.status })
      assert.truthy(shell.read(out):find("^row,name,state,short_url,slug,kind,message\r\n1,,created,https://"))
      assert.equal(2, run({ "links", "batch", path, "--output", path }).status)
      assert.equal(2, run({ "links", "batch", path, "--output", folder .. "/no/folder" }).status)
    end)

    once("sends nothing in a dry run", function()
      local path = file("a.csv", csv_of(2) .. "url,https://example.com/3,,Three\n")
      local told = run { "links", "batch", path, "--dry-run" }
      assert.equal(1, told.status)
      assert.truthy(told.out:find "^1\t\tplanned\t[^\n]*\n2\t\tplanned\t[^\n]*\n3\t\tfailed\t")
      assert.truthy(told.err:find("2 links would be made", 1, true))
      assert.same({ 0, "" }, { #links(), shell.read(path .. ".journal") })
    end)

    once("ends at what every further row would meet", function()
      box:reset { rate = false, quota = 3 }
      local told = run { "links", "batch", file("a.csv", csv_of(8)), "--concurrency", "1" }
      assert.equal(4, told.status)
      assert.truthy(told.err:find("^3 created of 8 rows\nlocksmith: [^\n]*quota_exceeded[^\n]*\n$"), told.err)
      local _, lines = told.out:gsub("\n", "")
      assert.equal(3, lines)
    end)

    once("tells with status 5 of rows that may be there all the same", function()
      box:fault { fault = "drop_after", times = 99 }
      local path = file("a.csv", csv_of(1))
      local told = run { "links", "batch", path, "--timeout", "2" }
      assert.equal(5, told.status)
      assert.truthy(told.err:find("1 may be there all the same: run it again", 1, true))
      box:reset { rate = false }
      told = run { "links", "batch", path }
      assert.same({ 0, 1 }, { told.status, #links() })
    end)

    once("is refused while another run has the journal", function()
      local path = file("a.csv", csv_of(1))
      box:fault { fault = { delay = 0.4 } }
      local line = command.line(full { "links", "batch", path })
      local out = shell.output(([[%s >/dev/null 2>&1 &
        until [ -s %s.journal ]; do sleep 0.02; done; %s 2>&1; echo $?; wait]]):format(line, path, line))
      assert.truthy(out:find "locksmith: [^\n]*invalid_request[^\n]*\n2\n$", out)
    end)

    once("keeps what it did when it is killed, and makes no row twice", function()
      local path = file("a.csv", csv_of(15))
      box:reset { rate = false, delay = 0.03 }
      local line = command.line(full { "links", "batch", path, "--concurrency", "2" })
      for _, pause in ipairs { 0.08, 0.12, 0.16 } do
        shell.output(("(%s & pid=$!; sleep %s; kill -9 $pid; wait) >/dev/null 2>&1"):format(line, pause))
      end
      local told = run { "links", "batch", path }
      assert.equal(0, told.status, told.err)
      assert.equal(15, #links())
      local targets = {}
      for _, link in ipairs(links()) do targets[link.target_url or link.targetUrl] = true end
      local count = 0
      for _ in pairs(targets) do count = count + 1 end
      assert.equal(15, count)
    end)

    for name, status in pairs { INT = 130, TERM = 143 } do
      it(("ends on SIG%s with status %d, and says how far it was"):format(name, status), function()
        local path = file("a.csv", csv_of(12))
        box:fault { fault = { delay = 9 }, skip = 3 }
        local line = command.line(full { "links", "batch", path, "--concurrency", "1" })
        local out = shell.output(([[: >%s/out; %s >>%s/out 2>%s/err & pid=$!
          until [ "$(wc -l <%s/out)" -ge 3 ]; do sleep 0.02; done; kill -%s $pid; wait $pid; echo $?]]):format(
          folder, line, folder, folder, folder, name))
        assert.equal(status .. "\n", out)
        local err = shell.read(folder .. "/err")
        assert.equal("3 created of 12 rows\nlocksmith: interrupted\n", err)
        assert.equal(0, run({ "links", "batch", path }).status)
        assert.equal(12, #links())
      end)
    end

    it("ends on Ctrl-C also while it waits for rows", function()
      local line = command.line(full { "links", "batch", "-" })
      -- It waits soon after it has begun to catch SIGTERM.
      local out = shell.output(([=[mkfifo %s/in; sleep 5 >%s/in & other=$!; %s <%s/in 2>&1 & pid=$!
        until grep -q '^SigCgt:.*[4-7c-f]...$' /proc/$pid/status; do sleep 0.02; done
        sleep 0.1; kill -INT $pid; wait $pid; echo $?; kill $other]=]):format(folder, folder, line, folder))
      assert.equal("locksmith: interrupted\n130\n", out)
    end)

    it("ends quietly when nobody reads its results, and goes on from there", function()
      local path = file("a.csv", csv_of(12))
      -- The reader has gone when the second answer comes.
      box:fault { fault = { delay = 1 }, skip = 1 }
      local out = shell.output(("(%s 2>%s/err; echo $? >%s/status) | head -n 1"):format(
        command.line(full { "links", "batch", path, "--concurrency", "1" }), folder, folder))
      assert.truthy(out:find "^1\t\tcreated\t[^\n]*\n$")
      assert.equal("141\n", shell.read(folder .. "/status"))
      assert.is_nil(shell.read(folder .. "/err"):find("locksmith:", 1, true))
      assert.equal(0, run({ "links", "batch", path }).status)
      assert.equal(12, #links())
    end)

    once("says that the disk is full, and keeps what it did", function()
      if not io.open("/dev/full", "w") then return pending "needs /dev/full" end
      local path = file("a.csv", csv_of(3))
      local told = run { "links", "batch", path, shell = ">/dev/full" }
      assert.equal(6, told.status)
      assert.truthy(told.err:find("locksmith: standard output: No space left on device\n", 1, true))
      told = run { "links", "batch", path, "--output", "/dev/full" }
      assert.same({ 6, true }, { told.status, told.err:find("/dev/full: No space left", 1, true) ~= nil })
      told = run { "links", "batch", path }
      assert.same({ 0, 3 }, { told.status, #links() })
    end)

    once("ends where its journal has no room, and is finished by a run that has", function()
      local path = file("a.csv", csv_of(19))
      -- In units of 512 or 1024 bytes.
      local out = shell.output(("(trap '' XFSZ; ulimit -f 2; %s 2>&1; echo \"status $?\") | cat"):format(
        command.line(full { "links", "batch", path })))
      assert.truthy(out:find("locksmith: [^\n]*store: [^\n]*a%.csv%.journal: File too large[^\n]*\nstatus 6\n$"), out)
      local _, told = out:gsub("\tcreated\t", "")
      assert.same({ #links(), true }, { told, told >= 1 and told < 19 })
      local again = run { "links", "batch", path }
      assert.same({ 0, 19 }, { again.status, #links() })
    end)

    once("works with standard input closed", function()
      assert.equal(0, run({ "links", "batch", file("a.csv", csv_of(1)), shell = "<&-" }).status)
    end)

    once("draws how far it is on a terminal, unless told to be quiet", function()
      local path = file("a.csv", csv_of(3))
      local function drawn(...)
        local given = full { "links", "batch", path, ... }
        given.environment.TERM = "xterm"
        return command.on_terminal(given).out
      end
      local out = drawn()
      assert.truthy(out:find("\r3 of 3 made\27[K", 1, true), out)
      assert.truthy(out:find("row  state", 1, true), out)
      assert.is_nil(drawn("--quiet"):find("made", 1, true))
    end)

    once("shows passwords to nobody", function()
      local path = file("a.csv", csv_of(2) .. "url,https://example.com/3,password-3,password-3\n")
      local told = run { "links", "batch", path, "--verbose", "--json" }
      assert.equal(1, told.status)
      for _, text in ipairs { told.out, told.err, shell.read(path .. ".journal") } do
        assert.is_nil(text:find("password-", 1, true), text)
        assert.is_nil(text:find(server.LOCKPUB_KEY, 1, true))
      end
    end)
  end)

  once("take a file of ten thousand rows in bounded memory", function()
    local path = file("a.csv", csv_of(10000))
    local line = command.line(full { "links", "batch", path, "--dry-run", "--quiet" })
    local out, status = shell.output(("sh -c 'ulimit -v 60000; exec %s' | tail -n 1"):format(line:gsub("'", "'\\''")))
    assert.same({ "10000\t\tplanned\t\t\t\t\n", 0 }, { out, status })
  end)
end)
