--- Joins a call to a store outside this process; a memory store is the core's own affair.

local core = require "locksmith.core"
local events = require "locksmith.events"

--- What every store answers to. Nothing here raises or waits for a slot; a store that is out of reach gives
--- nil, "store", message, and one that does not keep to this is taken to be (see locksmith.store.checked). `name` is
--- the state ("service:fingerprint of the key"), `now` the caller's clock in Unix seconds, `patience` the seconds that
--- asking may take (nil: as the store thinks best).
---@class locksmith.Store
---@field reserve fun(self, request: locksmith.SlotRequest): number|nil, any, any
---  wait in seconds, token | nil, "would_wait"|"quota_exceeded", retry_after | nil, "again", seconds: no answer yet
---@field renew nil|fun(self, request: locksmith.SlotRequest, token: any): number|nil, any, any
---  as reserve, for who waited for the slot of that token: others may have sent late, the service may have asked for a
---  pause, the store may have lost its memory meanwhile. Unless it says "again" a failure means the slot is gone
---@field release fun(self, name: string, token: any, patience: number?) the slot was not used
---@field move fun(self, name: string, token: any, late: number, patience: number?) sent so many seconds after its slot
---@field pause fun(self, name: string, now: number, seconds: number, patience: number?) nobody sends for so long
---@field observe fun(self, name: string, now: number, limit: string?, remaining: string, reset: string?,
---  patience: number?): table? the quota as now known, from three header values
---@field quota fun(self, name: string, now: number): table?, integer? the quota and how many creations are left
---@field forecast fun(self, name: string, windows: number[][], now: number, n: integer): number? seconds for n sends
---@field fallback locksmith.MemoryStore? what takes over while the store is out of reach
---@field note nil|fun(self, name: string, now: number, at: number): any a send was let through by the fallback
---@field forget nil|fun(self, name: string, mark: any) and was not made: what note returned

---@class locksmith.SlotRequest
---@field name string
---@field windows number[][] list of { requests, seconds with the margin }
---@field margin number seconds of inexactness that the windows bear
---@field now number
---@field longest number acceptable wait
---@field patience number what the whole call has left
---@field count_only boolean pacing "off": is let through at once, and counted
---@field quota boolean a success takes one from the monthly quota

local pacing = {}

local RELEASE, MOVE, PAUSE = core.RELEASE, core.MOVE, core.PAUSE
-- What a call whose time is up may still spend on telling the store.
local LAST_WORD = 0.05
-- While the store is away, a wait is cut into pieces: it may be back, and know more.
local RECHECK = 1
-- Nobody asks sooner again, whatever the store says: after waiting for a slot, and without one.
local RENEWAL, PATIENCE = 0.001, 0.01

local MESSAGES = {
  would_wait = "no slot is free before the deadline (or pacing is \"fail\")",
  quota_exceeded = "the monthly quota is used up",
}

--- The store is out of reach: says so, once per call.
local function complain(exchange, message)
  if exchange.complained then return end
  exchange.complained = true
  events.emit(exchange, { type = "store_error", message = tostring(message) })
end

---@return boolean # whether the call can go on
local function linger(session, call, exchange, span)
  span = math.min(span, math.max(0, exchange.deadline - session.now()))
  events.emit(exchange, { type = "wait", wait = span, attempt = call:attempt() + 1 })
  local refusal = session.sleep(span)
  if type(refusal) == "string" then
    call:abort(session.now(), "phase", refusal)
    return false
  end
  return not session.closed and session.now() < exchange.deadline
end

--- Forgets the slot that the call held, here and in the fallback's count.
---@return any token, nil when there was none
local function forget(session, exchange)
  local token = exchange.token
  exchange.token, exchange.waiting = nil, nil
  if not token then return nil end
  if exchange.store ~= session.fallback then session.fallback.memory:release(exchange.name, exchange.at) end
  if exchange.mark then session.store:forget(exchange.name, exchange.mark) end
  exchange.mark = nil
  return token
end

--- Gives back the slot that the call holds.
local function drop(session, exchange, patience)
  local token = forget(session, exchange)
  if token then return exchange.store:release(exchange.name, token, patience) end
end

--- Waits for a slot it holds, and asks then whether the slot still is one.
local function await(session, call, exchange, span)
  if exchange.waiting then span = math.max(span, RENEWAL) end
  exchange.waiting = true
  if not linger(session, call, exchange, span) then drop(session, exchange, LAST_WORD) end
