--- Rows from CSV and JSON lines.

local input = require "locksmith.cli.input"
local shell = require "spec.support.shell"

local LINK = input.columns "link"

-- A file of that text, read in pieces of at most so many bytes.
local function file_of(text, most)
  local at = 1
  return {
    read = function(_, size)
      if at > #text then return nil end
      local piece = text:sub(at, at + math.min(size, most or size) - 1)
      at = at + #piece
      return piece
    end,
  }
end

local function open(text, options, most)
  options = options or {}
  return input.open("-", { stdin = file_of(text, most), columns = options.columns or LINK, format = options.format,
    required = options.required })
end

-- All rows, with their lines, and the problems among them as texts.
local function read(text, options, most)
  local rows = assert(open(text, options, most))
  local found = {}
  while true do
    local row, problem, line = rows:next()
    if not row and not problem then return found end
    found[#found + 1] = row and { line = line, row = row } or tostring(problem)
    if problem and problem.fatal then return found end
  end
end

local function refusal(text, options)
  local rows, message = open(text, options)
  assert.is_nil(rows)
  return (message:gsub("^standard input, ", ""))
end

describe("input", function()
  it("knows the fields of a resource as columns", function()
    assert.equal("text", LINK.target_url)
    assert.equal("text", LINK.targetUrl)
    assert.equal("count", LINK.redirect_limit)
    assert.equal("time", LINK.expire_time)
    assert.same({ address = "text", description = "text", enabled = "boolean", block_spam = "boolean" },
      input.columns "address")
  end)

  describe("of CSV", function()
    it("gives values the types of their fields, and leaves empty cells out", function()
      local text = "type,memo,password,redirect_limit,expire_time,start_time\n"
        .. "url,007,0123,3,1900000000,\nurl,,x,,2030-01-31T12:00:00Z,1.5e9\n"
      assert.same({
        { line = 2, row = { type = "url", memo = "007", password = "0123", redirect_limit = 3,
          expire_time = 1900000000 } },
        { line = 3, row = { type = "url", password = "x", expire_time = "2030-01-31T12:00:00Z",
          start_time = 1500000000 } },
      }, read(text))
      assert.same({ { line = 2, row = { enabled = true } }, { line = 3, row = { enabled = false } } },
        read("enabled,description\nTRUE,\nfalse,\"\"\n", { columns = input.columns "address" }))
    end)

    -- Wherever the pieces are cut, the rows are the same.
    it("reads quotes, commas, doubled quotes, line ends of both kinds and a byte order mark", function()
      local text = '\239\187\191"memo",password\r\n"a, ""b""\r\nc",  d \r\n"",""""\r\n\r\n"x\ny",z'
      local expected = {
        { line = 2, row = { memo = 'a, "b"\r\nc', password = "  d " } },
        { line = 4, row = { password = '"' } },
        { line = 6, row = { memo = "x\ny", password = "z" } },
      }
      for most = 1, #text do assert.same(expected, read(text, nil, most)) end
    end)

    it("names line and column of what is wrong, and goes on behind it", function()
      assert.same({
        "standard input, line 2, column 2 (redirect_limit): must be a number",
        "standard input, line 3, column 3: the row has 3 cells, the header 2",
        "standard input, line 4, column 2 (redirect_limit): the row has 1 cells, the header 2",
        'standard input, line 5, column 1 (memo): a quote within a cell that does not begin with one',
        "standard input, line 6, column 1 (memo): only a comma may follow the quote that closes a cell",
        { line = 7, row = { memo = "g" } },
        "standard input, line 8, column 1 (memo): the quote that opens in line 8 is not closed",
        { line = 9, row = { memo = "i" } },
      }, read 'memo,redirect_limit\na,many\nb,1,2\nc\nd"d,\n"e" ,\ng,\n"h,\ni,\n')
      assert.same({ "standard input, line 2, column 1 (enabled): must be true or false" },
        read("enabled\n1\n", { columns = input.columns "address" }))
    end)

    it("refuses a header with columns that are unknown, twice there, nameless or missing", function()
      assert.equal('line 1, column 2: "redirect_limt" is not a column that is known; did you mean redirect_limit?',
        refusal "memo,redirect_limt\n")
      assert.equal('line 1, column 1: "x" is not a column that is known', refusal "x\n")
      assert.equal("line 1, column 2: memo stands there twice", refusal "memo,memo\n")
      assert.equal("line 1, column 2: it has no name", refusal "memo,\n")
      assert.equal("line 1: the column type is missing", refusal("memo\n", { required = { "memo", "type" } }))
      assert.equal("line 1: the header with the names of the columns is missing", refusal "")
      assert.equal("line 1: columns are to be separated by commas (RFC 4180)", refusal "memo;type\na;b\n")
      assert.equal("standard input: it is UTF-16; save it as UTF-8", refusal "\255\254m\0e\0")
    end)

    it("holds a row at a time in memory", function()
      local made = 0
      local file = { read = function()
        made = made + 1
        if made == 1 then return "memo,password\n" end
        if made < 20002 then return ('"row %d, of many","p%d"\n'):format(made, made) end
      end }
      local rows = assert(input.open("-", { stdin = file, columns = LINK }))
      collectgarbage()
      local before, count, most = collectgarbage "count", 0, 0
      while rows:next() do
        count = count + 1
        if count % 1000 == 0 then
          collectgarbage()
          most = math.max(most, collectgarbage "count" - before)
        end
      end
      assert.equal(20000, count)
      assert.is_true(most < 300, most .. " KiB")
    end)

    it("does not take in a file whose quote is never closed", function()
      local made = 0
      local file = { read = function()
        made = made + 1
        if made == 1 then return 'memo\n"' end
        if made < 200 then return ("x"):rep(16384) end
      end }
      local rows = assert(input.open("-", { stdin = file, columns = LINK }))
      local _, problem = rows:next()
      assert.truthy(tostring(problem):find "not closed")
      assert.is_true(made == 200) -- the line was skipped, whose end never came
      assert.is_nil(rows:next())
    end)
  end)

  describe("of JSON lines", function()
    it("takes values as they are, and null for not given", function()
      assert.same({
        { line = 1, row = { memo = "a\nb", redirect_limit = 3, expire_time = "2030-01-31T12:00:00Z" } },
        { line = 3, row = { memo = "c", extra = { color = "red" } } },
        { line = 4, row = {} },
      }, read('\239\187\191{"memo":"a\\nb","redirect_limit":3,"expire_time":"2030-01-31T12:00:00Z","password":null}\r\n'
        .. '\n  {"memo":"c","extra":{"color":"red"}}\n{}', nil, 5))
    end)

    it("names line and column of what is wrong, and goes on behind it", function()
      assert.same({
        "standard input, line 1, column memo: must be a text",
        'standard input, line 2, column memmo: "memmo" is not a column that is known; did you mean memo?',
        "standard input, line 3: it is not JSON",
        "standard input, line 4: it is not a JSON object",
        "standard input, line 5, column redirect_limit: must be a number",
        { line = 6, row = { memo = "x" } },
      }, read '{"memo":5}\n{"memmo":"x"}\n{"memo":\n[1]\n{"redirect_limit":"3"}\n{"memo":"x"}\n')
    end)

    it("skips a line that is too long", function()
      local long = '{"memo":"' .. ("x"):rep(1100000) .. '"}\n'
      assert.same({ "standard input, line 1: it is longer than 1048576 bytes", { line = 2, row = { memo = "y" } } },
        read(long .. '{"memo":"y"}\n', { format = "jsonl" }))
    end)
  end)

  it("tells the format by the ending, by what it is told, or by how the text begins", function()
    local folder = shell.folder "input"
    local function first(name, text, format)
      shell.write(folder .. "/" .. name, text)
      local rows = assert(input.open(folder .. "/" .. name, { columns = LINK, format = format }))
      local row = rows:next()
      rows:close()
      return row
    end
    assert.same({ memo = "a" }, first("rows.csv", "memo\na\n"))
    assert.same({ memo = "a" }, first("rows.JSONL", '{"memo":"a"}\n'))
    assert.same({ memo = "a" }, first("rows.txt", '{"memo":"a"}\n'))
    assert.same({ { line = 3, row = { memo = "a" } } }, read('\n \r\n {"memo":"a"}', nil, 1))
    assert.same({ memo = "a" }, first("rows.jsonl", "memo\na\n", "csv"))
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  it("says why a file cannot be read", function()
    local rows, message = input.open("/nowhere/rows.csv", { columns = LINK })
    assert.is_nil(rows)
    assert.truthy(message:find "^/nowhere/rows.csv: ")
    rows, message = input.open("/tmp", { columns = LINK })
    assert.is_nil(rows)
    assert.truthy(message:find "^/tmp: ")
  end)

  it("does not take the beginning of a row for one, where reading fails", function()
    local told = false
    local file = { read = function()
      if told then return nil, "Input/output error" end
      told = true
      return "memo,password\na,b\nc,d"
    end }
    local rows = assert(input.open("-", { stdin = file, columns = LINK }))
    assert.same({ memo = "a", password = "b" }, rows:next())
    local row, problem = rows:next()
    assert.is_nil(row)
    assert.equal("standard input, line 3: Input/output error", tostring(problem))
    assert.is_true(problem.fatal)
  end)
end)
