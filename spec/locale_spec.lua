--- Whatever the locale is, and whenever it changes: the same requests, the same results, the same texts.

local locales = require "spec.support.locales"
local missing = require "spec.support.missing"
local process = require "spec.support.process"

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
