--- No store is trusted: whatever one answers, a call ends in time, with its result or with kind "store", and never
--- raises.

local clients = require "spec.support.clients"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local shared_dict = require "spec.support.shared_dict"

local NIL = {}
local NOW = 1780000000e6 -- of the server that is played, microseconds
local BUSY = { status = 429, headers = { ["retry-after"] = "1" }, body = "{}" }
local UNSENT = { kind = "connect", sent = false }
local QUOTA = "1000 7 1790000000000000 1780000000000000"
local TIMEOUT = 30

-- Values in the place of others. None of them is one that the place may hold, but for the numbers where any will do.
local NONSENSE = { NIL, false, true, "", "x", "store", "-1", ("9"):rep(400), -1, -1e300, 0.5, 1e17, 1e300, math.huge,
  -math.huge, 0 / 0, {}, { {} }, function() end, io.stdout, coroutine.create(function() end) }

-- A few that stand for all.
local TYPICAL = { NIL, "x", -1, 0.5, 1e300, 0 / 0, {} }

local function real(value)
  if value ~= NIL then return value end
end

local function name_of(value)
  return value == NIL and "nil" or tostring(value)
end

-- Between them, the calls meet all that a store is asked: a slot and the quota; a pause and a second slot; a slot that
-- is given back. `kind` is how such a call may fail because it was not repeated.
local CALLS = {
  { script = { clients.CREATED }, policy = "fail" },
  { script = { BUSY, clients.CREATED }, policy = "local" },
  { script = { UNSENT, clients.CREATED }, policy = "fail", kind = "connect" },
}

