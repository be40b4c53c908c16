--- locksmith.nginx.subrequest: how long it waits, over doubles of what nginx gives.

describe("a subrequest of nginx", function()
  local real, waited

  -- Nothing ever comes of it, and whoever waits waits in vain.
  local FAKE = {
    thread = { spawn = function() end, kill = function() return nil, "not user thread" end },
    get_phase = function() return "content" end,
    location = {},
  }
  local SEMAPHORE = { new = function()
    return { wait = function(_, seconds)
      waited = waited + seconds
      assert(waited < 1000, "it waits for ever")
    end, count = function() return 0 end }
  end }

  setup(function()
    real = { ngx = rawget(_G, "ngx"), semaphore = package.loaded["ngx.semaphore"] }
    _G.ngx, package.loaded["ngx.semaphore"] = FAKE, SEMAPHORE
    package.loaded["locksmith.nginx.subrequest"] = nil
  end)
  teardown(function()
    _G.ngx, package.loaded["ngx.semaphore"] = real.ngx, real.semaphore
    package.loaded["locksmith.nginx.subrequest"] = nil
  end)
  before_each(function() waited = 0 end)

  it("that something holds up for ever is given up", function()
    local ctx = {}
    assert.is_nil((require("locksmith.nginx.subrequest").run("/", { ctx = ctx }, 10, function() end)))
    assert.is_true(ctx.locksmith_given_up)
    assert.is_true(waited >= 40 and waited <= 120, "after " .. waited)
  end)

  it("whose answer has begun is given up at its limit", function()
    local ctx = { locksmith_seen = {} }
    assert.is_nil((require("locksmith.nginx.subrequest").run("/", { ctx = ctx }, 10, function() end)))
    assert.equal(10, waited)
  end)
end)
