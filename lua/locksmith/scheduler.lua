--- Where a call waits: in the run of `parallel` or the event loop that its coroutine belongs to, or else by blocking.

local core = require "locksmith.core"

local scheduler = {}

---@class locksmith.Place what a coroutine waits in
---@field wait fun(self: locksmith.Place, lines: table[], seconds: number) returns when one of the started transports
---  has something to do, when that time has passed, or before
---@field apart boolean? its transports are to be driven one by one, and so share nothing
---@field resting table<table, boolean>? transports to be told when no more calls come for now, by their `rest`
---@field left boolean? nobody wants its results any more

-- A place may lead to its coroutine, which Lua 5.1 would keep for that if only the keys were weak.
local places = setmetatable({}, { __mode = "kv" })
local NONE = {}

--- Has a coroutine, and those that the library makes in its name, wait there.
---@param thread thread
---@param place locksmith.Place?
function scheduler.put(thread, place)
  places[thread] = place
end

-- Lua 5.1 yields through no function of C, and through no metamethod or iterator; 5.2 cannot say where it does not.
local TRANSPARENT = { [pcall] = true, [xpcall] = true }
if _VERSION == "Lua 5.1" then TRANSPARENT = {} end

local function stack_can_yield()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Snf")
    if not info then return true end
    if info.what == "C" and not TRANSPARENT[info.func] then return false end
    if info.name == "(for generator)" then return false end
    level = level + 1
  end
end

local can_yield = rawget(coroutine, "isyieldable") or debug and debug.getinfo and stack_can_yield

--- The place of the coroutine that runs.
---@return locksmith.Place?
function scheduler.here()
  local thread, is_main = coroutine.running()
  if not thread or is_main then return nil end
  local place = places[thread]
  if place == nil then
    local loop = scheduler.loop
    place = loop and loop:runs(thread) and loop or nil
  end
  if place and (not can_yield or can_yield()) then return place end
end

--- Waits, in whatever place.
---@param place locksmith.Place? nil blocks
---@param lines table[] started transports
---@param seconds number
function scheduler.wait(place, lines, seconds)
  if place then return place:wait(lines, seconds) end
  if lines[1] then return lines[1]:wait(seconds) end
  core.sleep(seconds)
end

--- Lets others that are ready go first, where there is a place to wait in.
function scheduler.step_aside()
  local place = scheduler.here()
  if place then place:wait(NONE, 0) end
end

--- As core.sleep; a wait in a run that was left ends at once.
---@param seconds number
function scheduler.sleep(seconds)
  local place = scheduler.here()
  if not place then return core.sleep(seconds) end
  local ends = core.now() + seconds
  local left = seconds
  while left > 0 and not place.left do
    place:wait(NONE, left)
    left = math.min(left, ends - core.now()) -- a clock that is set back prolongs no wait
  end
end

return scheduler
