--- The LOCK.PUB client: password-protected links and secret memos.

local client = require "locksmith.client"
local links = require "locksmith.links"
local options = require "locksmith.options"
local outlook = require "locksmith.outlook"

local methods = {}

--- The monthly quota as last told by the service, to any client that shares the store.
function methods.quota(task)
  local state, now = outlook.state(task.session, "lockpub.quota")
  if not state then return nil, now end
  return (state:quota(now))
end

-- 0, not 0.0.
local function whole(number)
  return math.tointeger and math.tointeger(number) or number
end

--- What a run of n creations would take.
function methods.plan(task, n)
  if type(n) ~= "number" or not (n >= 0 and n <= 1e9) or n % 1 ~= 0 then
    options.misuse "lockpub.plan: argument 'n' must be a whole number from 0 to 1e9"
  end
  local state, now = outlook.state(task.session, "lockpub.plan")
  if not state then return nil, now end
  local seconds, quota, left = state:forecast(task.session.windows, now, n), state:quota(now)
  local fits, reset = left and math.min(n, left), outlook.reset(quota, now)
  return { n = whole(n), fits = fits, seconds = whole(seconds), reset = reset }
end

local module = {}

module.new = client.class("lockpub", methods, function(session)
  return { links = links.new(session) }
end)

module.options = options.CLIENT

return module
