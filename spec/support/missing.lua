--- Says in the results why a spec file cannot run here.

local missing = {}

-- The names of busted are in the environment of the spec file, nowhere else.
local function environment(level)
  if getfenv then return (getfenv(level + 1)) end -- a tail call would be a level less
  local main, n = debug.getinfo(level + 1, "f").func, 1
  while true do
    local name, value = debug.getupvalue(main, n)
    if name == "_ENV" then return value end
    if not name then return _G end
    n = n + 1
  end
end

--- Declares one pending test with the reason, if there is one.
---@param name string what the spec file describes
---@param reason string?
---@param level integer? of the function that the spec file calls; default 1, this one
---@return boolean # whether the specs can run
function missing.declare(name, reason, level)
  if not reason then return true end
  local busted = environment((level or 1) + 1)
  busted.describe(name, function() busted.pending(reason) end)
  return false
end

return missing
