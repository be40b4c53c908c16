--- Bytes in a `lua_shared_dict` of nginx, for all workers of one nginx.
---
--- `key` holds the newest bytes, with their version beside them. Whoever wants to replace version n first adds `key:n`,
--- which holds what is to come after it; adding fails when another worker was first. So a swap is one atomic step
--- without a lock. A worker that dies behind that step holds up nobody: the next one finishes what it has begun. What
--- was added serves for a second, for those who are still at work on a version that has passed. A worker that is held
--- up for longer between two steps may bring an older state back, which the state itself tells (see core/state.h).
---
--- To make room, what has expired goes first, then states that only remember a quota, those not used for longest first.
--- What holds anyone back is never given up: where that fills the dict, the store fails. A dict that other code fills
--- too may evict a state, though: give this one a dict of its own. What a dict has lost is told again by the workers
--- that remember it.

local core = require "locksmith.core"

-- Changes with the form of what is kept: the dict outlives a reload.
local PREFIX = "locksmith4:"
local STEP_LIFE = 1
-- Of large states only the newest steps are kept for so long: hundreds a second would fill the dict.
local LARGE, STEPS_KEPT = 1024, 4
local STEPS_MAX = 20000 -- more than a second can see
-- Versions are the flags of an entry, 32 bits with a sign. The first one is drawn at random, since what was lost may
-- not be met again.
local FIRST_MAX, VERSION_MAX = 2 ^ 30, 2 ^ 31 - 1
local LIFE_MAX = 366 * 86400
local SAID_LIFE = 86400

local ROOM_SEARCHED = 64

local NO_STATE = "holds what is no state"

local function is_version(value)
  return type(value) == "number" and value >= 1 and value <= VERSION_MAX and value % 1 == 0
end

local function after(version)
  return version % VERSION_MAX + 1
end

local function is_before(version, other)
  local distance = (other - version) % VERSION_MAX
  return distance > 0 and distance < VERSION_MAX / 2
end

local function before(version, steps)
  return (version - steps - 1) % VERSION_MAX + 1
end

local function step_key(key, version)
  return key .. ":" .. version
end

local function only_remembers_a_quota(bytes, now)
  local state = core.state()
  local idle = state:read(bytes) and state:hold(now) == 0
  state:close()
  return idle
end

