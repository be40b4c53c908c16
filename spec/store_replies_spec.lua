--- No store is trusted: whatever one answers, a call ends in time, with its result or with kind "store", and never
--- raises.

local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local shared_dict = require "spec.support.shared_dict"
local table_store = require "spec.support.table_store"

local NIL = {}
local BUSY = { status = 429, headers = { ["retry-after"] = "1" }, body = "{}" }
local UNSENT = { kind = "connect", sent = false }
local TIMEOUT = 30

-- Values in the place of others. None of them is one that the place may hold, but for the numbers where any will do.
local NONSENSE = { NIL, false, true, "", "x", "store", "-1", ("9"):rep(400), -1, -1e300, 0.5, 1e17, 1e300, math.huge,
  -math.huge, 0 / 0, {}, { {} }, function() end, io.stdout, coroutine.create(function() end) }

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

-- A store that says so is believed: that somebody was first, or that it forgot.
local BELIEVED = { would_wait = true, rate_limited = true }

describe("whatever is replied", function()
  describe("by a table of the caller's", function()
    -- As a store in a table answers, with some of it replaced.
    local function broken_store(method, replies)
      return function()
        local inner = table_store.new({}, os.time)
        local store = {}
        for _, name in ipairs { "read", "swap" } do
          store[name] = function(...)
            if name == method then return replies(inner[name](...)) end
            return inner[name](...)
          end
        end
        return store
      end
    end

    for _, method in ipairs { "read", "swap" } do
      it("in place of what " .. method .. " gives", function()
        for _, value in ipairs(NONSENSE) do
          sweep(method .. " gives " .. name_of(value), broken_store(method, function(_, ...)
            return real(value), ...
          end), BELIEVED)
          sweep(method .. " gives only " .. name_of(value),
            broken_store(method, function() return real(value) end), BELIEVED)
          sweep(method .. " gives nil, " .. name_of(value),
            broken_store(method, function() return nil, real(value) end))
        end
      end)

      it("when " .. method .. " raises", function()
        for _, problem in ipairs { "out of order", {}, 7, setmetatable({}, { __tostring = error }) } do
          sweep(method .. " raises", broken_store(method, function() error(problem) end))
        end
      end)
    end

    it("beside the bytes", function()
      for place = 2, 5 do
        for _, value in ipairs(NONSENSE) do
          sweep(("place %d of what read gives, %s"):format(place, name_of(value)), broken_store("read", function(...)
            local answer = { ... }
            answer[place] = real(value)
            return (table.unpack or unpack)(answer, 1, 5)
          end), BELIEVED)
        end
      end
    end)

    it("of fields that other stores have", function()
      for _, field in ipairs { "memory", "inner", "reserve" } do
        for _, value in ipairs(NONSENSE) do
          sweep("the field " .. field .. " " .. name_of(value), function()
            local store = broken_store()()
            store[field] = real(value)
            return store
          end)
        end
      end
      sweep("every field raises", function()
        return setmetatable(broken_store()(), { __index = function(_, name) error(name) end })
      end)
    end)

    it("a store error is an event that says what it was", function()
      local messages = {}
      local lockpub = clients.lockpub({ clients.CREATED }, {
        store = { read = function() return "soon" end, swap = function() return true end },
        on_event = function(event)
          if event.type == "store_error" then messages[#messages + 1] = event.message end
        end,
      })
      assert(lockpub.links:create(clients.link_fields()))
      assert.same({ "the answer of its read makes no sense" }, messages)
    end)
  end)

  describe("by Redis or by its client,", function()
    local VERSION = ("a1"):rep(12)

    -- Keeps bytes as the script does, but answers something else than it now and then.
    local function redis_store(change)
      return function()
        local kept, client = {}, {}
        function client.evalsha(_, _, _, key, version, new, bytes)
          local now = kept[key] or ""
          local reply = { "1780000000", "250000" }
          if version == now:sub(1, 24) and new ~= "?" then kept[key] = new .. bytes else reply[3] = now end
          return change(reply)
        end
        client.eval = function(_, ...) return client.evalsha(nil, ...) end
        return locksmith.redis { client = client }
      end
    end

    it("which is what it should be, all is well", function()
      sweep("a good reply", redis_store(function(reply) return reply end))
    end)

    it("in place of a reply", function()
      for _, value in ipairs(NONSENSE) do
        sweep("reply " .. name_of(value), redis_store(function() return real(value) end))
        sweep("error " .. name_of(value), redis_store(function() return false, real(value) end))
        sweep("nil, " .. name_of(value), redis_store(function() return nil, real(value) end))
      end
      sweep("it raises", redis_store(function() error {} end))
    end)

    for place = 1, 3 do
      it(("in place %d of it"):format(place), function()
        for _, value in ipairs(NONSENSE) do
          sweep(("%d: %s"):format(place, name_of(value)), redis_store(function(reply)
            reply[place] = real(value)
            return reply
          end), BELIEVED)
        end
      end)
    end

    it("in place of what is kept", function()
      for _, kept in ipairs { VERSION, VERSION .. "x", VERSION:upper() .. "bytes", ("x"):rep(1000), VERSION .. "lks\3",
        VERSION .. "lks\2" .. ("\255"):rep(1000), "\0" } do
        sweep(kept, redis_store(function(reply)
          if reply[3] then reply[3] = kept end
          return reply
        end))
      end
    end)

    it("others who are always first end no call late", function()
      sweep("always refused", redis_store(function(reply)
        reply[3] = reply[3] or ""
        return reply
      end), BELIEVED)
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
        for _, place in ipairs { "the newest", "its version", "a step" } do
          sweep(place .. " " .. name_of(value), dict_store(function(dict)
            local get = dict.get
            dict.get = function(self, key)
              local bytes, version = get(self, key)
              if (key:find ":%d+$" ~= nil) == (place == "a step") then return real(value) end
              if place == "its version" then return "bytes", real(value) end
              return bytes, version
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
