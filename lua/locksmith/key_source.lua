--- Where a client's key comes from: a string, or a function that is asked when one is needed.

local core = require "locksmith.core"
local json = require "locksmith.json"

local key_source = {}

-- While one coroutine asks, others look again this often.
local PATIENCE = 0.01
-- A coroutine may be killed while it asks, as nginx does when a visitor leaves: after so long the others ask.
local LONGEST_ASK = 2

--- Checks a key and reads its claims.
---@param service "lockpub"|"locker"
---@param text any
---@return userdata? key
---@return string? message why not; never shows the key
function key_source.parse(service, text)
  if text ~= nil and type(text) ~= "string" then
    return nil, "the key function must return a string, not a " .. type(text)
  end
  local key, message = core.key(service, text)
  if not key then return nil, message end
  local payload = key:payload()
  if not payload then return key end
  local ok, claims = json.decode(payload)
  if not ok or not payload:find "^%s*{" then
    return nil, "the key is malformed: its payload is not a JSON object"
  end
  local expiry = tonumber(claims.expired_time)
  if expiry then key:expire(expiry) end
  return key
end

--- Makes a key the session's present one.
---@param session table
---@param key userdata
function key_source.adopt(session, key)
  session.key = key
  session.core:set_key(key)
end

-- Plain Lua 5.1 cannot yield through pcall, and a key function may have to wait. A coroutine of its own catches errors
-- as well, and hands its yields on.
local function in_coroutine(ask)
  local thread = coroutine.create(ask)
  local function passed_on(ok, ...)
    if not ok or coroutine.status(thread) == "dead" then return ok, ... end
    return passed_on(coroutine.resume(thread, coroutine.yield(...)))
  end
  return passed_on(coroutine.resume(thread))
end

local protected = _VERSION == "Lua 5.1" and not rawget(_G, "jit") and in_coroutine or pcall

--- Brings a key that another coroutine is asking for, or asks.
---@param session table
---@param call userdata the call that needs a key
---@param span number seconds it has left
function key_source.bring(session, call, span)
  local now = session.now()
  if session.asking_until and now < session.asking_until then
    local generation = session.key_generation
    session.sleep(math.min(PATIENCE, span))
    -- Answered meanwhile, with the key this call was refused with: asking once more would not change it.
    if session.key_generation ~= generation and session.key and call:holds_key(session.key) then
      call:key(session.now(), session.key)
    end
    return
  end
  session.asking_until = now + math.min(LONGEST_ASK, span)
  local ok, text, reason = protected(session.ask_key)
  session.asking_until = nil
  session.key_generation = session.key_generation + 1
  local key, message
  if ok then key, message = key_source.parse(session.service, text) else message = "the key function failed" end
  if ok and text == nil and type(reason) == "string" then message = "the key function returned no key" end
  if not key then
    call:refuse(session.now(), "unauthenticated", nil, message)
    return
  end
  if session.closed then return end
  if not session.core:holds(key) then key_source.adopt(session, key) end
  call:key(session.now(), session.key)
end

return key_source
