--- Calls a function and catches what it raises; it may wait in a coroutine. Plain Lua 5.1 cannot yield through pcall: a
--- coroutine of its own catches errors as well, and hands its yields on.

local function in_coroutine(action, ...)
  local thread = coroutine.create(action)
  local function passed_on(ok, ...)
    if not ok or coroutine.status(thread) == "dead" then return ok, ... end
    return passed_on(coroutine.resume(thread, coroutine.yield(...)))
  end
  return passed_on(coroutine.resume(thread, ...))
end

return _VERSION == "Lua 5.1" and not rawget(_G, "jit") and in_coroutine or pcall
