--- The expressions of --where.

local where = require "locksmith.cli.where"

local NOW = 1800000000
local ADDRESS = { id = 7, address = "blue.fox", domain = "maily.org", full_address = "blue.fox@maily.org",
  enabled = true, block_spam = false, description = "Shop (old)", created_time = NOW - 3 * 86400, num_forwarded = 0,
  num_blocked = 2,
  num_replied = 1, num_spam = 51 }

local function holds(text, address)
  local matches, message = where.compile(text, NOW)
  assert(matches, message)
  local result, problem = matches(address or ADDRESS)
  if result == nil then error(problem, 0) end
  return result
end

local function refusal(text)
  local matches, message = where.compile(text, NOW)
  assert.is_nil(matches)
  return message
end

local function failure(text)
  local ok, message = pcall(holds, text)
  assert.is_false(ok)
  return message
end

describe("where", function()
  it("is Lua's operators over the fields of an address", function()
    for _, text in ipairs {
      "num_spam > 50 and num_forwarded == 0", "enabled", "not block_spam", "not (enabled and block_spam)",
      "subdomain == nil", 'description == "Shop (old)"', "description ~= ''", "description == 'Shop \\x28old\\041'",
      "created_time < now - days(2)", "created_time > now - days(3.5)", "now == 1800000000",
      "num_spam + num_blocked * 2 == 55", "(num_spam + num_blocked) * 2 == 106", "-2 ^ 2 == -4", "2 ^ 3 ^ 2 == 512",
      "2 ^ -1 == .5", "num_spam % 10 == 1", "num_spam // 10 == 5", "1e2 / 0x10 == 6.25", "-7 % 3 == 2",
      "address .. '@' .. domain == full_address", "'a' .. 1 + 1 == 'a2'", "#address == 8", "not not enabled == true",
      "num_replied >= 1 and num_replied <= 1", "'a' < 'b'", "nil == false or true", "1 or subdomain > 5",
      "false == not enabled", "- - num_replied == 1", "id == 7",
    } do
      assert.is_true(holds(text), text)
    end
    for _, text in ipairs { "num_spam < 50", "nil", "false or nil", "enabled == 'true'", "1 == 2 or num_spam ~= 51" } do
      assert.is_false(holds(text), text)
    end
  end)

  it("computes as this Lua does", function()
    local compile = loadstring or load -- luacheck: ignore 113
    for _, text in ipairs { "1 + 2 * 3 - 4 / 2 == 5 and not false", "1 .. 2 .. 3 == '123'", "2 ^ 2 * 3 == 12",
      "not 1 == 2", "1 < 2 == true", "-2 ^ 2 < 0 or 7 % 4 == 3", "true or false and false", "nil and 1 or 2" } do
      assert.equal(not not assert(compile("return " .. text))(), holds(text), text)
    end
  end)

  -- Words in any order: what Lua refuses is refused, and what it computes is computed, but for texts as numbers.
  it("reads what Lua reads", function()
    local compile = loadstring or load -- luacheck: ignore 113
    local words, state, read = {}, 1, 0
    for word in ("id num_spam 1 2 3 + - * / % ^ == ~= < .. and or not ( ) true nil 'a'"):gmatch "[^ ]+" do
      words[#words + 1] = word
    end
    local function below(n)
      state = state * 48271 % 2147483647
      return state % n
    end
    for _ = 1, 5000 do
      local picked = {}
      for i = 1, below(8) + 1 do picked[i] = words[below(#words) + 1] end
      local text = table.concat(picked, " ")
      local calls = text:find "[%a)'] [(']" -- of fields, which are no functions
      local ours, theirs = where.compile(text, NOW), compile("local id, num_spam = 7, 51; return " .. text)
      if not calls then assert.equal(theirs ~= nil, ours ~= nil, text) end
      if ours and theirs then
        local ok, value = pcall(theirs)
        local result, problem = ours(ADDRESS)
        read = read + 1
        if result ~= nil then
          assert.is_true(ok, text)
          assert.equal(not not value, result, text)
        elseif ok then
          assert.truthy(problem:find "needs numbers" or problem:find "by zero", text .. ": " .. problem)
        end
      end
    end
    assert.is_true(read > 200, read)
  end)

  it("lets texts be searched", function()
    for _, text in ipairs { 'description:find "^Shop"', "description:lower():find('shop', 1, true)",
      'description:match("%((%w+)%)") == "old"', 'full_address:sub(-4) == ".org"',
      'not description:find("(", 1, true) == false',
      "('AB'):lower() == 'ab'",
      "('äb1'):upper() == 'äB1'", "description:len() == 10" } do
      assert.is_true(holds(text), text)
    end
    assert.is_false(holds 'description:find "bank"')
  end)

  it("has no search that takes long", function()
    assert.truthy(failure(("description:find('%s')"):format((".-"):rep(6) .. "!")):find "could take too long")
    assert.truthy(failure("description:find '['"):find "'find': ")
    assert.truthy(failure("num_spam:find '1'"):find "'find' is a method of texts, not of number")
  end)

  it("reaches nothing else", function()
    for _, text in ipairs {
      "os.exit(1)", "io", "_G", "_ENV", "require 'os'", "load('x')", "print(1)", "string.rep('x', 1e9)",
      "('x'):rep(1e9)", "description:rep(1e9)", "('x'):gsub('x', print)", "description.x", "description['rep']", "{}",
      "function() end", "(function() while true do end end)()", "id = 5", "id == 1; os.exit()", "id) or (id",
      "goto x", "while true do end", "return id", "id == 1 return", "for i = 1, 2 do end", "\27Lua", "\27LJ\2", "...",
      "[[x]]", "id -- x", "days", "days()", "days(1, 2)", "now()", "id()", "description:find", "description:find(1",
      "description:call('x')", "days.x", "'x':lower()", "getmetatable('')", "a\0b",
    } do
      assert.is_string(refusal(text), text)
    end
  end)

  it("names the field that was meant, and the place", function()
    assert.equal("num_spma is not a field of an address; did you mean num_spam?", refusal "num_spma > 5")
    assert.equal("xyz is not a field of an address", refusal "xyz")
    assert.equal("'=' assigns; '==' compares, at character 9", refusal "enabled = true")
    assert.equal("it should end at character 4", refusal "id id")
    assert.equal("')' is expected where 'its end' is, at character 4", refusal "(id")
    assert.equal("'>' cannot stand at character 7", refusal "id == > 5")
    assert.equal("a text is not closed, at character 16", refusal "description == 'x")
    assert.equal("it is empty", refusal "  ")
    assert.equal("texts have the methods find, len, lower, match, sub and upper here, not 'rep'",
      refusal "description:rep(2)")
  end)

  it("says what cannot be computed", function()
    assert.equal("'>' cannot compare nil with a number; of what may be missing, write (updated_time or 0)",
      failure "updated_time > 5")
    assert.equal("'<' cannot compare a text with a number", (failure "description < 5":gsub("string", "text")))
    assert.equal("'+' needs numbers, not a boolean", failure "enabled + 1")
    assert.equal("'..' needs texts, not nil", failure "subdomain .. 'x'")
    assert.equal("'#' needs a text", failure "#id")
    assert.equal("'days' needs numbers, not a string", failure "days('2') > 1")
    assert.truthy(failure "1 % 0 == 0":find "by zero")
  end)

  it("is bounded in length and depth", function()
    assert.truthy(refusal(("("):rep(200) .. "id" .. (")"):rep(200)):find "nested")
    assert.truthy(refusal(("not "):rep(200) .. "id"):find "nested")
    assert.truthy(refusal(("1 .. "):rep(200) .. "id"):find "nested")
    assert.truthy(refusal(("id+"):rep(1500) .. "id"):find "operators in a row")
    assert.truthy(refusal(("id or "):rep(5000) .. "id"):find "longer than")
    assert.is_true(holds(("id == 0 or "):rep(500) .. "id == 7"))
    assert.is_true(holds("description" .. (":lower()"):rep(1000) .. " == 'shop (old)'"))
  end)
end)
