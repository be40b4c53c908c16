--- Joins a call to a store outside this process; a memory store is the core's own affair.

local core = require "locksmith.core"

local pacing = {}

local RELEASE, MOVE, PAUSE = core.RELEASE, core.MOVE, core.PAUSE

local MESSAGES = {
  would_wait = "no slot is free before the deadline (or pacing is \"fail\")",
  quota_exceeded = "the monthly quota is used up",
}

--- The store cannot be reached: goes on with this process's own count, or ends the call.
local function lost(session, call, exchange, message, emit)
  emit(session, call, { type = "store_error", message = message })
  if session.on_store_error == "fail" then
    call:refuse(session.now(), "store", nil, "the pacing store is out of reach: " .. tostring(message))
    return
  end
  exchange.memory = session.fallback.memory
end

---@param session table
---@param call userdata
---@param longest number seconds the call can wait
---@param exchange table
---@param emit function
function pacing.reserve(session, call, longest, exchange, emit)
  local name = session.core:state_name()
  local request = {
    name = name,
    windows = session.windows,
    now = session.now(),
    longest = longest,
    count_only = call:is_unpaced(),
    quota = call:counts_quota(),
    mirror = session.fallback.memory,
  }
  local wait, token, reason = session.store:reserve(request)
  if wait then
    exchange.token, exchange.name = token, name
    call:grant(session.now(), wait)
  elseif token == "store" then
    lost(session, call, exchange, reason, emit)
  else
    call:refuse(session.now(), token, reason, MESSAGES[token])
  end
end

function pacing.settle(session, call, effects, exchange)
  local store, name, token = session.store, exchange.name or session.core:state_name(), exchange.token
  if effects >= PAUSE then
    effects = effects - PAUSE
    store:pause(name, session.now(), call:pause())
  end
  if effects >= MOVE then
    effects = effects - MOVE
    if token then store:move(name, token, call:lateness()) end
  end
  if effects >= RELEASE and token then store:release(name, token) end
  exchange.token = nil
end

---@return table? quota as the store now knows it
function pacing.observe(session, exchange, limit, remaining, reset)
  return session.store:observe(exchange.name or session.core:state_name(), session.now(), limit, remaining, reset)
end

return pacing
