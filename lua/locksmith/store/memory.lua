--- Pacing and quota state in this process, kept by the C core. Shared by the clients that are given the same store.
--- The calls of such a client settle with the core directly; these methods serve everything else.

local core = require "locksmith.core"

---@class locksmith.MemoryStore: locksmith.Store
---@field memory userdata the core's states
local Memory = {}
Memory.__index = Memory
Memory.__name = "locksmith.MemoryStore"

local module = {}

---@return locksmith.MemoryStore
function module.new()
  local states = core.memory()
  local function read(name)
    local bytes, life = states:save(name, core.now(), "")
    if life == 0 then return nil end
    return bytes, bytes
  end
  -- As a store that carries bytes, for who wants to see or move what is kept.
  local function swap(name, version, bytes)
    if read(name) ~= version then return false end
    if not states:load(name, bytes) then return nil, "the bytes are no state" end
    return true
  end
  return setmetatable({ memory = states, read = read, swap = swap }, Memory)
end

--- The core's states of such a store; nil for any other value.
---@return userdata?
function module.of(store)
  return type(store) == "table" and getmetatable(store) == Memory and rawget(store, "memory") or nil
end

local shared

---@return locksmith.MemoryStore # the one that clients without a store of their own share
function module.default()
  shared = shared or module.new()
  return shared
end

function Memory:reserve(request)
  local wait, slot, probing = self.memory:reserve(request.name, request.windows, request.now, request.longest,
    request.count_only, request.quota)
  if not wait then return nil, slot, probing end
  return wait, { slot = slot, probing = probing }
end

function Memory:renew(request, token)
  local wait, slot, retry_after = self.memory:renew(request.name, request.windows, request.now, token.slot,
    request.longest)
  if not wait then return nil, slot, retry_after end
  return wait, { slot = slot, probing = token.probing }
end

function Memory:release(name, token)
  self.memory:release(name, token.slot, token.probing)
  return true
end

function Memory:move(name, token, late)
  self.memory:move(name, token.slot, late)
  return true
end

function Memory:pause(name, now, seconds)
  self.memory:pause(name, now, now + seconds)
  return true
end

function Memory:observe(name, now, limit, remaining, reset)
  return self.memory:observe(name, now, limit, remaining, reset)
end

function Memory:quota(name, now)
  return self.memory:quota(name), self.memory:left(name, now)
end

function Memory:forecast(name, windows, now, n)
  return self.memory:forecast(name, windows, now, n)
end

function Memory.__tostring()
  return "locksmith.memory store"
end

return module
