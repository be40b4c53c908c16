-- What the packages say about themselves, without building any: spec/packaging/run does that.
local version = require "locksmith.version"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function rockspec(name)
  local path = "rockspec/locksmith-" .. name .. ".rockspec"
  local fields = {}
  local chunk
  if rawget(_G, "setfenv") then
    chunk = assert(loadstring(read(path), path))
    setfenv(chunk, fields)
  else
    chunk = assert(load(read(path), path, "t", fields))
  end
  chunk()
  return fields
end

describe("the version", function()
  it("is three numbers", function()
    assert.matches("^%d+%.%d+%.%d+$", version)
  end)

  it("is that of the release's rockspec and its tag", function()
    local release = rockspec(version .. "-1")
    assert.equal(version .. "-1", release.version)
    assert.equal("v" .. version, release.source.tag)
  end)

  it("heads the changelog", function()
    assert.equal(version, read("CHANGELOG.md"):match("\n## (%d+%.%d+%.%d+)"))
  end)

  it("is written nowhere else in the sources", function()
    local quoted = version:gsub("%.", "%%.")
    local files = assert(io.popen("find csrc lua Makefile -type f"))
    local found = {}
    for path in files:lines() do
      if read(path):find(quoted) then found[#found + 1] = path end
    end
    files:close()
    assert.same({ "lua/locksmith/version.lua" }, found)
  end)
end)

describe("the rockspecs", function()
  local release, dev = rockspec(version .. "-1"), rockspec("dev-1")

  it("differ in version and tag alone", function()
    release.version, release.source.tag = dev.version, dev.source.tag
    assert.same(dev, release)
  end)

  it("let any Lua from 5.1 on install", function()
    assert.same({ "lua >= 5.1", "lua-cjson >= 2.1.0", "argparse >= 0.7.0" }, dev.dependencies)
  end)

  it("pass on what LuaRocks knows about the platform", function()
    for _, name in ipairs {
      "CC", "CFLAGS", "LIBFLAG", "LIB_EXTENSION", "OBJ_EXTENSION", "LUA_INCDIR", "LUADIR", "LIBDIR",
    } do
      assert.equal("$(" .. name .. ")", dev.build.variables[name])
    end
  end)
end)

describe("csrc/README.md", function()
  it("names files that are there", function()
    local missing, found = {}, 0
    for path in read("csrc/README.md"):gmatch "`([%w_]+/[%w_/]+%.%l+)`" do
      local here = false
      for _, folder in ipairs { "", "csrc/", "lua/locksmith/" } do
        local file = io.open(folder .. path)
        if file then
          file:close()
          here, found = true, found + 1
        end
      end
      if not here then missing[#missing + 1] = path end
    end
    assert.same({}, missing)
    assert.is_true(found > 20)
  end)
end)
