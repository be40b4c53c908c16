--- Where a client's key comes from: a string, or a function that is asked when one is needed.

local Error = require "locksmith.error"
local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local json = require "locksmith.json"
local nesting = require "locksmith.nesting"
local try = require "locksmith.try"

local key_source = {}

-- While one coroutine asks, others look again this often.
local PATIENCE = 0.01
-- A coroutine may be killed while it asks, as nginx does when a visitor leaves: after so long the others ask.
local LONGEST_ASK = 2
-- Of the reason that a key function gives, so much is shown.
local REASON_MAX = 500

local NESTED = "the key function used the client that it is to bring the key for"

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
  if not ok or not payload:find "^[ \t\r\n]*{" then
    return nil, "the key is malformed: its payload is not a JSON object"
  end
  -- `exp` is the name that RFC 7519 (4.1.4) gives it.
  local own, standard = ascii.number(claims.expired_time), ascii.number(claims.exp)
  if own or standard then key:expire(math.min(own or standard, standard or own)) end
  return key
end

--- Makes a key the session's present one.
---@param session table
---@param key userdata
function key_source.adopt(session, key)
  session.key = key
  session.core:set_key(key)
end

-- A reason may quote the key that was found wanting.
local function redacted(reason)
  local ok, text = pcall(tostring, reason)
  if not ok or type(text) ~= "string" then return nil end
  text = text:gsub("[%z\1-\32\127]+", " ")
    :gsub("ll_[a-z]+_[A-Za-z0-9_%-]*", "[redacted]")
    :gsub("cs%.[A-Za-z0-9_%-]+[A-Za-z0-9_%-%.]*", "[redacted]")
    :gsub("eyJ[A-Za-z0-9_%-]+[A-Za-z0-9_%-%.]*", "[redacted]")
    :gsub("([Bb]earer )[^ ]+", "%1[redacted]")
  return text ~= "" and Error.cut(text, REASON_MAX) or nil
end

local function with_reason(message, reason)
  local text = reason ~= nil and redacted(reason)
  return text and message .. ": " .. text or message
end

--- Asks a function for a secret.
---@param ask function
---@param what string what to call the function in a message
---@return boolean ok whether it returned and gave something
---@return any # what it gave, or a message that shows its reason without what looks like a key
local function ask_function(ask, what)
  local ok, text, reason = try(ask)
  if not ok then return false, with_reason(what .. " failed", text) end
  if text == nil and reason ~= nil then return false, with_reason(what .. " returned nothing", reason) end
  return true, text
end

--- Asks the key function. What it gave becomes the session's key, unless the client was closed meanwhile.
---@param session table
---@return userdata? key nil without one, and when the client was closed
---@return string? message why there is none
local function ask(session)
  session.asker = nesting.here()
  local ok, text = ask_function(session.ask_key, "the key function")
  session.asker, session.asking_until = nil, nil
  session.key_generation = session.key_generation + 1
  if session.closed then return nil, "the client was closed" end
  if not ok then return nil, text end
  local key, message = key_source.parse(session.service, text)
  if not key then return nil, message end
  if not session.core:holds(key) then key_source.adopt(session, key) end
  return session.key
end

--- Brings a key that another coroutine is asking for, or asks.
---@param session table
---@param call userdata the call that needs a key
---@param span number seconds it has left
function key_source.bring(session, call, span)
  local now = session.now()
  if session.closed then return end
  if session.asker and nesting.is_within(session.asker) then
    return call:refuse(now, "unauthenticated", nil, NESTED)
  end
  if session.asking_until and now < session.asking_until then
    local generation = session.key_generation
    session.sleep(math.min(PATIENCE, span))
    -- Answered meanwhile, with the key this call was refused with: asking once more would not change it.
    if session.key_generation == generation then return end
    now = session.now()
    if session.key and call:holds_key(session.key) then call:key(now, session.key) end
    return
  end
  session.asking_until = now + math.min(LONGEST_ASK, span)
  local key, message = ask(session)
  now = session.now()
  if session.closed then return end
  if key then
    call:key(now, key)
  else
    call:refuse(now, "unauthenticated", nil, message)
  end
end

--- Sees to it that one coroutine asks at a time: waits while another one does.
---@param session table
---@param source table { asker, asking_until }
---@return boolean # false when the code that runs was called by the function that is being asked
local function take_turn(session, source)
  if source.asker and nesting.is_within(source.asker) then return false end
  local now = session.now()
  while session.sleep and not session.closed and source.asking_until and now < source.asking_until do
    local refusal = session.sleep(PATIENCE)
    if type(refusal) == "string" then break end -- no waiting here
    now = session.now()
  end
  source.asking_until = now + LONGEST_ASK
  return true
end

--- The present key, for what needs one without making a call; the key function is asked when it was not before.
---@param session table
---@return userdata? key
---@return string? kind of the error
---@return string? message
function key_source.present(session)
  if session.closed then return nil, "closed", "the client is closed" end
  if session.key then return session.key end
  if not take_turn(session, session) then return nil, "unauthenticated", NESTED end
  local key, message = session.key, nil
  if key or session.closed then
    session.asking_until = nil
  else
    key, message = ask(session)
  end
  if key then return key end
  return nil, session.closed and "closed" or "unauthenticated", message or "the client is closed"
end

local function ask_slug_secret(session, source)
  if not take_turn(session, source) then return nil, "the slug_secret function used the name of a link itself" end
  local ok, text = true, source.text
  if not text and not session.closed then
    source.asker = nesting.here()
    ok, text = ask_function(source.ask, "the slug_secret function")
  end
  source.asker, source.asking_until = nil, nil
  if not ok then return nil, text end
  if type(text) ~= "string" or text == "" then
    return nil, "the slug_secret function must return a text that is not empty"
  end
  source.text = text
  return text
end

--- What the slugs of named links are derived from, when nobody has to be asked for it.
---@param session table
---@return string|userdata|nil # a text, or the key
function key_source.slug_secret_at_hand(session)
  local source = session.slug_secret
  if source then return source.text end
  return session.key
end

--- The same, from whom it is to be had.
---@param session table
---@return string|userdata|nil
---@return string? kind of the error
---@return string? message
function key_source.slug_secret(session)
  local source = session.slug_secret
  if not source then return key_source.present(session) end
  local text, message = ask_slug_secret(session, source)
  if session.closed then return nil, "closed", "the client is closed" end
  return text, "invalid_request", message
end

return key_source
