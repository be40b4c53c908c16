--- Pacing and quota state in this process, kept by the C core. Shared by the clients that are given the same store.
--- The calls of such a client settle with the core directly.

local core = require "locksmith.core"

---@class locksmith.MemoryStore: locksmith.ByteStore
---@field memory userdata the core's states
local Memory = {}
Memory.__index = Memory
Memory.__name = "locksmith.MemoryStore"

local module = {}

---@return locksmith.MemoryStore
function module.new()
  local states = core.memory()
  local function read(name)
    local bytes, life = states:state(name):bytes(core.now())
    if life == 0 then return nil end
    return bytes, bytes
  end
  -- As a store that carries bytes, for who wants to see or move what is kept.
  local function swap(name, version, bytes)
    if read(name) ~= version then return false end
    local state = core.state()
    if not state:read(bytes) then return nil, "the bytes are no state" end
    states:put(name, state)
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

function Memory.__tostring()
  return "locksmith.memory store"
end

return module
