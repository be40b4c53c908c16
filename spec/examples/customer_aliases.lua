-- Keeps aliases in step with a list of customers, one a line: each has an alias of that description, and those of
-- customers who left are switched off. For cron: it may be killed and run again at any time.
-- usage: customer_aliases.lua CUSTOMERS.txt
local locksmith = require "locksmith"
local locker = locksmith.assert(locksmith.locker { base_url = os.getenv "LOCKER_URL" })

local customers = {}
for line in io.lines(arg[1]) do
  if line ~= "" then customers["customer " .. line] = true end
end

local wanted = {}
for description in pairs(customers) do wanted[#wanted + 1] = description end
table.sort(wanted)
for _, description in ipairs(wanted) do
  local address = locksmith.assert(locker.addresses:ensure({ description = description, enabled = true },
    { journal = arg[1] .. ".journal" }))
  print(description, address.full_address)
end

local plan = locksmith.assert(locker.addresses:plan(function(address)
  local gone = address.description:find "^customer " and not customers[address.description]
  return gone and { enabled = false } or nil
end))
local report = locksmith.assert(plan:apply())
for _, item in ipairs(report.applied) do print("switched off", item.full_address) end
os.exit(#report.failed == 0 and 0 or 1)
