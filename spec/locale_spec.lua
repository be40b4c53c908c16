--- Whatever the locale is, and whenever it changes: the same requests, the same results, the same texts.

local locales = require "spec.support.locales"
local missing = require "spec.support.missing"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

describe("the library", function()
  -- What these mean is the locale's to say; locksmith.ascii and sets of bytes mean the same always.
  local CALLS = { "find", "match", "gmatch", "gsub" }

  local function asks(line)
    if line:find ":lower ?%(" or line:find ":upper ?%(" or line:find "string%.lower" or line:find "string%.upper" then
      return true
    end
    for _, call in ipairs(CALLS) do
      for pattern in line:gmatch(call .. " ?%(?([\"'][^,)]*)") do
        if pattern:find "%%[aclpsuwACLPSUW]" then return true end
      end
    end
    return false
  end

  it("asks the locale about no letter and no blank", function()
    assert.is_true(asks 'x = name:lower() == "a"')
    assert.is_true(asks 'if text:find "^%s*$" then')
    assert.is_true(asks "text = text:gsub('[%w_]', '')")
    assert.is_false(asks 'ascii.lower(name); text:match("^%d+$"), ("%s %s"):format(a, b)')
    for path in shell.output "find lua -name '*.lua'":gmatch "[^\n]+" do
      local number = 0
      for line in (shell.read(path) .. "\n"):gmatch "(.-)\n" do
        number = number + 1
        assert(not asks(line), path .. ":" .. number .. ": " .. line)
      end
    end
  end)
end)

local folder, reason = locales.make()
if not missing.declare("another locale", reason) then return end

local function run(locale, moment)
  local output, status = process.run("spec/support/locale_scenario.lua",
    { LOCPATH = folder, LC_ALL = "", LANG = "", TEST_LOCALE = locale, TEST_MOMENT = moment })
  assert(status == 0, output)
  return output
end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

describe("another locale", function()
  local usual
  lazy_setup(function() usual = lines(run("C", "never")) end)

  it("is compared with what works", function()
    local text = table.concat(usual, "\n")
    for _, line in ipairs { "create: {", 'ratio=0.5', "quota: {", "key: nil | {", "sandbox alias: {",
      'description="1234.5"', "kept: true" } do
      assert.truthy(text:find(line, 1, true), line .. " in " .. text)
    end
    assert.is_nil(text:find("bad_response", 1, true))
  end)

  for name in pairs(locales.NAMES) do
    for _, moment in ipairs { "first", "loaded", "always" } do
      -- Where the decimal point takes two bytes, plain Lua cannot load a program that has 0.5 in it.
      if moment ~= "first" or name ~= "ps_AF.UTF-8" or jit then
        it(("%s changes nothing when it is set %s"):format(name, moment), function()
          local got = lines(run(name, moment))
          for i = 1, math.max(#got, #usual) do assert.equal(usual[i], got[i]) end
        end)
      end
    end
  end
end)
