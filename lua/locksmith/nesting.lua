--- Tells whether code runs within a callback that has not returned yet, be it through coroutines of the callback's own.

local nesting = {}

local MAIN = {}

---@return any # stands for the coroutine that runs
function nesting.here()
  return coroutine.running() or MAIN
end

---@param place any what here() gave where the callback was called
---@return boolean # whether what runs was begun by that callback; one that was abandoned while it waited begins nothing
function nesting.is_within(place)
  -- The main thread of Lua 5.1 waits for nobody but what it called.
  if place == MAIN or place == nesting.here() then return true end
  local ok, status = pcall(coroutine.status, place)
  return ok and status == "normal" -- it has resumed another, and that one us
end

return nesting
