--- The option --where.

local moment = require "locksmith.cli.moment"
local status = require "locksmith.cli.status"
local where = require "locksmith.cli.where"

local condition = {}

condition.HELP = [[Lua expression over an alias, such as 'num_spam > 50 and num_forwarded == 0'. Fields: id, address,
subdomain, domain, full_address, enabled, block_spam, description, created_time, updated_time, num_forwarded,
num_blocked, num_replied, num_spam. now is the time, days(n) a span; texts have
:find, :len, :lower, :match, :sub, :upper.]]

--- Reads the expression. A mistake in it ends the command, as does an alias that it cannot be computed for.
---@param text string
---@return fun(address: locksmith.Address): boolean
function condition.read(text)
  local matches, message = where.compile(text, moment.now())
  if not matches then status.usage(("--where: %s: %s"):format(message, text)) end
  return function(address)
    local holds, problem = matches(address)
    if holds == nil then status.usage(("--where, for %s: %s"):format(tostring(address.full_address), problem)) end
    return holds
  end
end

return condition
