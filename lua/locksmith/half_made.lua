--- Aliases that were made and did not come to their description: the journal by which a later run finds them.
---
--- Before an alias is made, the highest id that there is goes into the journal; once it is made, its own. Who is killed
--- in between, or loses the answer, leaves an alias of which is known: it is newer, was made about then, has no
--- description and was never changed. Such aliases are all alike, so that it makes no difference which of them becomes
--- whose, if only it is none that another call has under way: while there is one in this process (no other has the
--- journal meanwhile), only those count that were there before this process made any.

local journal = require "locksmith.journal"

-- How far the clocks of the service and of this machine may be apart, and how long a call may take.
local SLACK = 3600

---@class locksmith.HalfMade
---@field path string
---@field journal locksmith.Journal
---@field users integer calls that have it open
---@field making integer calls that have a creation under way
---@field horizon number? the highest id before this process made any
local HalfMade = {}
HalfMade.__index = HalfMade

local half_made = {}

-- Calls of this process share it.
local open = setmetatable({}, { __mode = "v" })

---@param path string
---@return locksmith.HalfMade?
---@return string? message
function half_made.open(path)
  local self = open[path]
  if not self then
    local book, problem = journal.open(path)
    if not book then return nil, problem end
    self = setmetatable({ path = path, journal = book, users = 0, making = 0 }, HalfMade)
    open[path] = self
  end
  self.users = self.users + 1
  return self
end

function HalfMade:close()
  self.users = self.users - 1
  if self.users > 0 then return end
  open[self.path] = nil
  self.journal:close()
end

local function newest(addresses)
  local id = 0
  for _, address in ipairs(addresses) do id = math.max(id, tonumber(address.id) or 0) end
  return id
end

function HalfMade:row(description)
  return self.journal:row("alias " .. description)
end

--- The alias of that id, where it still has no description.
local function undescribed(addresses, id)
  for _, address in ipairs(addresses) do
    if tonumber(address.id) == id then return address.description == "" and address or nil end
  end
end

--- The oldest alias that may come of a creation whose answer nobody has.
local function lost(self, addresses, begun)
  local claimed, found = {}, nil
  for _, other in pairs(self.journal.aliases) do
    if other.id then claimed[other.id] = true end
  end
  local last = self.making > 0 and self.horizon or math.huge
  for _, address in ipairs(addresses) do
    local id, made = tonumber(address.id), tonumber(address.created_time)
    if id and made and id > begun.after and id <= last and not claimed[id] and address.description == ""
      and address.updated_time == nil and math.abs(made - begun.time) <= SLACK
      and (not found or id < tonumber(found.id)) then found = address end
  end
  return found
end

--- The half-made alias that is to get a description.
---@param description string
---@param addresses locksmith.Address[] all that there are
---@return locksmith.Address?
function HalfMade:find(description, addresses)
  self.horizon = self.horizon or newest(addresses)
  local row = self:row(description)
  local known = self.journal.aliases[row]
  if not known or known.done then return nil end
  if known.id then return undescribed(addresses, known.id) end
  local found = known.after and known.time and lost(self, addresses, known)
  if found then self.journal:note(row, { id = tonumber(found.id) }) end
  return found or nil
end

--- An alias is about to be made.
---@return string? message why that could not be noted
function HalfMade:begin(description, addresses, now)
  local problem = self.journal:note(self:row(description), { after = newest(addresses), time = now }, true)
  if not problem then self.making = self.making + 1 end
  return problem
end

--- It was made, or not.
---@param id any nil where it was not
---@param unknown boolean? where that is not known
function HalfMade:made(description, id, unknown)
  self.making = self.making - 1
  if not unknown then self.journal:note(self:row(description), { id = tonumber(id) }) end
end

--- It has its description.
function HalfMade:finish(description, id)
  self.journal:note(self:row(description), { id = tonumber(id), done = true })
end

return half_made
