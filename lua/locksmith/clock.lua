--- The clocks: Unix seconds with a fraction, and a way to wait.

local core = require "locksmith.core"

local clock = {}

--- Blocks the process while it waits.
clock.system = { now = core.now, sleep = core.sleep }

--- nginx's timer, so that a wait leaves the worker free. ngx.now() is cached for a whole event-loop turn, which may be
--- long past: the time is always read afresh.
clock.nginx = {
  now = core.now,
  sleep = function(seconds)
    -- ngx.sleep counts whole milliseconds and would turn less than one into none.
    _G.ngx.sleep(math.ceil(seconds * 1000) / 1000)
  end,
}

return clock
