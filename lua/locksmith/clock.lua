--- The clocks: Unix seconds with a fraction, and a way to wait, which returns a message where nobody can wait.

local core = require "locksmith.core"
local phase = require "locksmith.transport.phase"

local clock = {}

--- Blocks the process while it waits.
clock.system = { now = core.now, sleep = core.sleep }

--- nginx's timer, so that a wait leaves the worker free. ngx.now() is cached for a whole event-loop turn, which may be
--- long past: the time is always read afresh.
clock.nginx = {
  now = core.now,
  sleep = function(seconds)
    -- Before there are workers nobody is kept waiting.
    if ngx.get_phase() == "init" then return core.sleep(seconds) end
    local message = phase.without_sleep()
    if message then return message end
    -- ngx.sleep counts whole milliseconds and would turn less than one into none.
    ngx.sleep(math.ceil(seconds * 1000) / 1000)
  end,
}

return clock
