--- locksmith: Locker Private Email and LOCK.PUB from Lua.

local file = require "locksmith.store.file"
local memory = require "locksmith.store.memory"
local shdict = require "locksmith.store.shdict"
local redis = require "locksmith.store.redis"

local core = require "locksmith.core"
local options = require "locksmith.options"

local Error = require "locksmith.error"
local loop = require "locksmith.loop"
local parallel = require "locksmith.parallel"

--- As assert(), for calls of this library. An error becomes a text that begins with the caller's line, which every
--- interpreter prints well; assert() itself, given an error object, says something else on Lua 5.1 and 5.2.
local function check(value, err, ...)
  if value then return value, err, ... end
  if Error.is(err) then err:raise(2) end
  error(err == nil and "assertion failed!" or err, 2)
end

--- The fields that a caller may set, for those who read them from files or forms.
local function fields(resource)
  options.argument(resource, "string", "resource", "fields")
  return core.schema(resource)
    or options.misuse 'fields: argument \'resource\' must be "link", "address" or "subdomain"'
end

---@type locksmith
local locksmith = {
  _VERSION = require "locksmith.version",
  lockpub = require("locksmith.lockpub").new,
  locker = require("locksmith.locker").new,
  memory = memory.new,
  shdict = shdict.new,
  redis = redis.new,
  file = file.new,
  store = { memory = memory.new, shdict = shdict.new, redis = redis.new, file = file.new },
  parallel = parallel,
  loop = loop,
  fields = fields,
  assert = check,
  is_error = Error.is,
}

return locksmith
