local json = require "locksmith.json"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

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

  it("reads every number exactly, however it is spelled", function()
    local value = decode '[0.1,0.30000000000000004,1795189533.25,-1.5e-7,5e-324,1.7976931348623157e308,1.0,1e3,-2.50E1]'
    assert.same({ 0.1, 0.1 + 0.2, 1795189533.25, -1.5e-7, 2 ^ -1074, (2 - 2 ^ -52) * 2 ^ 1023, 1, 1000, -25 }, value)
    assert.equal("1 1000 -25 0 0 0", table.concat({ tostring(value[7]), tostring(value[8]), tostring(value[9]),
      tostring(decode "-0"), tostring(decode "-0.0"), tostring(decode "-1e-400") }, " "))
  end)

  it("reads back what it wrote", function()
    local numbers = { 1 / 3, -1e-300, 2 ^ 60, 2 ^ 53 + 2, 1e22, 12345.678, 2 ^ 0.5, 123456789012345 }
    assert.same(numbers, decode(assert(json.encode(numbers))))
    local text = assert(json.encode { [1.5] = "half", list = { 0.25, "\1", "\1\1-5" }, ["\1"] = { ["\1\1"] = 0.75 } })
    assert.same({ ["1.5"] = "half", list = { 0.25, "\1", "\1\1-5" }, ["\1"] = { ["\1\1"] = 0.75 } }, decode(text))
  end)

  it("alters no string that looks like what travels through lua-cjson", function()
    for _, text in ipairs { "\1", "\1#9007199254740993", "\1-5", "\1\1", "\1\1\0011", "\0019007199254740993" } do
      local quoted = text:gsub("\1", "\\u0001")
      for _, spelled in ipairs { quoted, text } do
        local value = decode((('{"a":"@","b":["@",9007199254740993],"@":0.5}'):gsub("@", spelled)))
        assert.equal(text, value.a)
        assert.equal(text, value.b[1])
        assert.equal("9007199254740993", tostring(value.b[2]))
        assert.equal(0.5, value[text])
        assert.equal(text, decode('"' .. spelled .. '"'))
      end
      for _, number in ipairs { 1, 0.5 } do
        assert.same({ text, { [text] = text }, number },
          decode(assert(json.encode { text, { [text] = text }, number })))
      end
      assert.equal(text, decode(assert(json.encode(text))))
    end
  end)

  it("reads what is around a bad character, which becomes U+FFFD", function()
    local bad = "\239\191\189"
    assert.same({}, decode "\239\187\191{}")
    assert.same({ url = "https://lock.pub/a", memo = "cut " .. bad, [bad] = bad .. "x" .. bad },
      decode '\239\187\191{"url":"https://lock.pub/a","memo":"cut \\ud83d","\\ude00":"\\ude00x\\ud83d"}')
    assert.same({ bad .. "A", bad .. "\n", bad .. bad, "\240\159\152\128" .. bad, bad .. '"' },
      decode [==[["\ud83d\u0041","\ud83d\n","\ude00\ud83d","\ud83d\ude00\ude00","\ud83d\""]]==])
    assert.same({ "a" .. bad .. "z", bad, bad .. bad }, decode '["a\255z","\226\130","\192\128"]')
    assert.equal("raw\t\n", decode '"raw\t\n"')
    assert.equal("a\0b", decode '"a\\u0000b"')
  end)

  it("refuses what is no JSON", function()
    for _, text in ipairs { "", " ", "\239\187\191", "{", "[1,]", '{"a":1,}', "nan", "NaN", "-Infinity", "{'a':1}",
      "<html>", '"\\u12"', '"\\x41"', "[1] x", "[]]", "[]\0junk", "[]\0", "1e400", "-1e400", "[1e309]", "0x10", "01",
      "+1", ".5", "1.", "1e", "1,5", "/**/1", "[1]//", "tru", "\255\254[\0]\0", "\0[\0]", '"a\0b"',
      ("["):rep(101) .. ("]"):rep(101) } do
      assert.is_false((json.decode(text)), text)
    end
  end)

  it("lets the last of equal names win", function()
    assert.same({ a = 2 }, decode '{"a":1,"a":2}')
    assert.same({}, decode '{"a":1,"a":null}')
  end)

  it("refuses to write what JSON cannot hold", function()
    local loop = {}
    loop.loop = loop
    for _, value in ipairs { print, { f = print }, { 0 / 0 }, { math.huge }, loop, { [true] = 1 },
      { [math.huge] = 1 }, 0 / 0, { print, 0.5 } } do
      assert.is_nil((json.encode(value)))
    end
  end)

  describe("without lua-cjson", function()
    local function loading(message)
      local ours, its = package.loaded["locksmith.json"], package.loaded.cjson
      package.loaded["locksmith.json"], package.loaded.cjson = nil, nil
      package.preload.cjson = function() error(message, 0) end
      local ok, raised = pcall(require, "locksmith.json")
      package.loaded["locksmith.json"], package.loaded.cjson, package.preload.cjson = ours, its, nil
      assert.is_false(ok)
      return raised
    end

    it("says for which Lua it is missing, and how it is installed", function()
      local raised = loading "module 'cjson' not found:\n\tno file './cjson.so'"
      assert.truthy(raised:find("^the Lua module cjson is not here for Lua 5%.%d: luarocks install lua%-cjson"), raised)
      assert.is_nil(raised:find "\n")
    end)

    it("keeps the reason why one that is there cannot be loaded", function()
      local reason = "error loading module 'cjson': undefined symbol"
      assert.equal(reason, loading(reason))
    end)
  end)

  it("says that memory ran out, where lua-cjson would end the process", function()
    local program = shell.quote(process.interpreter())
    local function starved(arguments)
      return shell.output(("ulimit -v 250000 && LUA_PATH=%s LUA_CPATH=%s %s %s 2>&1"):format(shell.quote(package.path),
        shell.quote(package.cpath), program, arguments))
    end
    local _, status = starved "-e ''"
    if status ~= 0 then return pending "this interpreter does not run in little memory" end
    assert.equal("decode\tfalse\tnot enough memory\nencode\tfalse\tnot enough memory\n"
      .. "request\ttrue\tunknown\tmemory ran out while the answer was dealt with\nlater\ttrue\t[0.5]\n",
      (starved "spec/support/starved.lua"))
  end)
end)
