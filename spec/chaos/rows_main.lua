--- The long run of spec/chaos/rows.lua; see spec/chaos/run.

local rows = require "spec.chaos.rows"
local setting = require "spec.chaos.setting"
local stack = require "spec.support.stack"

local seed, count, kills = setting("SEED", 1), setting("ROWS", 400), setting("KILLS", 20)
if kills == 0 then return end
local s, journal = stack.start(), os.tmpname()
-- One answer in ten is lost; as many requests are refused.
local faults = { seed = seed, rate = 0.2, kinds = { drop_after = 2,
  { "status", status = 429, headers = { ["Retry-After"] = "0" }, weight = 1 },
  { "status", status = 500, weight = 1 } } }
local ok, figures = pcall(rows.run, { box = s.box, proxy = s.proxy, url = s.proxy.url, reset = function() s:reset() end,
  journal = journal, count = count, kills = kills, seed = seed, faults = faults })
local met = {}
for _, entry in ipairs(s.proxy:log()) do met[entry.fault] = (met[entry.fault] or 0) + 1 end
s:stop()
os.remove(journal)
if not ok then
  io.stderr:write("seed ", seed, ": ", tostring(figures), "\n")
  os.exit(1)
end
print(("%d rows, seed %d: %d links, one for each, by a job that was killed %d times in %d runs; %d requests, %d "
  .. "answers lost, %d refused"):format(count, seed, figures.links, figures.killed, figures.runs, figures.requests,
  met.drop_after or 0, met.status or 0))
