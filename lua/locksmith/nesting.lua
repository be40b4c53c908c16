--- Tells whether code runs within a callback that has not returned yet, be it through coroutines of the callback's own.

local nesting = {}

local MAIN = {}

local function context()
  return rawget(_G, "ngx").ctx
end

-- nginx lets a coroutine whose visitor has left serve another: what belongs to a request tells the two apart.
local function request()
  local ngx = rawget(_G, "ngx")
  if type(ngx) ~= "table" or not ngx.config then return nil end
  local ok, found = pcall(context)
  return ok and found or nil
end

---@class locksmith.Place where a callback was called
---@field thread any
---@field request table?

---@return locksmith.Place
function nesting.here()
  return { thread = coroutine.running() or MAIN, request = request() }
end

---@param place locksmith.Place what here() gave where the callback was called
---@return boolean # whether what runs was begun by that callback; one that was abandoned while it waited begins nothing
function nesting.is_within(place)
  local thread = place.thread
  if place.request ~= request() then return false end
  -- The main thread of Lua 5.1 waits for nobody but what it called.
  if thread == MAIN or thread == (coroutine.running() or MAIN) then return true end
  local ok, status = pcall(coroutine.status, thread)
  return ok and status == "normal" -- it has resumed another, and that one us
end

return nesting
