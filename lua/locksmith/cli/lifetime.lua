--- How long a Locker key has to live.

local ascii = require "locksmith.ascii"

local lifetime = {}

--- When a key ends, by its claims.
---@param claims table as of locker:key_info()
---@return number? # Unix seconds; nil where they do not say
function lifetime.ends(claims)
  local told, exp = ascii.number(claims.expired_time), ascii.number(claims.exp)
  return told and exp and math.min(told, exp) or told or exp
end

---@param ends number
---@param now number
---@return string # such as "12 days"
function lifetime.text(ends, now)
  local left = ends - now
  if left <= 0 then return "expired" end
  if left < 7200 then return ("%d minutes"):format(math.floor(left / 60)) end
  if left < 2 * 86400 then return ("%d hours"):format(math.floor(left / 3600)) end
  return ("%d days"):format(math.floor(left / 86400))
end

return lifetime
