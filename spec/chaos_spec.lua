--- Short chaos runs: random calls among random faults, compared with a model. The long one is spec/chaos/run.
-- Luas: lua5.4 lua5.1 luajit

local concurrent = require "spec.chaos.concurrent"
local report = require "spec.chaos.report"
local run = require "spec.chaos.run"
local sockets = require "spec.chaos.sockets"
local virtual = require "spec.chaos.virtual"

local function finish(world, options)
  options.journal = os.tmpname()
  local ok, result = pcall(function() return run.new(world, options):go() end)
  world.stop()
  os.remove(options.journal)
  assert(ok, result)
  assert(#result.failures == 0, report.text(result, "chaos"))
  return result
end

describe("chaos in virtual time", function()
  for _, case in ipairs { { "few", 0.05, 1 }, { "some", 0.2, 101 }, { "many", 0.4, 201 } } do
    it("loses nothing and doubles nothing among " .. case[1] .. " faults", function()
      local recovered, unknown = 0, 0
      for seed = case[3], case[3] + 19 do
        local result = finish(virtual.new { seed = seed, rate = case[2] }, { seed = seed, calls = 200, window = 50 })
        assert.is_true(result.figures.calls >= 200)
        assert.is_true(result.figures.succeeded > 60)
        assert.is_true(result.figures.worst <= 1e-5)
        recovered = recovered + result.figures.recovered
        unknown = unknown + (result.by_outcome.unknown or 0)
      end
      -- Otherwise the faults were none.
      assert.is_true(recovered > 0 and unknown > 0)
    end)
  end

  it("is the same again for a seed", function()
    local function figures()
      local result = finish(virtual.new { seed = 7, rate = 0.3 }, { seed = 7, calls = 200, window = 50 })
      return { result.figures.succeeded, result.figures.retries, result.figures.requests, result.by_fault }
    end
    assert.same(figures(), figures())
  end)

  it("is noticed when it goes wrong", function()
    local world = virtual.new { seed = 3, rate = 0.2 }
    local truth, n = world.truth, 0
    function world.truth(name, scope)
      local found = truth(name, scope)
      n = n + 1
      -- Somebody else takes an alias away.
      if n > 4 and found.addresses then table.remove(found.addresses) end
      return found
    end
    local ok, message = pcall(finish, world, { seed = 3, calls = 200, window = 50 })
    assert.is_false(ok)
    assert.truthy(tostring(message):find "is lost")
  end)
end)

describe("chaos over sockets", function()
  if not sockets.available() then
    pending("needs nginx with its Lua module")
    return
  end

  it("loses nothing and doubles nothing", function()
    local result = finish(sockets.new { seed = 5, rate = 0.2 }, { seed = 5, calls = 400, window = 50 })
    assert.is_true(result.figures.calls >= 400)
    assert.is_true(result.figures.succeeded > 200)
    assert.is_true(result.figures.retries > 20)
  end)

  it("loses nothing and doubles nothing of many calls at once, whose process is killed", function()
    local path = os.tmpname()
    local ok, figures = pcall(concurrent.run, { seed = 3, calls = 250, kills = 3, rate = 0.15, ledger = path,
      least = 0.06, most = 0.2 })
    os.remove(path)
    assert(ok, figures)
    assert.equal(250, figures.calls)
    assert.is_true(figures.killed >= 1 and figures.runs > figures.killed)
    assert.is_true(figures.faults > 30)
  end)

  it("notices links and aliases that are not as they were asked for", function()
    local path = os.tmpname()
    local ok, problem = pcall(concurrent.run, { seed = 4, calls = 40, kills = 0, rate = 0, ledger = path,
      meddle = function(box) box:call("set_address", 1, { description = "somebody else's" }) end })
    os.remove(path)
    assert.is_false(ok)
    assert.truthy(problem:find "description of alias 1 is somebody else's", problem)
  end)
end)
