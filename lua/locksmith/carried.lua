--- The state of a key in a store that carries bytes: read, worked on by the core, swapped.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local events = require "locksmith.events"
local try = require "locksmith.try"

--- What carries bytes between those who share a key; our own stores tell more than a caller's has to. Both functions
--- are called without the store.
---@class locksmith.ByteStore: locksmith.Store
---@field read fun(name: string, patience: number?, exact: boolean?): string?, any, number?, any, boolean?
---  the newest bytes under that name, their version (of any kind but nil), and Unix seconds by the clock of the store
---  where it has one; nil[, nil, seconds] for a name that is absent; nil, message when it fails. Fourth, true: the
---  newest is known to have been lost. Fifth, true: this is what was seen last, perhaps not the newest any more, which
---  `exact` asks for
---@field swap fun(name: string, version: any, bytes: string, seconds: number, patience: number?): boolean?, string?
---  true when the bytes are there now; false when somebody was first, so that the version (nil: nothing at all) is no
---  longer the newest; nil, message when it fails, the bytes perhaps being there
---@field too_small? fun(bytes: integer): string? a message when it has no room for states of so many bytes

local carried = {}

-- So often somebody else may be first.
local ROUNDS = 200
-- While the store is away, a wait is cut into pieces: it may be back, and know more.
local RECHECK = 1
-- What a call whose time is up may still spend on telling the store.
local LAST_WORD = 0.05
local NAMES_MAX = 1024
-- Kept beyond its last meaning, because the clock that ends it need not be the one that this is reckoned by.
local SLACK = 60
local MESSAGE_MAX = 300
local NO_STATE = "it keeps what is no state of this version"
local OUT_OF_REACH = "the pacing store is out of reach: "

--- What the clients that are given one store object know, by name.
local notes_of = setmetatable({}, { __mode = "k" })

---@param store locksmith.ByteStore
---@param room integer bytes that the state of a key takes at most
---@return table # what the other functions here find as session.store
function carried.new(store, room)
  local notes = notes_of[store]
  if not notes then
    notes = { count = 0, names = {} }
    notes_of[store] = notes
  end
  return { inner = store, notes = notes, room = room }
end

--- Where names come and go, only those are kept of which something is remembered.
local function sweep(notes, now)
  for name, known in pairs(notes.names) do
    if known.state:life(now + known.ahead) == 0 then notes.names[name], notes.count = nil, notes.count - 1 end
  end
end

--- @class locksmith.Remembered
--- @field state userdata by the store's clock
--- @field turn integer how often the state was replaced
--- @field untold boolean the store may not know all of it
--- @field ahead number seconds that the store's clock is ahead of the caller's
--- @field own_clock boolean? the store has one
--- @field spare userdata? a state that nobody uses
--- @field bytes string|false the state as the store has it, where it has it
local function remembered(self, name, now)
  local notes = self.notes
  local known = notes.names[name]
  if known then return known end
  if notes.count >= NAMES_MAX then sweep(notes, now) end
  known = { state = core.state(), turn = 0, untold = false, ahead = 0, bytes = false }
  notes.names[name], notes.count = known, notes.count + 1
  return known
end

local function replace(known, state, untold, bytes)
  known.state, known.untold, known.turn, known.bytes = state, untold, known.turn + 1, bytes or false
end

local function is_time(value)
  return type(value) == "number" and value > -math.huge and value < math.huge
end

local function reason(message)
  if Error.is(message) then message = tostring(message) end
  return type(message) == "string" and Error.cut(message, MESSAGE_MAX) or "it gives no reason"
end

--- Whether the store cannot do what it is for: the message, found at the first call.
---@return string|false
local function too_small(self)
  if self.problem == nil then
    local check = type(self.inner) == "table" and rawget(self.inner, "too_small")
    self.problem = check and self.room > 0 and check(self.room) or false
  end
  return self.problem
end

--- Reads, believing nothing unseen.
---@return boolean ok
---@return string|nil bytes, or the message
local function read(self, name, patience, exact)
  local problem = too_small(self)
  if problem then return false, reason(problem) end
  local ok, bytes, version, now, lost, seen = try(self.inner.read, name, patience, exact)
  if not ok then return false, reason(bytes) end
  if bytes == nil and version ~= nil then return false, reason(version) end
  if bytes ~= nil and (type(bytes) ~= "string" or bytes == "" or version == nil) or now ~= nil and not is_time(now) then
    return false, "the answer of its read makes no sense"
  end
  return true, bytes, version, now, lost and true or false, seen
end

local function swap(self, name, version, bytes, life, patience)
  local ok, done, message = try(self.inner.swap, name, version, bytes, life, patience)
  if not ok then return nil, reason(done) end
  if done == nil then return nil, reason(message) end
  if type(done) ~= "boolean" then return nil, "the answer of its swap makes no sense" end
  return done
end

--- Makes the next state of what was read, in which the call took a slot, or `change` was at work.
---@return boolean sound the bytes are a state
---@return string? after and the rest as state:write
---@return number? life
local function work(call, longest, change, state, now, estimated, bytes, own, untold, lost, same)
  if not change then return call:take_from(state, now, longest, estimated, bytes, own, untold, lost, same) end
  if not state:take_up(now, bytes, own, untold, lost, same) then return false end
  change(state, now)
  return true, state:write(now, bytes ~= nil)
end

