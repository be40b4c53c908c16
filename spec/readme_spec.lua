local sandbox = require "locksmith.sandbox"
local locksmith = require "locksmith"
local shell = require "spec.support.shell"

local compile = loadstring or load -- luacheck: ignore 113

local function blocks()
  local file = assert(io.open "README.md")
  local text = file:read "*a"
  file:close()
  local found = {}
  -- The whole programs between them run in first_steps_spec.lua.
  text = text:gsub("\n## First steps\n.-\n## ", "\n## ", 1)
  for block in text:gmatch "```lua\n(.-)```" do found[#found + 1] = block end
  return found
end

-- The library as a reader meets it, with the sandbox behind it instead of the services.
local function stage(home)
  local box = sandbox.new { plan = "premium" }
  local staged = setmetatable({}, { __index = locksmith })
  for service, key in pairs { lockpub = sandbox.LOCKPUB_KEY, locker = sandbox.LOCKER_KEY } do
    staged[service] = function(options)
      options.api_key = options.api_key or key
      options.transport = options.transport or box:transport()
      options.store = options.store or locksmith.memory()
      return locksmith[service](options)
    end
  end
  local printed = {}
  local variables = { HOME = home, LOCKPUB_API_KEY = sandbox.LOCKPUB_KEY, LOCKER_API_KEY = sandbox.LOCKER_KEY }
  return {
    locksmith = staged,
    print = function(...)
      local parts = { ... }
      for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
      printed[#printed + 1] = table.concat(parts, "\t")
    end,
    require = function(name) return name == "locksmith" and staged or require(name) end,
    os = setmetatable({ getenv = function(name) return variables[name] end }, { __index = os }),
  }, printed, box
end

describe("the README", function()
  it("says what this is, how to get it and what it looks like in thirty lines", function()
    local n = 0
    for line in io.lines "README.md" do
      n = n + 1
      if line:find "^## " then break end
    end
    assert.is_true(n <= 33, n .. " lines before the contents")
  end)

  local list = blocks()
  it("has examples", function()
    assert.is_true(#list >= 8)
  end)

  for i, block in ipairs(list) do
    it("has an example that runs: " .. i, function()
      local home = shell.folder "home"
      local env, printed, box = stage(home)
      -- Later examples use the clients of the first.
      local source = i == 1 and block or list[1] .. "\ndo\n" .. block .. "\nend"
      for _ = 1, 3 do box:add_address(nil, {}) end
      local chunk = assert(compile(source, "=README example " .. i))
      setmetatable(env, { __index = _G })
      if setfenv then setfenv(chunk, env) else chunk = assert(load(source, "=README example " .. i, "t", env)) end
      chunk()
      os.execute("rm -rf " .. shell.quote(home))
      assert.truthy(printed[1]:find "^https://lock%.pub/")
      assert.is_true(#printed >= 4)
    end)
  end
end)
