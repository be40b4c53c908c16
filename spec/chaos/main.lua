--- A chaos run over real sockets; see spec/chaos/run.

local report = require "spec.chaos.report"
local run = require "spec.chaos.run"
local setting = require "spec.chaos.setting"
local sockets = require "spec.chaos.sockets"

if not sockets.available() then
  io.stderr:write "the chaos run needs nginx with its Lua module\n"
  os.exit(1)
end

local seed, calls, journal = setting("SEED", 1), setting("CALLS", 10000), os.tmpname()
local world = sockets.new { seed = seed, rate = setting("RATE", 0.15) }
local ok, finished = xpcall(function()
  return run.new(world, { seed = seed, calls = calls, journal = journal, seconds = setting("LIMIT", 900),
    window = math.max(20, math.min(200, math.floor(calls / 20))) }):go()
end, debug.traceback)
world.stop()
os.remove(journal)
if not ok then
  io.stderr:write("seed ", seed, ": ", finished, "\n")
  os.exit(1)
end
print(report.text(finished, "chaos over sockets, " .. (rawget(_G, "jit") and _G.jit.version or _VERSION)))
os.exit(#finished.failures == 0 and 0 or 1)
