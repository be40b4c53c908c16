--- The clocks: Unix seconds with a fraction, and a way to wait, which returns a message where nobody can wait.

local core = require "locksmith.core"
local phase = require "locksmith.transport.phase"
local scheduler = require "locksmith.scheduler"

local clock = {}

--- Blocks the process while it waits, unless a coroutine's place can do it.
clock.system = { now = core.now, sleep = scheduler.sleep }

--- nginx's timer, so that a wait leaves the worker free. nginx's own time is that at which the present turn of its
--- event loop began: the time is read afresh, and a timer is set from a fresh time, or it would end early.
clock.nginx = {
  now = core.now,
  sleep = function(seconds)
    -- Before there are workers nobody is kept waiting.
    if ngx.get_phase() == "init" then return core.sleep(seconds) end
    local message = phase.without_sleep()
    if message then return message end
    ngx.update_time()
    -- Whole milliseconds, of which the first may be all but over.
    ngx.sleep((math.ceil(seconds * 1000) + 1) / 1000)
  end,
}

--- A clock of the caller's, held to what a clock is.
---@param own { now: function, sleep: function }
---@return { now: function, sleep: function }
function clock.checked(own)
  return {
    now = function()
      local time = own.now()
      if type(time) ~= "number" or time ~= time or time == math.huge or time == -math.huge then
        local given = type(time) == "number" and tostring(time) or "a " .. type(time)
        error("clock.now must return Unix seconds, not " .. given, 0)
      end
      return time
    end,
    sleep = function(seconds) own.sleep(seconds) end,
  }
end

return clock
