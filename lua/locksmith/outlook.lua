--- What is known of a key's windows and quota, and what follows for requests to come.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local key_source = require "locksmith.key_source"

local outlook = {}

--- A look at what is known of the key.
---@param session locksmith.Session
---@param operation string
---@return userdata? state
---@return number|locksmith.Error now by the clock of the place where it is kept
function outlook.state(session, operation)
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

---@param quota table?
---@param now number
---@return number # when the quota begins anew, Unix seconds
function outlook.reset(quota, now)
  if quota and quota.reset > now then return quota.reset end
  return core.month_end(now)
end

--- How long requests that each count against the quota will have to wait: for the windows, and for the months that are
--- needed.
---@param state userdata
---@param windows table
---@param now number
---@param n integer
---@return number seconds
function outlook.seconds(state, windows, now, n)
  local quota, left = state:quota(now)
  if not left or left >= n or quota.limit < 1 then return state:forecast(windows, now, n) end
  local reset, over = outlook.reset(quota, now), n - left
  while over > quota.limit and reset < now + 1e9 do
    reset, over = core.month_end(reset), over - quota.limit
  end
  return reset - now + state:forecast(windows, now, math.min(over, 1e9))
end

return outlook
