--- One of several clients that send as much as they may, in a process or an nginx worker of its own.

local core = require "locksmith.core"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local saturate = {}

saturate.RATE = { { 20, 0.5 }, { 60, 3 } }
saturate.MARGIN = 0.2 -- a busy machine holds a request up for so long, and not the next one
saturate.TIMEOUT = 4

saturate.FIELDS = { type = "url", target_url = "https://example.com/", password = "share-this-separately",
  memo = "Client contract" }

-- How often a client asks that does not wait.
local PATIENCE = 0.05

--- Sends until `ends`.
---@param name string shown to the service as user agent
---@param url string of the service
---@param ends number Unix seconds
---@param options table? more client options
---@return table # `{ calls, ok, store_errors, overrun = seconds that a call outlived its deadline by at most, kinds =
--- error kind -> count, said = the last error }`
function saturate.run(name, url, ends, options)
  local result = { calls = 0, ok = 0, store_errors = 0, overrun = -saturate.TIMEOUT, kinds = {} }
  local own = {
    api_key = sandbox.LOCKPUB_KEY, base_url = url, user_agent = name, rate = saturate.RATE,
    pacing_margin = saturate.MARGIN, timeout = saturate.TIMEOUT,
    on_event = function(event)
      if event.type == "store_error" then result.store_errors = result.store_errors + 1 end
    end,
  }
  for option, value in pairs(options or {}) do own[option] = value end
  local lockpub = assert(locksmith.lockpub(own))
  while core.now() < ends do
    local began = core.now()
    local link, err = lockpub.links:create(saturate.FIELDS)
    result.calls = result.calls + 1
    result.overrun = math.max(result.overrun, core.now() - began - saturate.TIMEOUT)
    if link then
      result.ok = result.ok + 1
    else
      result.kinds[err.kind], result.said = (result.kinds[err.kind] or 0) + 1, tostring(err)
      if own.pacing == "fail" then core.sleep(PATIENCE) end
    end
  end
  lockpub:close()
  return result
end

--- The most requests that the windows, with their margin, let through in so many seconds.
---@param seconds number
---@return integer
function saturate.most(seconds)
  local burst, minute = saturate.RATE[1], saturate.RATE[2]
  local whole = math.floor(seconds / (minute[2] + saturate.MARGIN))
  local rest = seconds - whole * (minute[2] + saturate.MARGIN)
  local bursts = math.floor(rest / (burst[2] + saturate.MARGIN)) + 1
  return whole * minute[1] + math.min(minute[1], bursts * burst[1])
end

--- The store in a place "redis:SOCKET" or "file:PATH".
local function store_at(place)
  local kind, path = place:match "^(%a+):(.*)$"
  if kind == "file" then return locksmith.file { path = path } end
  assert(require("spec.support.redis").find_library(), "no lua-redis")
  return locksmith.redis { unix = path }
end

-- usage: lua saturate.lua NAME URL PLACE BEGIN SECONDS OPTIONS-AS-JSON
if arg and arg[0] and arg[0]:match "saturate%.lua$" then
  local name, url, begins, seconds = arg[1], arg[2], tonumber(arg[4]), tonumber(arg[5])
  local json = require "cjson"
  local options = json.decode(arg[6])
  options.store = store_at(arg[3])
  -- A busy machine may have been longer about it than that.
  core.sleep(begins - core.now())
  print(json.encode(saturate.run(name, url, core.now() + seconds, options)))
end

return saturate
