--- A job as a user writes it, for specs that kill it: sees to an alias for each customer, some at a time.
--
-- Environment: URL, KEY, JOURNAL; CUSTOMERS, how many; KILL, see steps.lua: without it, the last line tells how many
-- steps it took.

local steps = require "spec.support.steps"

local locksmith = require "locksmith"
local locker = assert(locksmith.locker { api_key = os.getenv "KEY", base_url = os.getenv "URL",
  random = function() return 0 end, timeout = 20, attempt_timeout = 5 })

local customers = {}
for i = 1, tonumber(os.getenv "CUSTOMERS") do customers[i] = "customer " .. i end
for customer, address, err in locksmith.parallel(customers, function(customer)
  return locker.addresses:ensure(customer, { journal = os.getenv "JOURNAL" })
end, { concurrency = 3 }) do
  io.stdout:write(("%s: %s\n"):format(customer, address and address.full_address or tostring(err)))
  io.stdout:flush()
end
io.stdout:write(("steps %d\n"):format(steps()))
