--- Where requests go. Their URLs come from the core, which has checked them and put them in normal form.

local core = require "locksmith.core"

local target = {}

---@class locksmith.Target
---@field base string what its URLs begin with
---@field scheme "http"|"https"
---@field authority string host and port as the Host header has them
---@field host string without the brackets of an IPv6 address
---@field place string with the brackets
---@field dial string what to connect to: the place, or an address that stands for it
---@field port integer

--- Splits a URL; what belongs to the host is taken from `known` when it is the same host as the last time.
---@param url string
---@param known locksmith.Target?
---@return locksmith.Target
---@return string path with the query
function target.split(url, known)
  if known and url:sub(1, #known.base) == known.base then return known, url:sub(#known.base) end
  local to, path = core.url(url)
  -- nginx's resolver asks a name server, and that need not know this name.
  to.dial = to.host == "localhost" and "127.0.0.1" or to.place
  return to, path
end

return target
