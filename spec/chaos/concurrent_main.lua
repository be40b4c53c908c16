--- The long run of spec/chaos/concurrent.lua; see spec/chaos/run.

local concurrent = require "spec.chaos.concurrent"
local core = require "locksmith.core"
local setting = require "spec.chaos.setting"

local seed, calls, path = setting("SEED", 1), setting("CALLS", 10000), os.tmpname()
local kills = setting("KILLS", 20)
local began = core.now()
local ok, figures = pcall(concurrent.run, { seed = seed, calls = calls, kills = kills, rate = setting("RATE", 0.15),
  ledger = path, least = 0.2, most = 1.5 })
os.remove(path)
if not ok then
  io.stderr:write("seed ", seed, ": ", tostring(figures), "\n")
  os.exit(1)
end
print(([[
%d calls, 16 at once, seed %d, in %.0f s: nothing lost, nothing doubled, every final state as asked for
  processes    %d, of which %d were killed
  tries        %d; %d calls whose outcome nobody was told
  requests     %d, of which %d met a fault
  links        %d]]):format(figures.calls, seed, core.now() - began, figures.runs, figures.killed, figures.tries,
  figures.open, figures.requests, figures.faults, figures.links))
