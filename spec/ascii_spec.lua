local ascii = require "locksmith.ascii"

describe("ascii", function()
  it("makes letters small, and only those of ASCII", function()
    assert.equal("x-api-quota-limit", ascii.lower "X-API-QUOTA-LIMIT")
    assert.equal("small already", ascii.lower "small already")
    assert.equal("\195\156\221\0@[`{", ascii.lower "\195\156\221\0@[`{")
    assert.equal("", ascii.lower "")
  end)

  it("orders by bytes", function()
    local words = { "b", "a", "B", "aa", "", "a\0", "\255", "\195\164", "_" }
    table.sort(words, ascii.before)
    assert.same({ "", "B", "_", "a", "a\0", "aa", "b", "\195\164", "\255" }, words)
    assert.is_false(ascii.before("a", "a"))
  end)

  it("reads decimal numbers", function()
    local numbers = { ["0"] = 0, ["-7"] = -7, ["+7"] = 7, ["0.5"] = 0.5, ["12.25"] = 12.25, ["007"] = 7, ["1."] = 1,
      ["1e3"] = 1000, ["-2.5E-3"] = -2.5e-3, ["1795189533.25"] = 1795189533.25, ["1e-999999999999"] = 0 }
    for text, value in pairs(numbers) do assert.equal(value, ascii.number(text), text) end
    assert.equal(0.5, ascii.number(0.5))
    for _, text in ipairs { "", "-", ".5", "e3", "1e", "1,5", "0x10", " 1", "1 ", "1.5.2", "nan", "inf", "1e5x", {},
      true } do
      assert.is_nil(ascii.number(text))
    end
    assert.is_nil(ascii.number(nil))
  end)
end)
