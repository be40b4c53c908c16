-- How one's own code, shop.lua here, is tested: recipes, for busted or any other runner. Nothing needs a network or an
-- account, and no wait takes time.
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
local shop = dofile "spec/examples/shop.lua"

describe("a shop", function()
  it("waits when LOCK.PUB asks for fewer requests", function()
    local box = sandbox.new()
    box:fault { status = 429, retry_after = 30 }
    assert(shop.share(assert(box:lockpub()), "order 4711"))
    assert.is_true(box:clock().now() >= box:requests()[1].at + 30)
  end)

  it("makes one link although the answer was lost", function()
    local box = sandbox.new()
    box:fault "drop_after"
    local slug = assert(shop.share(assert(box:lockpub()), "order 4711"))
    assert.equal(slug, box:links()[1].slug)
    assert.equal(1, #box:links())
    assert.equal(2, #box:requests())
  end)

  it("makes no second link after a restart", function()
    local box = sandbox.new()
    local before = assert(shop.share(assert(box:lockpub()), "order 4711"))
    local restarted = assert(box:lockpub { store = locksmith.memory() }) -- which knows nothing of the first
    assert.equal(before, shop.share(restarted, "order 4711"))
    assert.equal(1, #box:links())
  end)

  it("says when the month's quota is used up", function()
    local box = sandbox.new { quota = 1000, quota_used = 1000 }
    local lockpub = assert(box:lockpub())
    for _ = 1, 3 do
      local slug, problem = shop.share(lockpub, "order 4711")
      assert.is_nil(slug)
      assert.equal("no more links this month", problem)
    end
    assert.equal(1, #box:requests()) -- who knows does not ask again
    box:advance(31 * 86400)
    assert.truthy(shop.share(lockpub, "order 4711"))
  end)

  it("says when a free plan has no room", function()
    local box = sandbox.new { plan = "free" }
    local locker = assert(box:locker())
    assert(shop.address_of(locker, "ada"))
    local address, problem = shop.address_of(locker, "grace")
    assert.is_nil(address)
    assert.equal("this plan has no room for more customers", problem)
  end)

  it("keeps to the windows", function()
    local box = sandbox.new()
    local lockpub = assert(box:lockpub())
    for i = 1, 61 do assert(shop.share(lockpub, "order " .. i)) end
    assert.equal(0, box:count { status = 429 })
    assert.is_true(box:now() >= box:requests()[1].at + 60)
  end)

  it("says what is wrong when nothing can be reached", function()
    local box = sandbox.new()
    box:fault { kind = "connect", times = false }
    local slug, problem = shop.share(assert(box:lockpub()), "order 4711")
    assert.is_nil(slug)
    assert.truthy(problem:find("connect", 1, true))
    assert.equal(0, #box:links())
  end)
end)
