--- Kills the process that requires it after KILL steps (environment), a step being 100 instructions of Lua, in whatever
--- coroutine. Returns a function that tells how many there were.

local kill, steps = tonumber(os.getenv "KILL"), 0

local function step()
  steps = steps + 1
  if steps == kill then os.execute "kill -9 $PPID" end
end

local jit = rawget(_G, "jit")
if jit then jit.off() end
local create = coroutine.create
function coroutine.create(...) -- luacheck: ignore 122
  local thread = create(...)
  debug.sethook(thread, step, "", 100)
  return thread
end
debug.sethook(step, "", 100)

return function() return steps end
