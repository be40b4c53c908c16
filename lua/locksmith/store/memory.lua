--- Pacing and quota state in this process, kept by the C core. Shared by the clients that are given the same store.

local core = require "locksmith.core"

---@class locksmith.MemoryStore
local Memory = {}
Memory.__index = Memory
Memory.__name = "locksmith.MemoryStore"

local module = {}

---@return locksmith.MemoryStore
function module.new()
  return setmetatable({ memory = core.memory() }, Memory)
end

local shared

---@return locksmith.MemoryStore # the one that clients without a store of their own share
function module.default()
  shared = shared or module.new()
  return shared
end

--- Calls settle with the core directly; this is only how a store is told from other tables.
function Memory.reserve()
  error("a memory store is driven by the core", 2)
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