end

local function reserve_locally(session, call, request, exchange)
  local store = session.fallback
  local wait, token, reason = store:reserve(request)
  if not wait then return call:refuse(session.now(), token, reason, MESSAGES[token]) end
  if wait > 0 then
    store:release(request.name, token)
    linger(session, call, exchange, math.min(wait, RECHECK))
    return
  end
  exchange.store, exchange.token = store, token
  if session.store.note then exchange.mark = session.store:note(request.name, request.now, request.now) end
  call:grant(session.now(), 0)
end

local function hold(session, request, exchange, wait, token)
  local mirror, at = session.fallback.memory, request.now + wait
  if exchange.token then
    mirror:move(request.name, exchange.at, at - exchange.at)
  else
    mirror:record(request.name, request.windows, request.now, at)
  end
  exchange.store, exchange.token, exchange.at = session.store, token, at
end

--- Answers a call that wants a slot, or brings it nearer to one by waiting; then the call asks again.
---@param session table
---@param call userdata
---@param longest number seconds the call can wait
---@param exchange locksmith.Task
function pacing.reserve(session, call, longest, exchange)
  local store, now = session.store, session.now()
  local name = call:state_name()
  exchange.name, exchange.deadline = name, call:deadline()
  local request = {
    name = name,
    windows = session.windows,
    margin = session.options.pacing_margin,
    now = now,
    longest = longest,
    patience = exchange.deadline - now,
    count_only = call:is_unpaced(),
    quota = call:counts_quota(),
  }
  local wait, token, reason
  if exchange.waiting then wait, token, reason = store:renew(request, exchange.token)
  else wait, token, reason = store:reserve(request) end
  if wait then
    hold(session, request, exchange, wait, token)
    if wait > 0 and store.renew then return await(session, call, exchange, wait) end
    exchange.waiting = nil
    call:grant(session.now(), wait)
  elseif token == "store" then
    drop(session, exchange, LAST_WORD)
    complain(exchange, reason)
    if session.on_store_error == "fail" then
      return call:refuse(session.now(), "store", nil, "the pacing store is out of reach: " .. tostring(reason))
    end
    request.now = session.now() -- asking took time
    request.longest = math.max(0, longest - (request.now - now))
    reserve_locally(session, call, request, exchange)
  elseif token == "again" and reason <= longest then
    if not linger(session, call, exchange, math.max(reason, PATIENCE)) then drop(session, exchange, LAST_WORD) end
  else
    if token == "again" then
      drop(session, exchange, LAST_WORD)
      token = "would_wait"
    end
    forget(session, exchange)
    call:refuse(session.now(), token, reason, MESSAGES[token])
  end
end

local function patience(session, exchange)
  return math.max((exchange.deadline or 0) - session.now(), LAST_WORD)
end

--- Hands on what a store said to a message; nil for its complaint.
local function heard(exchange, answer, problem, message)
  if problem ~= "store" then return answer end
  complain(exchange, message)
end

local function move(session, call, exchange, name, token)
  local store, late = exchange.store, call:lateness()
  heard(exchange, store:move(name, token, late, patience(session, exchange)))
  if store ~= session.fallback then session.fallback.memory:move(name, exchange.at, late) end
end

--- Carries out the effects announced with an action.
function pacing.settle(session, call, effects, exchange)
  local name, token = exchange.name or call:state_name(), exchange.token
  if effects >= PAUSE then
    effects = effects - PAUSE
    local now, span = session.now(), call:pause()
    session.fallback:pause(name, now, span)
    heard(exchange, session.store:pause(name, now, span, patience(session, exchange)))
  end
  if effects >= MOVE then
    effects = effects - MOVE
    if token then move(session, call, exchange, name, token) end
  end
  if effects >= RELEASE then heard(exchange, drop(session, exchange, patience(session, exchange))) end
  exchange.token, exchange.mark = nil, nil
end

---@return table? quota as the store now knows it
function pacing.observe(session, call, exchange, limit, remaining, reset)
  local name, now = exchange.name or call:state_name(), session.now()
  local own = session.fallback:observe(name, now, limit, remaining, reset)
  return heard(exchange,
    session.store:observe(name, now, limit, remaining, reset, patience(session, exchange))) or own
end

return pacing
