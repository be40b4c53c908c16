--- What a concurrent chaos run has asked for and heard, in a file that outlives the process that calls.
--
-- Two lines a call: `begin NUMBER OPERATION ID VALUE` before it, `end NUMBER OUTCOME ID` after it, `-` for what there
-- is not. A call that has no end was made by a process that was killed meanwhile.

local ledger = {}

-- What may be asked for again until it is so.
ledger.CONVERGES = { named = true, enabled = true, block_spam = true, describe = true, delete = true }

---@class spec.Ledger
---@field calls integer
---@field list table[] by number: { number, operation, id, value, outcome = nil while it is not known, tries }
---@field wanted table<integer, table> by alias: the fields as they must be
---@field made table<integer, table> by alias: the call that made it
---@field gone table<integer, boolean> aliases that were deleted
---@field busy table<integer, boolean> aliases about which something was asked that is not known to be so
local Ledger = {}
Ledger.__index = Ledger

local FIELDS = { enabled = "enabled", block_spam = "block_spam", describe = "description" }

local function value_of(call)
  if call.operation == "describe" then return call.value end
  return call.value == "true"
end

function Ledger:begin(number, operation, id, value)
  local call = self.list[number]
  if not call then
    call = { number = number, operation = operation, id = id, value = value, tries = 0 }
    self.list[number] = call
    self.calls = math.max(self.calls, number)
  end
  call.tries, call.outcome = call.tries + 1, nil
  if id and operation ~= "get" then self.busy[id] = true end
  return call
end

function Ledger:finish(number, outcome, id)
  local call = self.list[number]
  call.outcome = outcome
  if call.operation == "make" and id then self.made[id] = call end
  if outcome ~= "ok" or not call.id then return end
  self.busy[call.id] = nil
  if call.operation == "delete" then self.gone[call.id] = true end
  local field = FIELDS[call.operation]
  if field then
    self.wanted[call.id] = self.wanted[call.id] or {}
    self.wanted[call.id][field] = value_of(call)
  end
end

--- Whether it is to be asked for again.
function ledger.is_open(call)
  return ledger.CONVERGES[call.operation] and call.outcome ~= "ok"
end

--- Reads what there is.
---@param path string
---@return spec.Ledger
function ledger.read(path)
  local self = setmetatable({ calls = 0, list = {}, wanted = {}, made = {}, gone = {}, busy = {} }, Ledger)
  local file = io.open(path)
  if not file then return self end
  for line in file:lines() do
    local what, number, name, id, value = line:match "^(%l+) (%d+) (%S+) (%S+) ?(%S*)$"
    number, id = tonumber(number), tonumber(id)
    if what == "begin" then self:begin(number, name, id, value) else self:finish(number, name, id) end
  end
  file:close()
  return self
end

return ledger
