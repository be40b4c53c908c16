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

--- A look at what is known of the key.
---@return userdata? state
---@return number|locksmith.Error now by the clock of the place where it is kept
local function state_of(session, operation)
  local err = session:ready(operation)
  if err then return nil, err end
  local key, kind, message = key_source.present(session)
  if not key then return nil, Error.refused(kind, message, operation) end
  local now = session.now()
  if session.closed then return nil, Error.refused("closed", "the client is closed", operation) end
  local state, there = session:look(session.core:state_name(), now)
  if not state then return nil, Error.refused("store", there, operation) end
  return state, there
end

--- The monthly quota as last told by the service, to any client that shares the store.
---@return table? quota { limit, remaining, reset, as_of }, times in Unix seconds; nil before the first answer
---@return locksmith.Error? of kind store, closed or, of a key function, unauthenticated
function methods.quota(task)
  local state, now = state_of(task.session, "lockpub.quota")
  if not state then return nil, now end
  return (state:quota(now))
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
  local state, now = state_of(session, "lockpub.plan")
  if not state then return nil, now end
  local seconds, quota, left = state:forecast(session.windows, now, n), state:quota(now)
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
