-- A queue of scripted entries; each request takes the first entry whose condition it meets.
local Script = {}
Script.__index = Script

local script = {}

---Whether a request meets a condition.
---@param when table|nil { method = exact name, path = plain text the target must contain }
---@param request table
---@return boolean
function script.matches(when, request)
  if not when then return true end
  return (not when.method or when.method == request.method)
    and (not when.path or request.path:find(when.path, 1, true) ~= nil)
end

---@return table
function script.new()
  return setmetatable({ entries = {} }, Script)
end

---Replaces the queue. An entry with `times = n` stands for n entries.
---@param entries table
function Script:set(entries)
  self.entries = {}
  for _, entry in ipairs(entries) do
    for _ = 1, entry.times or 1 do self.entries[#self.entries + 1] = entry end
  end
end

---@param request table
---@return table|nil entry
function Script:take(request)
  for i, entry in ipairs(self.entries) do
    if script.matches(entry.when, request) then return table.remove(self.entries, i) end
  end
  return nil
end

return script
