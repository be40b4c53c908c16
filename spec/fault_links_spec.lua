--- LOCK.PUB links over real sockets, through a proxy that loses, breaks and delays answers.

local clients = require "spec.support.clients"
local stack = require "spec.support.stack"

if not stack.available() then
  describe("links over a faulty network", function()
    pending("needs nginx with its Lua module")
  end)
  return
end

local fields = clients.link_fields

describe("links over a faulty network", function()
  local s

  lazy_setup(function() s = stack.start() end)
  lazy_teardown(function() s:stop() end)
  before_each(function() s:reset() end)

  local function create(script, options, with, opts)
    s.proxy:script(script)
    return s:lockpub(options).links:create(fields(with), opts)
  end

  local function links()
    return s.box:call "links"
  end

  describe("without a slug", function()
    for _, case in ipairs(stack.LOST) do
      it("are never made twice: " .. case[1], function()
        local link, err = create({ case[2] }, stack.options_for(case))
        assert.is_nil(link)
        assert.same({ case[3], "unknown", 1 }, { err.kind, err.outcome, #err.attempts })
        assert.truthy(tostring(err):find("it may have been carried out", 1, true))
        assert.equal(1, #s:log())
        assert.equal(1, #links())
      end)
    end

    for _, case in ipairs {
      { "closed unanswered", "drop_before" },
      { "reset unanswered", { "drop_before", how = "rst" } },
      { "silent", { "stall", forward = false }, stalls = true },
      { "answered with garbage", { "garbage", forward = false } },
      { "answered with a 500", { "status", status = 500 } },
      { "answered with a 502", { "status", status = 502 } },
      { "answered with a 503 without Retry-After", { "status", status = 503 } },
    } do
      it("are of unknown outcome, and not sent again, where nobody can tell: " .. case[1], function()
        local link, err = create({ case[2] }, stack.options_for(case))
        assert.is_nil(link)
        assert.same({ "unknown", 1 }, { err.outcome, #err.attempts })
        assert.equal(1, #s:log())
        assert.equal(0, #links())
      end)
    end

    it("are sent again after a reset at accept only if nothing had been sent", function()
      local link, result = create { "refuse" }
      assert.equal(link and 1 or 0, #links())
      if not link then assert.same({ "unknown", 1 }, { result.outcome, #result.attempts }) end
    end)

    for _, case in ipairs {
      { "a 429 with Retry-After", { "status", status = 429, headers = { ["Retry-After"] = "0.02" } } },
      { "a 429", { "status", status = 429 } },
      { "a 503 with Retry-After", { "status", status = 503, headers = { ["Retry-After"] = "0.02" } } },
    } do
      it("are sent again when the service did not act: " .. case[1], function()
        local link, response = create { case[2], case[2] }
        assert.truthy(link)
        assert.equal(3, #response.attempts)
        assert.is_false(response.recovered)
        assert.equal(1, #links())
      end)

      it("are rejected when it goes on refusing: " .. case[1], function()
        local fault = case[2]
        fault.times = 9
        local link, err = create { fault }
        assert.is_nil(link)
        assert.same({ "rejected", 3 }, { err.outcome, #err.attempts })
        assert.equal(0, #links())
      end)
    end

    it("are sent when the port opens after all, and not_sent when it does not", function()
      s.proxy:listen(false)
      local lockpub = s:lockpub()
      local link, err = lockpub.links:create(fields())
      assert.is_nil(link)
      assert.same({ "connect", "not_sent", 3 }, { err.kind, err.outcome, #err.attempts })
      s.proxy:listen(true)
      assert(lockpub.links:create(fields()))
      assert.equal(1, #links())
    end)

    it("return at once when Retry-After lies beyond the deadline", function()
      local link, err = create { { "status", status = 429, headers = { ["Retry-After"] = "60" } } }
      assert.is_nil(link)
      assert.same({ "rate_limited", "rejected", 60, 1 },
        { err.kind, err.outcome, err.retry_after, #err.attempts })
      assert.is_true(err.elapsed < 5)
    end)
  end)

  describe("when the key is rotated", function()
    it("are made with the new one, asked for once", function()
      local key, asked = require("locksmith.sandbox").LOCKPUB_KEY, 0
      local lockpub = s:lockpub { max_retries = 0, api_key = function()
        asked = asked + 1
        return key
      end }
      assert(lockpub.links:create(fields()))
      key = s.box:call "rotate"
      s.proxy:script { { "delay", ms = 5 } }
      local _, response = assert(lockpub.links:create(fields()))
      assert.same({ 401, 201 }, { response.attempts[1].status, response.attempts[2].status })
      assert(lockpub.links:create(fields()))
      assert.equal(2, asked)
      assert.equal(3, #links())
    end)

    it("are rejected after one more look for a key that did not change", function()
      s.box:call "rotate"
      local asked = 0
      local lockpub = s:lockpub { api_key = function()
        asked = asked + 1
        return require("locksmith.sandbox").LOCKPUB_KEY
      end }
      local link, err = lockpub.links:create(fields())
      assert.is_nil(link)
      assert.same({ "unauthenticated", "rejected", 1, 2 }, { err.kind, err.outcome, #err.attempts, asked })
      assert.equal(1, #s:log())
    end)
  end)

  describe("with a slug", function()
    local VOUCHED = { idempotent = true }

    for _, case in ipairs(stack.LOST) do
      if case.transient then
        it("are made exactly once: " .. case[1], function()
          local link, response = create({ case[2] }, stack.options_for(case),
            { custom_slug = "exactly-once", redirect_limit = 3 }, VOUCHED)
          assert.truthy(link, tostring(response))
          assert.is_true(response.recovered)
          assert.equal("exactly-once", link.slug)
          assert.equal("Client contract", link.memo)
          assert.equal(3, link.redirect_limit)
          assert.equal(2, #response.attempts)
          assert.equal(case[3], response.attempts[1].kind)
          assert.equal(2, #s:log())
          assert.equal(1, #links())
        end)

        it("are of unknown outcome when nobody vouches for the slug: " .. case[1], function()
          local link, err = create({ case[2] }, stack.options_for(case), { custom_slug = "exactly-once" })
          assert.is_nil(link)
          assert.same({ "conflict", "unknown", "exactly-once", 2 },
            { err.kind, err.outcome, err.slug, #err.attempts })
          assert.equal(1, #links())
        end)
      else
        it("stay of unknown outcome where a repeat would say no more: " .. case[1], function()
          local link, err = create({ case[2] }, stack.options_for(case), { custom_slug = "exactly-once" }, VOUCHED)
          assert.is_nil(link)
          assert.same({ case[3], "unknown", 1 }, { err.kind, err.outcome, #err.attempts })
          assert.equal("exactly-once", err.slug)
          assert.equal(1, #links())
        end)
      end
    end

    it("are made by the repeat when the first attempt never arrived", function()
      local link, response = create({ "drop_before" }, nil, { custom_slug = "exactly-once" })
      assert.equal("exactly-once", link.slug)
      assert.equal("https://lock.pub/exactly-once", link.short_url)
      assert.is_false(response.recovered)
      assert.equal(1, #links())
    end)

    it("are recovered after several lost answers, and unknown when all are lost", function()
      local link, response = create({ "drop_after", { "status_after", status = 504 } }, nil, { custom_slug = "twice" },
        VOUCHED)
      assert.equal("twice", link.slug)
      assert.is_true(response.recovered)
      assert.equal(3, #response.attempts)
      local _, err = create({ { "drop_after", times = 3 } }, nil, { custom_slug = "thrice" })
      assert.same({ "network", "unknown", 3 }, { err.kind, err.outcome, #err.attempts })
      assert.equal(2, #links())
    end)

    it("stay unknown when only the repeat of a lost attempt was refused", function()
      local busy = { "status", status = 429, headers = { ["Retry-After"] = "60" } }
      local _, err = create({ "drop_after", busy }, nil, { custom_slug = "exactly-once" })
      assert.same({ "rate_limited", "unknown", 2 }, { err.kind, err.outcome, #err.attempts })
      assert.equal(1, #links())
    end)

    for _, case in ipairs {
      { "at first", {} },
      { "after a 429", { { "status", status = 429, headers = { ["Retry-After"] = "0" } } } },
      { "after a 503 with Retry-After", { { "status", status = 503, headers = { ["Retry-After"] = "0" } } } },
    } do
      it("of somebody else are a conflict " .. case[1], function()
        s.box:call("add_link", { slug = "taken" })
        local link, err = create(case[2], nil, { custom_slug = "taken" })
        assert.is_nil(link)
        assert.same({ "conflict", "rejected", #case[2] + 1 }, { err.kind, err.outcome, #err.attempts })
        assert.equal(1, #links())
      end)
    end

    it("of the library's own making are recovered too", function()
      local link, response = create({ "drop_after" }, nil, nil, { idempotent = true })
      assert.is_true(response.recovered)
      local made = links()
      assert.equal(1, #made)
      assert.equal(made[1].slug, link.slug)
      assert.is_true(#link.slug >= 20)
    end)
  end)
end)
