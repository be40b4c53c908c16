local core = require "locksmith.core"
local journal = require "locksmith.journal"
local json = require "locksmith.json"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local HEAD = '{"journal":"locksmith 1","salt":"'

describe("a journal", function()
  local folder, path, book
  before_each(function()
    folder = shell.folder "journal"
    path = folder .. "/journal"
    book = assert(journal.open(path))
  end)
  after_each(function()
    book:close()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  local function reopen()
    book:close()
    book = assert(journal.open(path))
    return book
  end

  local function refused(problem)
    local made, message = journal.open(path)
    assert.is_nil(made)
    assert.equal(("journal %s: %s"):format(path, problem), message)
  end

  local function entries()
    local list = {}
    for line in io.lines(path) do
      local ok, value = json.decode(line)
      assert.is_true(ok)
      list[#list + 1] = value
    end
    return list
  end

  it("is a file of lines for this user alone", function()
    assert.is_nil(book:begin { { row = book:row "a", slug = "slug-a" }, { row = book:row "b", slug = "slug-b" } })
    assert.is_nil(book:finish(book:row "a", { slug = "slug-a", short_url = "https://lock.pub/slug-a", id = 7,
      created_at = 1780000000.5, memo = "m", raw = {}, target_url = "https://example.com/" }, "slug-a"))
    assert.equal("600\n", shell.output("stat -c %a " .. shell.quote(path)))
    local list = entries()
    assert.same({ "locksmith 1", book.salt }, { list[1].journal, list[1].salt })
    assert.same({ row = book:row "a", slug = "slug-a" }, list[2])
    assert.same({ row = book:row "b", slug = "slug-b" }, list[3])
    assert.same({ row = book:row "a", slug = "slug-a", short_url = "https://lock.pub/slug-a", id = 7, done = true,
      created_at = 1780000000.5 }, list[4])
    assert.equal(4, #list)
  end)

  it("knows again what was begun and what is done", function()
    local a, b = book:row "a", book:row "b"
    book:begin { { row = a, slug = "slug-a" }, { row = b, slug = "slug-b" } }
    book:finish(a, { short_url = "https://lock.pub/x", id = "lnk_1" }, "slug-a")
    for _ = 1, 2 do
      assert.same({ slug = "slug-a", short_url = "https://lock.pub/x", id = "lnk_1" }, book:link(a))
      assert.is_nil(book:link(b))
      assert.same({ [b] = "slug-b" }, book.begun)
      local all = {}
      for link in book:links() do all[#all + 1] = link.slug end
      assert.same({ "slug-a" }, all)
      reopen()
      assert.same({ a, b, 1 }, { book:row "a", book:row "b", book.finished })
    end
    book:finish(b, { slug = "told", short_url = false, created_at = {} }, "slug-b")
    assert.same({ slug = "told" }, reopen():link(b))
  end)

  it("names the same row otherwise than another journal does", function()
    local other = assert(journal.open(path .. "2"))
    assert.not_equal(book:row "a", other:row "a")
    other:close()
    assert.equal(32, #book:row "a")
  end)

  it("is cut off after its last whole line", function()
    local a, b = book:row "a", book:row "b"
    book:begin { { row = a, slug = "slug-a" } }
    book:close()
    local whole = shell.read(path)
    book = assert(journal.open(path))
    book:begin { { row = b, slug = "slug-b" } }
    book:close()
    local all = shell.read(path)
    for _, torn in ipairs { ("\0"):rep(40), ("\0"):rep(40) .. "\n", '{"row":"x"}\n', "7\n", '"x"\n', "\n" } do
      shell.write(path, whole .. torn)
      reopen()
      assert.same({ [a] = "slug-a" }, book.begun)
      assert.equal(whole, shell.read(path))
    end
    for length = #whole, #all - 1 do
      shell.write(path, all:sub(1, length))
      reopen()
      assert.same({ [a] = "slug-a" }, book.begun)
      assert.equal(whole, shell.read(path))
    end
    book:begin { { row = b, slug = "slug-b" } }
    assert.same({ [a] = "slug-a", [b] = "slug-b" }, reopen().begun)
  end)

  it("begins anew where not even its first line is whole", function()
    book:close()
    local head = shell.read(path)
    for length = 0, #head - 1 do
      shell.write(path, head:sub(1, length))
      reopen()
      assert.equal(1, #entries())
    end
    shell.write(path, ("\0"):rep(100))
    reopen()
    assert.equal(1, #entries())
  end)

  it("leaves alone what was never its own", function()
    book:close()
    for _, text in ipairs { "precious", "precious\n", "{}\n", '{"journal":"locksmith 2","salt":"abc"}\n', HEAD .. "\n",
      "\0\n", '{"journal":"locksmith 1","salt":"a"} \n' } do
      shell.write(path, text)
      refused "it is no journal of this library's"
      assert.equal(text, shell.read(path))
    end
  end)

  it("says which line is damaged", function()
    book:begin { { row = "a", slug = "slug-a" }, { row = "b", slug = "slug-b" } }
    book:close()
    local text = shell.read(path)
    shell.write(path, (text:gsub('"a"', '"a')))
    refused "line 2 is damaged"
    shell.write(path, (text:gsub('"slug%-a"', "7")))
    refused "line 2 is damaged"
  end)

  it("belongs to one at a time, in this process and in others", function()
    refused "another run is using it"
    local script = folder .. "/script.lua"
    shell.write(script, ('print((select(2, require("locksmith.journal").open(%q))))'):format(path))
    assert.equal(("journal %s: another run is using it\n"):format(path), (process.run(script, {})))
    book:close()
    assert.equal("nil\n", (process.run(script, {})))
    assert.equal(book.salt, reopen().salt)
  end)

  it("is free again when nobody holds it any more", function()
    book = nil
    book = assert(journal.open(path))
  end)

  it("is no file that others could write to, and in a folder that is there", function()
    book:close()
    os.execute("chmod 0666 " .. shell.quote(path))
    refused "others may write to it; its mode should be 0600"
    os.remove(path)
    os.execute(("ln -s elsewhere %s"):format(shell.quote(path)))
    refused "it is a symbolic link"
    path = folder .. "/no/journal"
    refused "its folder does not exist"
  end)

  it("says that it cannot be written, and is whole after that", function()
    book:close()
    local script = folder .. "/script.lua"
    shell.write(script, ([[
      local book = assert(require("locksmith.journal").open(%q))
      local problem
      for i = 1, 100 do
        problem = book:begin { { row = "row" .. i, slug = "slug" .. i } }
        if problem then break end
      end
      print(problem, problem == book:finish("row1", {}, "slug1"), next(book.done))
    ]]):format(path))
    local output = shell.output(("trap '' XFSZ; ulimit -f 2; env -u LUA_INIT LUA_PATH=%s LUA_CPATH=%s %s %s 2>&1")
      :format(shell.quote(package.path), shell.quote(package.cpath), shell.quote(process.interpreter()),
        shell.quote(script)))
    assert.equal(("journal %s: File too large\ttrue\tnil\n"):format(path), output)
    reopen()
    local known = 0
    for row, slug in pairs(book.begun) do
      assert.equal(row:sub(4), slug:sub(5))
      known = known + 1
    end
    assert.is_true(known >= 5 and known == #entries() - 1)
    assert.equal("\n", shell.read(path):sub(-1))
  end)

  it("says so when it is closed", function()
    book:close()
    book:close()
    assert.equal(("journal %s: it is closed"):format(path), book:begin { { row = "a", slug = "slug-a" } })
    assert.same({}, book.begun)
  end)
end)

describe("a digest", function()
  it("is the beginning of SHA-256", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb924", core.digest "")
    assert.equal("ba7816bf8f01cfea414140de5dae2223", core.digest "abc")
    assert.not_equal(core.digest "a\0b", core.digest "a\0c")
  end)
end)