--- Takes a slot in the state of that name, or lets `change` work on it, and makes the outcome everyone's.
---@param call userdata
---@param began number what the clock says
---@param patience number seconds
---@param longest number? seconds that the call can wait for its slot, from `began` on
---@param change nil|fun(state: userdata, now: number) may be called several times; `now` by the store's clock
---@return boolean ok
---@return string|number|nil # what the clock said when it was taken; the message when the store failed
local function update(self, clock, name, call, began, patience, longest, change)
  local ends, exact = began + patience, false
  for _ = 1, ROUNDS do
    local ok, bytes, version, now, lost, seen = read(self, name, patience, exact)
    if not ok then return false, bytes end
    local here = clock()
    local known = remembered(self, name, here)
    local own, turn, state = known.state, known.turn, known.spare or core.state()
    known.spare = nil
    local estimated = now ~= nil
    local left = longest and math.max(0, longest - (here - began))
    -- Reading them is most of the work where many sends are kept, and often nobody was there meanwhile.
    local same = bytes ~= nil and bytes == known.bytes and not lost
    local sound, after, life = work(call, left, change, state, now or here, estimated, bytes, own, known.untold, lost,
      same)
    if not sound then return false, NO_STATE end
    known.ahead, known.own_clock = estimated and now - here or 0, estimated
    local done, message = true, nil
    if after then
      done, message = swap(self, name, version, after, life + SLACK, math.max(ends - here, 0))
    elseif seen and not exact then
      done, exact = false, true -- no swap would tell whether others have been there
    end
    if done then
      -- Meanwhile others in this process may have come further, or been without the store.
      if known.turn == turn then
        replace(known, state, false, after or bytes)
        known.spare = own
      elseif not known.untold and known.state:is_before(state) then
        replace(known, state, false)
      end
      return true, here
    end
    known.spare = state
    if done == nil then return false, message end
    local present = clock()
    if present >= ends then break end
    patience = ends - present
  end
  return false, "others are first again and again"
end

--- The store is out of reach: says so, once per call.
local function complain(exchange, message)
  if exchange.complained then return end
  exchange.complained = true
  events.emit(exchange, { type = "store_error", message = message })
end

--- How many there are that go on without the store, each with its share of the windows.
local function sharers()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and ngx.worker and ngx.worker.count and ngx.worker.count() or 1
end

local function reserve_locally(self, session, call, longest, exchange, began)
  local now = session.now()
  local known, trial = remembered(self, exchange.name, now), core.state()
  trial:copy(known.state)
  local wait = call:take(trial, now + known.ahead, math.max(0, longest - (now - began)), sharers())
  if wait and wait > 0 then return call:later(now, math.min(wait, RECHECK)) end
  replace(known, trial, true)
  call:paced(now, 0)
end

--- Answers a call that wants a slot, or has waited for one.
---@param session locksmith.Session
---@param call userdata
---@param longest number seconds the call can wait
---@param exchange locksmith.Task
function carried.reserve(session, call, longest, exchange)
  local self, clock, began = session.store, session.now, session.now()
  exchange.name = call:state_name()
  -- Where the caller's clock ran ahead of time itself (in a test), a store with a clock would have it wait for ever.
  local granted = exchange.granted
  if granted and call:slot_came() then
    local passed = began - granted.at
    if passed > 0 and core.now() - granted.real < passed / 2 then return call:grant(began, 0) end
  end
  local patience = math.max(call:deadline() - began, 0)
  local ok, taken = update(self, clock, exchange.name, call, began, patience, longest)
  local now = clock()
  if ok then
    local known = remembered(self, exchange.name, now)
    exchange.granted = known.own_clock and { at = now, real = core.now() } or nil
    return call:paced(now, math.max(0, now - taken))
  end
  local message = taken
  complain(exchange, message)
  if session.on_store_error == "fail" then
    return call:refuse(now, "store", nil, OUT_OF_REACH .. message)
  end
  reserve_locally(self, session, call, longest, exchange, began)
end

--- Tells the store something, and this process where the store is out of reach.
local function tell(self, session, call, exchange, change)
  local now = session.now()
  local name = exchange.name or call:state_name()
  local patience = math.max(call:deadline() - now, LAST_WORD)
  local ok, message = update(self, session.now, name, call, now, patience, nil, change)
  if ok then return end
  local known, own = remembered(self, name, now), core.state()
  own:copy(known.state)
  change(own, session.now() + known.ahead)
  replace(known, own, true)
  complain(exchange, message)
end

--- Carries out the effects announced with an action.
function carried.settle(session, call, effects, exchange)
  tell(session.store, session, call, exchange, function(state, now) call:settle(state, now, effects, true) end)
  call:settle(core.state(), session.now(), effects)
end

---@return table? quota as it is now known
function carried.observe(session, call, exchange, limit, remaining, reset)
  local quota
  tell(session.store, session, call, exchange, function(state, now)
    call:observe(state, now, limit, remaining, reset)
    quota = state:quota(now)
  end)
  return quota
end

--- What this process remembers of the state that the call took its slot in.
---@param session locksmith.Session
---@param exchange locksmith.Task
---@return userdata? state
function carried.known(session, exchange)
  local known = exchange.name and session.store.notes.names[exchange.name]
  return known and known.state or nil
end

--- Looks at a state without changing it; where the store is out of reach and the client goes on without it, at what
--- this process remembers.
---@param session locksmith.Session
---@param name string
---@param now number by the caller's clock
---@return userdata? state
---@return number|string now by the store's clock, or the message
function carried.look(session, name, now)
  local self = session.store
  local ok, bytes, _, store_now, lost = read(self, name, nil, true)
  local known, state = remembered(self, name, now), core.state()
  if ok and not state:take_up(store_now or now, bytes, known.state, known.untold, lost) then
    ok, bytes = false, NO_STATE
  end
  if ok then return state, store_now or now end
  if session.on_store_error == "fail" then return nil, OUT_OF_REACH .. bytes end
  return known.state, now + known.ahead
end

return carried
