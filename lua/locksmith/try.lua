--- Calls a function of the caller's and catches what it raises; it may wait in a coroutine. Plain Lua 5.1 cannot yield
--- through pcall: a coroutine of its own catches errors as well, and hands its yields on.

local scheduler = require "locksmith.scheduler"

local function in_coroutine(action, ...)
  local thread = coroutine.create(action)
  scheduler.put(thread, scheduler.here())
  local function passed_on(ok, ...)
    if not ok or coroutine.status(thread) == "dead" then return ok, ... end
    return passed_on(coroutine.resume(thread, coroutine.yield(...)))
  end
  return passed_on(coroutine.resume(thread, ...))
end

-- Ctrl-C under the interpreter of Lua is no failure of the function that it happened to meet.
local function but_interruption(ok, reason, ...)
  if not ok and type(reason) == "string" and reason:find "interrupted!$" then error(reason, 0) end
  return ok, reason, ...
end

local plain = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

---@param action function
---@return boolean ok
---@return any ... what it returned, or what it raised
return function(action, ...)
  if plain and coroutine.running() then return but_interruption(in_coroutine(action, ...)) end
  return but_interruption(pcall(action, ...))
end
