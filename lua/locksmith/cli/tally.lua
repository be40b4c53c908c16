--- What became of the items of one command, each of which may fail on its own.

local status = require "locksmith.cli.status"

-- What every further item would meet.
local ENDS = { unauthenticated = true, forbidden = true, closed = true, config = true, store = true, phase = true }

---@class locksmith.cli.Tally
---@field fine integer items that are as they were to be
---@field statuses table<integer, integer> exit status -> items that failed so
local Tally = {}
Tally.__index = Tally

local tally = {}

---@return locksmith.cli.Tally
function tally.new()
  return setmetatable({ fine = 0, statuses = {} }, Tally)
end

function Tally:succeed()
  self.fine = self.fine + 1
end

--- Counts a failure. One that every further item would meet ends the command.
---@param err locksmith.Error|integer or an exit status
function Tally:fail(err)
  if type(err) == "table" and ENDS[err.kind] then error(err, 0) end
  local code = type(err) == "table" and status.of_error(err) or err
  self.statuses[code] = (self.statuses[code] or 0) + 1
end

--- The exit status of the command: what was left unknown, or a limit, matters most; where everything failed in the same
--- way, that; otherwise some failed.
---@return integer
function Tally:status()
  if self.statuses[status.UNKNOWN] then return status.UNKNOWN end
  if self.statuses[status.LIMIT] then return status.LIMIT end
  local first = next(self.statuses)
  if not first then return status.DONE end
  if self.fine == 0 and next(self.statuses, first) == nil then return first end
  return status.SOME_FAILED
end

return tally
