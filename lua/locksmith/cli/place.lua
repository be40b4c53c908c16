--- Where windows and quota are kept.

local core = require "locksmith.core"
local locksmith = require "locksmith"
local status = require "locksmith.cli.status"

local place = {}

-- A relative one is to be ignored: https://specifications.freedesktop.org/basedir-spec/latest/
local function state_home()
  local named = os.getenv "XDG_STATE_HOME" or ""
  if named:sub(1, 1) == "/" then return named end
  local home = os.getenv "HOME" or ""
  local there = home:sub(1, 1) == "/" and io.open(home) -- a home itself is not made here
  if not there then return nil end
  there:close()
  return home .. "/.local/state"
end

local function default(context)
  local home = state_home()
  if not home then
    context:say_once "there is no home to keep windows and quota in (HOME, XDG_STATE_HOME): this process alone knows"
    return locksmith.memory()
  end
  local folder = home .. "/locksmith"
  local made, problem = core.private_folder(folder)
  if not made then
    context:say_once(("windows and quota cannot be kept, only this process knows them: %s"):format(problem))
    return locksmith.memory()
  end
  return locksmith.file { path = folder .. "/state" }
end

local function redis(text)
  local where = text:match "^redis://(.+)$"
  if not where then return nil end
  if where:find("@", 1, true) then
    status.usage "--store: a password may not stand in an argument, which everybody sees; set LOCKSMITH_REDIS_PASSWORD"
  end
  local server, db = where:match "^([^/]+)/?([0-9]*)$"
  local host, port
  if server then host, port = server:match "^%[([0-9A-Fa-f:.]+)%]:?([0-9]*)$" end
  if server and not host then host, port = server:match "^([^:]+):?([0-9]*)$" end
  if not host then return nil end
  local ok, store = pcall(locksmith.redis, { host = host, port = tonumber(port), db = tonumber(db),
    password = os.getenv "LOCKSMITH_REDIS_PASSWORD", username = os.getenv "LOCKSMITH_REDIS_USERNAME" })
  if not ok then status.usage("--store: " .. tostring(store):gsub("^[^\n]-:[0-9]+: ", "")) end
  return store
end

--- The store that was asked for, or that of this user.
---@param context locksmith.cli.Context
---@return locksmith.ByteStore
function place.store(context)
  local text = context.arguments.store
  if not text then return default(context) end
  if text == "memory" then return locksmith.memory() end
  local path = text:match "^file:(.+)$"
  if path then return locksmith.file { path = path } end
  local store = redis(text)
  if not store then
    status.usage(("--store %s: must be file:PATH, redis://HOST[:PORT][/DB] or memory"):format(text))
  end
  return store
end

return place