local function check_call(what, make, script, policy, kinds)
  local store = make()
  local lockpub, _, clock = clients.lockpub(script, { store = store, on_store_error = policy, timeout = TIMEOUT,
    rate = { { 2, 10 } } })
  local began = clock.now()
  local ok, link, err = pcall(lockpub.links.create, lockpub.links, clients.link_fields())
  assert(ok, what .. " raised " .. tostring(link))
  assert(link or kinds[err.kind], what .. ": " .. tostring(err))
  assert(clock.now() - began <= TIMEOUT, what .. " slept for " .. clock.now() - began)
  assert(#clock.slept < 200, what .. " slept without end")
  for _, method in ipairs { "quota", "plan" } do
    local value
    ok, value, err = pcall(lockpub[method], lockpub, 3)
    assert(ok, what .. ": " .. method .. " raised " .. tostring(value))
    assert(value or err == nil or policy == "fail" and err.kind == "store", what .. ": " .. tostring(err))
  end
  lockpub:close()
end

--- Makes the calls with the stores that `make` gives; `kinds` are further kinds of errors that may come of it.
local function sweep(what, make, kinds)
  for _, call in ipairs(CALLS) do
    local accepted = {}
    for kind in pairs(kinds or {}) do accepted[kind] = true end
    if call.policy == "fail" then accepted.store = true end
    if call.kind then accepted[call.kind] = true end
    check_call(what, make, call.script, call.policy, accepted)
  end
end

-- A wait that may be believed is.
local BELIEVED = { would_wait = true, quota_exceeded = true, timeout = true, rate_limited = true }

describe("whatever is replied", function()
  describe("by a table of the caller's", function()
    -- As the store of a process answers, with some of it replaced.
    local function table_store(method, replies)
      return function()
        local inner = locksmith.memory()
        local store = {}
        for _, name in ipairs { "reserve", "renew", "release", "move", "pause", "observe", "quota", "forecast" } do
          store[name] = function(_, ...)
            if name == method then return replies(inner[name](inner, ...)) end
            return inner[name](inner, ...)
          end
        end
        -- Whoever asks for a slot has to wait and to ask again.
        if method == "renew" then
          function store.reserve(_, request)
            local _, token = inner:reserve(request)
            return 1, token
          end
        end
        return store
      end
    end

    for _, method in ipairs { "reserve", "renew", "release", "move", "pause", "observe", "quota", "forecast" } do
      it("in place of what " .. method .. " gives", function()
        for _, value in ipairs(NONSENSE) do
          local kinds = value == 0.5 and BELIEVED or nil
          sweep(method .. " gives " .. name_of(value), table_store(method, function(_, ...)
            return real(value), ...
          end), kinds)
          sweep(method .. " gives only " .. name_of(value),
            table_store(method, function() return real(value) end), kinds)
          for _, kind in ipairs { "store", "again", "would_wait", "quota_exceeded", "no such kind" } do
            if method == "reserve" or method == "renew" then
              sweep(kind .. " " .. name_of(value),
                table_store(method, function() return nil, kind, real(value) end), BELIEVED)
            end
          end
        end
      end)

      it("when " .. method .. " raises", function()
        for _, problem in ipairs { "out of order", {}, 7, setmetatable({}, { __tostring = error }) } do
          sweep(method .. " raises", table_store(method, function() error(problem) end))
        end
      end)

      it("when there is no " .. method, function()
        sweep("without " .. method, function()
          local store = table_store()()
          if method == "reserve" then store.reserve = function() return store.none() end else store[method] = nil end
          return store
        end)
      end)
    end

    it("in place of what the quota is made of", function()
      for _, field in ipairs { "remaining", "limit", "reset", "as_of" } do
        for _, value in ipairs(TYPICAL) do
          for _, method in ipairs { "observe", "quota" } do
            sweep(method .. " gives " .. field .. " " .. name_of(value), table_store(method, function(_, ...)
              local quota = { remaining = 7, limit = 10, reset = 1790000000, as_of = 1780000000 }
              quota[field] = real(value)
              return quota, ...
            end))
          end
        end
      end
    end)

    it("of fields that other stores have", function()
      for _, field in ipairs { "memory", "fallback", "note", "forget" } do
        for _, value in ipairs(NONSENSE) do
          sweep("the field " .. field .. " " .. name_of(value), function()
            local store = table_store()()
            store[field] = real(value)
            return store
          end)
        end
      end
      sweep("every field raises", function()
        local store = table_store()()
        return setmetatable(store, { __index = function(_, name) error(name) end })
      end)
    end)

    it("again and again, no call spins or goes on past its deadline", function()
      local stores = {
        function(seconds) return { reserve = function() return nil, "again", seconds end } end,
        function(seconds)
          return {
            reserve = function() return 0.1, {} end,
            renew = function(_, _, token) return seconds + 1e-9, token end,
            release = function() return true end,
          }
        end,
      }
      for _, seconds in ipairs { 0, 1e-9, 1e-7, 1e-4 } do
        for _, make in ipairs(stores) do
          local lockpub, requests, clock = clients.lockpub({ clients.CREATED }, { timeout = 0.5,
            on_store_error = "fail", store = make(seconds) })
          local _, err = lockpub.links:create(clients.link_fields())
          assert.equal("not_sent", err.outcome)
          assert.equal(0, #requests)
          assert.is_true(#clock.slept <= 501)
        end
      end
    end)

    it("a store error is an event that says what it was", function()
      local messages = {}
      local lockpub = clients.lockpub({ clients.CREATED }, {
        store = { reserve = function() return "soon" end },
        on_event = function(event)
          if event.type == "store_error" then messages[#messages + 1] = event.message end
        end,
      })
      assert(lockpub.links:create(clients.link_fields()))
      assert.same({ "the reply to reserve makes no sense" }, messages)
    end)
  end)

  describe("by Redis or by its client,", function()
    local GOOD = {
      reserve = { "ok", NOW, NOW, 1, 2, 0, QUOTA, "other:1", ("%.0f"):format(NOW) },
      quota = { NOW, "" }, look = { NOW, 0, QUOTA, NOW - 1e6 },
      release = 1, move = 1, pause = 1, script = ("a"):rep(40),
    }
    local EVENLY = { reserve = 9, quota = 2, look = 4 }

    -- Answers as our script does, but for one thing.
    local function redis_store(op, change)
      return function()
        local client = {}
        local function answer(name)
          local good = GOOD[name]
          if type(good) == "table" then
            local copy = {}
            for i = 1, #good do copy[i] = good[i] end
            good = copy
          end
          if name ~= op then return good end
          return change(good)
        end
        function client.script() return answer "script" end
        function client.evalsha(_, _, _, _, name) return answer(name) end
        client.eval = client.evalsha
        return locksmith.redis { client = client }
      end
    end

    for op in pairs(GOOD) do
      it("a whole reply to " .. op, function()
        for _, value in ipairs(NONSENSE) do
          sweep(op .. ": " .. name_of(value), redis_store(op, function() return real(value) end))
          sweep(op .. ": error " .. name_of(value), redis_store(op, function() return false, real(value) end))
          sweep(op .. ": nil, " .. name_of(value), redis_store(op, function() return nil, real(value) end))
        end
        sweep(op .. " raises", redis_store(op, function() error {} end))
      end)

      for i = 1, EVENLY[op] or 0 do
        it(("place %d of the reply to %s"):format(i, op), function()
          for _, value in ipairs(NONSENSE) do
            sweep(("%s: %d: %s"):format(op, i, name_of(value)), redis_store(op, function(good)
              good[i] = real(value)
              return good
            end))
          end
        end)
      end
    end

    for _, code in ipairs { "lost", "again", "wait", "probe", "probed", "quota", "no such code" } do
      it(("any place of the reply %q"):format(code), function()
        for i = 2, 9 do
          for _, value in ipairs(TYPICAL) do
            sweep(("%s: %d: %s"):format(code, i, name_of(value)), redis_store("reserve", function(good)
              good[1], good[i] = code, real(value)
              return good
            end), BELIEVED)
          end
        end
      end)
    end

    it("a slot beyond the longest acceptable wait is none", function()
      for _, seconds in ipairs { TIMEOUT + 1, 3600, 86400 * 365 } do
        local lockpub, requests, clock = clients.lockpub({ clients.CREATED }, { timeout = TIMEOUT,
          on_store_error = "fail", store = redis_store("reserve", function(good)
            good[3] = NOW + seconds * 1e6
            return good
          end)() })
        local _, err = lockpub.links:create(clients.link_fields())
        assert.equal("store", err.kind)
        assert.equal("not_sent", err.outcome)
        assert.same({ 0, 0 }, { #requests, #clock.slept })
      end
    end)

    it("thousands of slots, or ids that would be taken for two, are no reply", function()
      for _, news in ipairs { 2000, "two words" } do
        local store = redis_store("reserve", function(good)
          for i = 8, 8 + (type(news) == "number" and news or 1), 2 do
            good[i], good[i + 1] = type(news) == "number" and "id:" .. i or news, ("%.0f"):format(NOW)
          end
          return good
        end)()
        local wait, kind, message = store:reserve { name = "lockpub:x", windows = { { 2, 10 } }, margin = 0,
          now = core.now(), longest = 1, patience = 1, count_only = false, quota = false }
        assert.is_nil(wait)
        assert.equal("store", kind)
        assert.equal("Redis: the reply makes no sense", message)
      end
    end)
  end)

  describe("by a shared dict", function()
    local own
    setup(function()
      own = rawget(_G, "ngx")
      _G.ngx = {}
    end)
    teardown(function() _G.ngx = own end)

    local function dict_store(break_dict)
      return function()
        local dict = shared_dict.new()
        _G.ngx.shared = { pacing = dict }
        local store = locksmith.shdict "pacing"
        break_dict(dict)
        return store
      end
    end

    it("whose values are not ours", function()
      for _, value in ipairs(NONSENSE) do
        for _, place in ipairs { "the newest version", "its bytes" } do
          sweep(place .. " " .. name_of(value), dict_store(function(dict)
            local get = dict.get
            dict.get = function(self, key)
              local is_version = key:find ":%d+$" ~= nil and key:find(":[^:]*:%d+$") ~= nil
              if is_version == (place == "its bytes") then return real(value) end
              return get(self, key)
            end
          end))
        end
      end
    end)

    for _, method in ipairs { "get", "safe_add", "safe_set" } do
      it("whose " .. method .. " fails", function()
        for _, value in ipairs(NONSENSE) do
          local text = type(value) == "string" and value or "closed"
          sweep(method .. " fails", dict_store(function(dict) dict[method] = function() return nil, text end end))
          sweep(method .. " is false", dict_store(function(dict) dict[method] = function() return false, text end end))
        end
        sweep(method .. " raises", dict_store(function(dict) dict[method] = function() error "bad" end end))
      end)
    end
  end)
end)
