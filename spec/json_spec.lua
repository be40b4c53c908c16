local json = require "locksmith.json"

local function decode(text)
  local ok, value = json.decode(text)
  assert.is_true(ok)
  return value
end

describe("json", function()
  it("reads null as nil, also inside", function()
    assert.is_nil(decode "null")
    assert.same({ a = {} }, decode '{"a":{"b":null},"c":null}')
  end)

  it("gives whole numbers without .0 on every Lua", function()
    local value = decode '{"id":88,"time":1795189533.0,"half":0.5,"list":[1,2.0,-3],"zero":-0.0}'
    assert.equal("88 1795189533 0.5 1 2 -3", table.concat({ tostring(value.id), tostring(value.time),
      tostring(value.half), tostring(value.list[1]), tostring(value.list[2]), tostring(value.list[3]) }, " "))
    assert.equal("x", ({ [88] = "x" })[value.id])
  end)

  it("keeps big ids exact", function()
    local value = decode('{"id":9007199254740993,"negative":-9223372036854775808,'
      .. '"huge":123456789012345678901234567890,"text":"9007199254740993","escaped":"\\"9007199254740993",'
      .. '"float":12345678901234567.5}')
    assert.equal("9007199254740993", tostring(value.id))
    assert.equal("-9223372036854775808", tostring(value.negative))
    assert.equal("123456789012345678901234567890", tostring(value.huge))
    assert.equal("9007199254740993", value.text)
    assert.equal('"9007199254740993', value.escaped)
    assert.equal("number", type(value.float))
  end)

  it("writes numbers with full precision", function()
    local numbers = { 2 ^ 53 - 1, 0.1, 1e300, 0.1 + 0.2 }
    assert.equal("[9007199254740991,0.1,1e+300,0.30000000000000004]", (json.encode(numbers)))
    local text = json.encode { a = { b = -123456789012345678, ["\1#5"] = "\1#17" }, c = 1 / 3 }
    local value = decode(text)
    assert.equal(1 / 3, value.c)
    assert.equal("\1#17", value.a["\1#5"])
    if math.type then assert.truthy(text:find('"b":-123456789012345678', 1, true), text) end
    assert.equal(-123456789012345678, value.a.b)
  end)

  it("refuses what is no JSON", function()
    for _, text in ipairs { "", "{", "[1,]", "nan", "NaN", "{'a':1}", "<html>", '"\\u12"', "[1] x",
      "\239\187\191{}" } do
      assert.is_false((json.decode(text)), text)
    end
  end)

  it("refuses to write what JSON cannot hold", function()
    local loop = {}
    loop.loop = loop
    for _, value in ipairs { print, { f = print }, { 0 / 0 }, { math.huge }, loop, { [true] = 1 } } do
      assert.is_nil((json.encode(value)))
    end
  end)

  it("does not depend on the locale", function()
    local before = os.setlocale()
    finally(function() os.setlocale(before) end)
    if not os.setlocale "de_DE.UTF-8" then return end
    assert.equal(0.5, decode "[0.5]"[1])
    assert.equal("[0.5]", (json.encode { 0.5 }))
  end)
end)