--- Gives up what is not needed.
---@return boolean # whether something was
local function make_room(dict)
  local gone, now = dict:flush_expired(ROOM_SEARCHED) > 0, core.now()
  for _, key in ipairs(dict:get_keys(ROOM_SEARCHED)) do -- those not used for longest
    if key:sub(1, #PREFIX) == PREFIX then
      local bytes, version = dict:get(key)
      if type(bytes) == "string" and is_version(version) and only_remembers_a_quota(bytes, now) then
        dict:delete(key)
        gone = true
      end
    end
  end
  return gone
end

--- safe_add or safe_set, after making room where there is none.
local function put(dict, method, ...)
  local ok, problem = dict[method](dict, ...)
  if not ok and problem == "no memory" and make_room(dict) then return dict[method](dict, ...) end
  return ok, problem
end

--- The last of the steps that follow a version.
---@return integer? version it makes; nil without one
---@return string? bytes
---@return number? life
local function last_step(dict, key, version)
  local newest, bytes, life
  for _ = 1, STEPS_MAX do
    local later, its_life = dict:get(step_key(key, version))
    if type(later) ~= "string" then return newest, bytes, life end
    version = after(version)
    newest, bytes, life = version, later, its_life
  end
end

--- Puts bytes in their place. Between the steps of one worker others may have made all of theirs, which then follow.
---@return boolean? ok
---@return string? message
local function finish(dict, key, version, bytes, life)
  repeat
    local ok, problem = put(dict, "safe_set", key, bytes, life, version)
    if not ok then return nil, problem end
    version, bytes, life = last_step(dict, key, version)
    if not version then return true end
    local _, present = dict:get(key)
  until not is_version(present) or not is_before(present, version)
  return true
end

local function read(dict, key)
  local bytes, version = dict:get(key)
  if bytes == nil then
    if type(version) == "string" then return nil, version end
    return nil
  end
  if type(bytes) ~= "string" or not is_version(version) then return nil, NO_STATE end
  return bytes, version
end

local function replace(dict, key, version, bytes, life)
  local _, newest = dict:get(key)
  if newest ~= version then return false end
  local step = step_key(key, version)
  local ok, problem = put(dict, "safe_add", step, bytes, STEP_LIFE, math.ceil(life)) -- flags: how long it is to live
  if ok then
    if #bytes > LARGE then dict:delete(step_key(key, before(version, STEPS_KEPT))) end
    return finish(dict, key, after(version), bytes, life)
  end
  if problem ~= "exists" then return nil, problem end
  version, bytes, life = last_step(dict, key, version)
  if version then
    ok, problem = finish(dict, key, version, bytes, life)
    if not ok then return nil, problem end
  end
  return false
end

local function swap(dict, key, version, bytes, seconds)
  local life = math.max(0.001, math.min(LIFE_MAX, seconds)) -- 0 would be for ever
  if version ~= nil then return replace(dict, key, version, bytes, life) end
  local first = 1 + math.floor(core.random() * FIRST_MAX)
  local ok, problem = put(dict, "safe_add", key, bytes, life, first)
  if ok then return true end
  if problem == "exists" then return false end
  return nil, problem
end

-- What nginx keeps of a dict for itself, and what it rounds larger entries up to.
local OWN_ROOM, PAGE = 8192, 4096

--- Whether a dict is large enough for a key whose state takes so many bytes: the newest, the steps to it, and one to
--- come.
---@return string? problem
local function too_small(dict, name, bytes)
  if not dict.capacity then return nil end
  local entry = bytes + 256
  entry = entry > PAGE / 2 and math.ceil(entry / PAGE) * PAGE or entry
  local need, has = OWN_ROOM + (STEPS_KEPT + 2) * entry, dict:capacity()
  if has >= need then return nil end
  return ("lua_shared_dict %s of %.0f KB is too small for this rate, which needs %.0f KB and as much again for each "
    .. "further API key"):format(name, has / 1024, math.ceil(need / 1024))
end

local module = {}

---@param name string of a `lua_shared_dict`
---@return locksmith.ByteStore # raises at the caller's line when there is no such dict
function module.new(name)
  if type(name) ~= "string" then
    error("locksmith.shdict: argument 'name' must be a string, not a " .. type(name), 2)
  end
  local ngx = rawget(_G, "ngx")
  local dicts = type(ngx) == "table" and ngx.shared
  if not dicts then error("locksmith.shdict: there are shared dicts only in nginx", 2) end
  local dict = dicts[name]
  if not dict then error(("locksmith.shdict: nginx has no \"lua_shared_dict %s\""):format(name), 2) end
  local said = {}
  --- Says in nginx's error log what an operator has to mend; once for all workers, or for each of them where the dict
  --- has not even room for that mark.
  local function say(problem)
    if said[problem] then return problem end
    said[problem] = true
    local _, why = dict:safe_add(PREFIX .. "said:" .. problem, 1, SAID_LIFE)
    if why ~= "exists" and ngx.log then ngx.log(ngx.ERR, "locksmith: ", problem) end
    return problem
  end
  local last, last_full
  local function full(key)
    if key ~= last then last, last_full = key, PREFIX .. key end
    return last_full
  end
  local function explained(result, problem)
    if result ~= nil or type(problem) ~= "string" then return result, problem end
    return nil, say(("lua_shared_dict %s%s %s"):format(name, problem == NO_STATE and "" or ":", problem))
  end
  return setmetatable({
    read = function(key) return explained(read(dict, full(key))) end,
    swap = function(key, ...) return explained(swap(dict, full(key), ...)) end,
    too_small = function(bytes)
      local problem = too_small(dict, name, bytes)
      return problem and say(problem)
    end,
  }, {
    __name = "locksmith.ShdictStore",
    __tostring = function() return "locksmith.shdict store (" .. name .. ")" end,
  })
end

return module
