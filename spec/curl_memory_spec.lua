--- Every allocation of a call fails once: no other cause is named for it, and nobody who changed something is left
--- without a word of it.

local compiled = require "spec.support.compiled"
local json = require "locksmith.json"
local origins = require "spec.support.origin"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local ANSWERS = {
  link = { status = 201, json = { id = "lnk_1", type = "url", shortUrl = "https://lock.pub/x", slug = "x" } },
  alias = { status = 201, json = { id = 7, full_address = "a@b.org", enabled = true, block_spam = false } },
  list = { status = 200, json = { count = 1, results = { { id = 7, full_address = "a@b.org" } } } },
}

describe("a call whose memory runs out", function()
  local origin, folder, usable

  setup(function()
    origin = origins.start()
    folder = shell.folder "allocations"
    usable = not process.interpreter():find("sanitized", 1, true) and compiled.build("allocations", folder)
      and shell.output("ldd --version 2>&1"):find "GLIBC"
  end)
  teardown(function()
    origin:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  -- The names of what the service was asked to make.
  local function seen()
    local names = {}
    for _, request in ipairs(origin:requests()) do
      local _, body = json.decode(request.body or "")
      local name = type(body) == "table" and (body.memo or body.description)
      if name then names[name] = true end
    end
    return names
  end

  for _, what in ipairs { "link", "alias", "list" } do
    for _, where in ipairs { "lua", "c" } do
      it(("tells what became of it: %s, memory of %s"):format(what, where == "lua" and "Lua" or "C"), function()
        if not usable then
          pending "needs glibc, a C compiler, Lua's headers and no sanitizer"
          return
        end
        origin:reset()
        origin:default(ANSWERS[what])
        local output, status = process.run("spec/support/starving.lua", { WHERE = where, WHAT = what,
          BASE_URL = origin.url, LD_PRELOAD = folder .. "/allocations.so",
          LUA_CPATH = folder .. "/?.so;" .. package.cpath })
        assert.equal(0, status, output)
        assert.truthy(output:find "done\nend\n$", output)
        local made, count = seen(), 0
        for name, result in output:gmatch "(n%d+)\t([^\n]*)\n" do
          count = count + 1
          local told = name .. ": " .. result
          if result:find "^raised " then
            assert.truthy(result:find "^raised not enough memory$", told)
            assert.is_nil(made[name], told)
          elseif result ~= "done" then
            assert.truthy(result:find "^too_large ", told)
            assert.truthy(result:find("memory", 1, true), told)
            if made[name] then assert.truthy(result:find "^%S+ unknown" or result:find "^%S+ applied", told) end
          end
        end
        assert.is_true(count > 20, output)
      end)
    end
  end
end)
