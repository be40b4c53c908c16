--- What a user sees of an error that ends the program, on the interpreter that runs this.

local process = require "spec.support.process"

local function run(text)
  local path = os.tmpname()
  finally(function() os.remove(path) end)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local output, status = process.run(path, { LOCKER_API_KEY = "nonsense" })
  return output, status, path:match "[^/]*$"
end

local SAID = ": locksmith.locker: unauthenticated: the API key "

describe("an error that ends a program", function()
  it("is shown with line and traceback when locksmith.assert raised it", function()
    local output, status, name = run [[
      local locksmith = require "locksmith"
      local function main()
        local locker = locksmith.assert(locksmith.locker())
        return locker
      end
      main()
      os.exit(0)
    ]]
    assert.equal(1, status, output)
    assert.truthy(output:find(name .. ":3" .. SAID, 1, true), output)
    assert.truthy(output:find("stack traceback:", 1, true), output)
  end)

  it("is shown with line and traceback when it was raised by its method", function()
    local output, status, name = run [[
      local locksmith = require "locksmith"
      local locker, err = locksmith.locker()
      if not locker then
        err:raise()
      end
      os.exit(0)
    ]]
    assert.equal(1, status, output)
    assert.truthy(output:find(name .. ":4" .. SAID, 1, true), output)
    assert.truthy(output:find("stack traceback:", 1, true), output)
  end)

  it("is shown with line and traceback when it was joined to a text", function()
    local output, status, name = run [[
      local locker, err = require("locksmith").locker()
      error("cannot begin: " .. err)
    ]]
    assert.equal(1, status, output)
    assert.truthy(output:find(name .. ":2: cannot begin" .. SAID, 1, true), output)
  end)

  -- Lua 5.1 and 5.2 take no object in assert(), and Lua 5.1 shows none that ends it.
  it("is shown at least in words when assert() or error() raised the object", function()
    local shows_objects = _VERSION ~= "Lua 5.1" or rawget(_G, "jit")
    for raise, shown in pairs {
      ["assert(require('locksmith').locker())"] = shows_objects and _VERSION ~= "Lua 5.2",
      ["local _, err = require('locksmith').locker() error(err)"] = shows_objects,
    } do
      local output, status = run(raise)
      assert.equal(1, status, output)
      assert.equal(shown and true or false, output:find(SAID:sub(3), 1, true) ~= nil, output)
    end
  end)
end)
