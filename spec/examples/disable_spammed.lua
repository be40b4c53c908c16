-- Switches aliases off that got more spam than mail. Shows what it would do; does it when told to.
-- usage: disable_spammed.lua [--apply]
local locksmith = require "locksmith"
local locker = locksmith.assert(locksmith.locker { base_url = os.getenv "LOCKER_URL" })

local plan = locksmith.assert(locker.addresses:plan(function(address)
  if address.num_spam > address.num_forwarded then return { enabled = false } end
end))
print(plan)
if arg[1] ~= "--apply" then return end

local report = locksmith.assert(plan:apply())
print(("%d switched off, %d failed, %d changed meanwhile"):format(#report.applied, #report.failed, #report.skipped))
for _, failure in ipairs(report.failed) do print(failure.full_address, failure.err) end
