--- For specs that let allocations fail: what is not to fail is not counted. To be loaded before the library, for whose
--- copy of lua-cjson that holds from then on.

local allocation = rawget(_G, "allocation")
local cjson = require "cjson"

--- Makes a function of whose allocations none fails.
---@param act function
---@return function
local function aside(act)
  local function released(ok, ...)
    allocation.hold(false)
    if not ok then error((...), 0) end
    return ...
  end
  return function(...)
    allocation.hold(true)
    return released(pcall(act, ...))
  end
end

-- lua-cjson does not free its buffers when Lua has no memory for what it gives.
local new = cjson.new
function cjson.new(...)
  local made = new(...)
  if allocation then made.encode, made.decode = aside(made.encode), aside(made.decode) end
  return made
end

return aside
