--- The LOCK.PUB client: password-protected links and secret memos.

local Error = require "locksmith.error"
local client = require "locksmith.client"
local core = require "locksmith.core"
local key_source = require "locksmith.key_source"
local links = require "locksmith.links"
local options = require "locksmith.options"

---@class locksmith.Lockpub
---@field links locksmith.Links
local methods = {}

--- What is needed to look into the store: the key, by which the state is named.
local function state(session, operation)
  local err = session:ready(operation)
  if err then return nil, nil, err end
  local key, kind, message = key_source.present(session)
  if not key then return nil, nil, Error.refused(kind, message, operation) end
  local now = session.now()
  if session.closed then return nil, nil, Error.refused("closed", "the client is closed", operation) end
  return session.core:state_name(), now
end

local function out_of_reach(message, operation)
  return Error.refused("store", "the pacing store is out of reach: " .. tostring(message), operation)
end

--- The monthly quota as last told by the service, to any client that shares the store.
---@return table? quota { limit, remaining, reset, as_of }, times in Unix seconds; nil before the first answer
---@return locksmith.Error? of kind store, closed or, of a key function, unauthenticated
function methods.quota(task)
  local session = task.session
  local name, now, err = state(session, "lockpub.quota")
  if not name then return nil, err end
  local quota, problem, message = session.store:quota(name, now)
  if problem ~= "store" then return quota end
  if session.on_store_error == "fail" then return nil, out_of_reach(message, "lockpub.quota") end
  return (session.fallback:quota(name, now))
end

-- 0, not 0.0.
local function whole(number)
  return math.tointeger and math.tointeger(number) or number
end

--- What a run of n creations would take.
---@param n integer
---@return table? plan { n, fits, seconds, reset }: how many still fit this month (nil while the quota is unknown), how
---  long the windows make n requests take from now, when the quota resets (Unix seconds)
---@return locksmith.Error?
function methods.plan(task, n)
  local session = task.session
  if type(n) ~= "number" or not (n >= 0 and n <= 1e9) or n % 1 ~= 0 then
    options.misuse "lockpub.plan: argument 'n' must be a whole number from 0 to 1e9"
  end
  local name, now, err = state(session, "lockpub.plan")
  if not name then return nil, err end
  local store = session.store
  local seconds, problem, message = store:forecast(name, session.windows, now, n)
  local quota, left
  if seconds then quota, left, message = store:quota(name, now) end
  if problem == "store" or left == "store" then
    if session.on_store_error == "fail" then return nil, out_of_reach(message, "lockpub.plan") end
    store = session.fallback
    seconds, quota, left = store:forecast(name, session.windows, now, n), store:quota(name, now)
  end
  local reset = core.month_end(now)
  if quota and quota.reset > now then reset = quota.reset end
  return { n = whole(n), fits = left and math.min(n, left) or nil, seconds = whole(seconds), reset = reset }
end

local module = {}

---@param given table? see the reference: api_key, base_url, timeout, …
---@return locksmith.Lockpub?
---@return locksmith.Error? of kind unauthenticated (no key, or a malformed one) or invalid_request (base_url)
module.new = client.class("lockpub", methods, function(session)
  return { links = links.new(session) }
end)

module.options = options.CLIENT

return module
