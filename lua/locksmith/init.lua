--- locksmith: Locker Private Email and LOCK.PUB from Lua.

local memory = require "locksmith.store.memory"
local shdict = require "locksmith.store.shdict"
local redis = require "locksmith.store.redis"

return {
  _VERSION = require "locksmith.version",
  lockpub = require("locksmith.lockpub").new,
  locker = require("locksmith.locker").new,
  memory = memory.new,
  shdict = shdict.new,
  redis = redis.new,
  store = { memory = memory.new, shdict = shdict.new, redis = redis.new },
  is_error = require("locksmith.error").is,
}
