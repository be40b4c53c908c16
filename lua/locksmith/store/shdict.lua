--- Pacing and quota state in a `lua_shared_dict` of nginx, for all workers of one nginx.
---
--- A state is a chain of versions: `key:n` holds the n-th as the core's bytes and is never changed. Whoever wants to
--- change the state reads the newest, lets the core work on it, and adds the next version; adding fails when another
--- worker was first, and then it starts over. So each step is atomic without a lock, and a worker that dies at any
--- point holds up nobody. A superseded version becomes a mark that outlives every worker still at work on it. `key`
--- holds the newest version's number, or a little less: the marks lead on from there.
---
--- Nothing is evicted to make room: a full dict makes the store fail, and the local limiter takes over. A dict that
--- other code fills too may evict a state, though: give this one a dict of its own. Some kilobytes per API key are
--- enough; what no window and no quota needs any more expires.

local core = require "locksmith.core"
local memory = require "locksmith.store.memory"

-- Changes with the core's bytes: the dict outlives a reload, and the next version of locksmith starts afresh.
local PREFIX = "locksmith1:"
local SUPERSEDED = "-"
local MARK_LIFE = 10
-- Beyond its last meaning, because nginx's clock is not the caller's.
local SLACK = 60
local HEAD_SLACK = 600
local ROUNDS = 1000

---@class locksmith.ShdictStore: locksmith.Store
local Shdict = {}
Shdict.__index = Shdict
Shdict.__name = "locksmith.ShdictStore"

local NO_STATE = "holds what is no state"

local function is_version(value)
  return type(value) == "number" and value >= 0 and value < 2 ^ 53 and value % 1 == 0
end

--- The newest version and its bytes, "" for a state in which nothing happened yet.
---@param from integer a version that is known to have been
---@return integer?
---@return string # or the message
local function newest(dict, key, from)
  local head, problem = dict:get(key)
  if head == nil and type(problem) == "string" then return nil, problem end
  if head ~= nil and not is_version(head) then return nil, NO_STATE end
  local version = math.max(from, head or 0)
  local bytes
  repeat
    bytes, problem = dict:get(key .. ":" .. version)
    if bytes == nil and type(problem) == "string" then return nil, problem end
    if bytes == SUPERSEDED then version = version + 1 end
  until bytes ~= SUPERSEDED
  if bytes ~= nil and type(bytes) ~= "string" then return nil, NO_STATE end
  return version, bytes or ""
end

local function add(dict, key, version, bytes, life)
  local ok, problem = dict:safe_add(key .. ":" .. version + 1, bytes, life + SLACK)
  if not ok then return nil, problem end
  local head, set = version + 1
  if (dict:get(key) or 0) < head then
    repeat
      if head > version + ROUNDS then return nil, NO_STATE end
      set = head
      ok, problem = dict:safe_set(key, head, life + HEAD_SLACK)
      if not ok then return nil, problem end
      -- Others may have gone on between the two steps: then this set the head back.
      if dict:get(key .. ":" .. head + 1) then head = head + 1 end
    until head == set
  end
  if dict:get(key .. ":" .. version) then dict:safe_set(key .. ":" .. version, SUPERSEDED, MARK_LIFE) end
  return true
end

local function failed(self, problem)
  local colon = problem == NO_STATE and "" or ":"
  return nil, "store", ("lua_shared_dict %s%s %s"):format(self.name, colon, tostring(problem))
end

--- Lets `change` work on the state of that name in the core's memory, and makes the outcome everyone's.
---@return any ... what change returned, or nil, "store", message
local function update(self, name, now, change, ...)
  local dict, key, scratch = self.dict, PREFIX .. name, self.scratch
  local from = 0
  for _ = 1, ROUNDS do
    local version, bytes = newest(dict, key, from)
    if not version then return failed(self, bytes) end
    if not scratch:load(name, bytes) then return failed(self, NO_STATE) end
    local a, b, c = change(scratch, name, ...)
    local after, life = scratch:save(name, now, bytes)
    -- Nothing that anyone would miss.
    if not after or life == 0 and bytes == "" then return a, b, c end
    local ok, problem = add(dict, key, version, after, life)
    if ok then return a, b, c end
    if problem ~= "exists" then return failed(self, problem) end
    from = version + 1
  end
  return failed(self, "too many writers")
end

local function reserve(scratch, name, request)
  return scratch:reserve(name, request.windows, request.now, request.longest, request.count_only, request.quota)
end

function Shdict:reserve(request)
  local wait, slot, probing = update(self, request.name, request.now, reserve, request)
  if not wait then return nil, slot, probing end
  return wait, { slot = slot, probing = probing, now = request.now }
end

local function renew(scratch, name, request, token)
  return scratch:renew(name, request.windows, request.now, token.slot, request.longest)
end

function Shdict:renew(request, token)
  local wait, slot, retry_after = update(self, request.name, request.now, renew, request, token)
  if not wait then return nil, slot, retry_after end
  return wait, { slot = slot, probing = token.probing, now = request.now }
end

local function release(scratch, name, token)
  scratch:release(name, token.slot, token.probing)
  return true
end

function Shdict:release(name, token)
  return update(self, name, token.now, release, token)
end

local function move(scratch, name, token, late)
  scratch:move(name, token.slot, late)
  return true
end

function Shdict:move(name, token, late)
  return update(self, name, token.now, move, token, late)
end

local function pause(scratch, name, now, seconds)
  scratch:pause(name, now, now + seconds)
  return true
end

function Shdict:pause(name, now, seconds)
  return update(self, name, now, pause, now, seconds)
end

local function observe(scratch, name, now, limit, remaining, reset)
  return scratch:observe(name, now, limit, remaining, reset)
end

function Shdict:observe(name, now, limit, remaining, reset)
  return update(self, name, now, observe, now, limit, remaining, reset)
end

--- Loads the state to look at it.
---@return userdata? # the core's memory, or nil, "store", message
local function look(self, name)
  local version, bytes = newest(self.dict, PREFIX .. name, 0)
  if not version then return failed(self, bytes) end
  if not self.scratch:load(name, bytes) then return failed(self, NO_STATE) end
  return self.scratch
end

function Shdict:quota(name, now)
  local state, problem, message = look(self, name)
  if not state then return nil, problem, message end
  return state:quota(name), state:left(name, now)
end

function Shdict:forecast(name, windows, now, n)
  local state, problem, message = look(self, name)
  if not state then return nil, problem, message end
  return state:forecast(name, windows, now, n)
end

function Shdict:__tostring()
  return "locksmith.shdict store (" .. self.name .. ")"
end

local module = {}

---@param name string of a `lua_shared_dict`
---@return locksmith.ShdictStore # raises at the caller's line when there is no such dict
function module.new(name)
  if type(name) ~= "string" then
    error("locksmith.shdict: argument 'name' must be a string, not a " .. type(name), 2)
  end
  local ngx = rawget(_G, "ngx")
  local dicts = type(ngx) == "table" and ngx.shared
  if not dicts then error("locksmith.shdict: there are shared dicts only in nginx", 2) end
  local dict = dicts[name]
  if not dict then error(("locksmith.shdict: nginx has no \"lua_shared_dict %s\""):format(name), 2) end
  return setmetatable({ name = name, dict = dict, scratch = core.memory(), fallback = memory.new() }, Shdict)
end

return module
