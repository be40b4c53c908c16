--- Whether what Redis answered can be an answer of our script (redis_script.lua). Someone else's script, another server
--- in its place or a broken client library must neither raise where numbers are expected nor hold anybody up.

local ascii = require "locksmith.ascii"

local redis_reply = {}

-- In microseconds.
local DAY, MINUTE = 86400e6, 60e6
local WHOLE_MAX = 2 ^ 53
local TEXT_MAX, ID_MAX, NEWS_MAX, SLOTS_MAX = 256, 128, 1000, 20001

local function is_count(value)
  return type(value) == "number" and value >= 0 and value <= WHOLE_MAX
end

local function is_text(value, most)
  return type(value) == "string" and #value <= most
end

-- Slots are scores, which come as text. Nobody is promised one that is days ahead.
local function is_slot(value, now)
  local slot = type(value) == "string" and ascii.number(value)
  return slot and slot >= 0 and slot <= now + DAY or false
end

local function are_news(reply, now)
  for i = 8, 8 + NEWS_MAX, 2 do
    local id, slot = reply[i], reply[i + 1]
    if id == nil and slot == nil then return true end
    if not is_text(id, ID_MAX) or not id:find "^[^\t-\r ]+$" or not is_slot(slot, now) then return false end
  end
  return false
end

--- What may stand where a code has the slot: now, the slot, the longest acceptable wait, microseconds all.
local SLOT = {
  ok = function(now, slot, longest) return slot >= now - MINUTE and slot <= now + longest + 1 end,
  wait = function(now, slot) return slot >= now end,
  again = function(now, slot) return slot > now and slot <= now + MINUTE end,
  quota = function() return true end,
}
SLOT.probe, SLOT.probed = SLOT.ok, SLOT.again

---@param reply any of "reserve"
---@param longest number seconds
---@return boolean
function redis_reply.reserve(reply, longest)
  if type(reply) ~= "table" or not is_count(reply[2]) then return false end
  local code, now, slot, paused = reply[1], reply[2], reply[3], reply[6]
  if code == "lost" then return true end
  if not SLOT[code] or not is_count(slot) or not SLOT[code](now, slot, longest * 1e6) then return false end
  -- A pause is a day at most; the clock may have been set back a little since.
  return is_count(reply[4]) and is_count(reply[5]) and is_count(paused) and paused <= now + DAY + 10 * MINUTE
    and is_text(reply[7], TEXT_MAX) and are_news(reply, now)
end

---@param reply any of "quota"
---@return boolean
function redis_reply.quota(reply)
  return type(reply) == "table" and is_count(reply[1]) and is_text(reply[2], TEXT_MAX)
end

---@param reply any of "look"
---@return boolean
function redis_reply.look(reply)
  if type(reply) ~= "table" or not is_count(reply[1]) or not is_text(reply[3], TEXT_MAX) then return false end
  local now, paused = reply[1], reply[2]
  if type(paused) ~= "number" or not (paused >= -WHOLE_MAX and paused <= now + DAY + 10 * MINUTE) then return false end
  for i = 4, 4 + SLOTS_MAX do
    local slot = reply[i]
    if slot == nil then return true end
    if type(slot) ~= "number" or not (slot >= -WHOLE_MAX and slot <= now + DAY) then return false end
  end
  return false
end

---@param reply any of "release", "move" and "pause"
---@return boolean
function redis_reply.done(reply)
  return reply == 1
end

---@param reply any of SCRIPT LOAD
---@return boolean
function redis_reply.hash(reply)
  return type(reply) == "string" and reply:find "^[0-9A-Za-z]+$" ~= nil and #reply <= 64
end

return redis_reply
