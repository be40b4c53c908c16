--- What one process remembers of a state that is kept elsewhere: the slots of the longest window, its own and those it
--- was told of. By it a store that lost its memory learns the past again, and sends made without the store are counted
--- once it is back.

local recall = {}

local HISTORY_MAX = 20000
-- Clocks that differ by less are taken to disagree; without windows there is no better measure.
local DISAGREEMENT = 60

---@class locksmith.Recall
---@field born string which memory the store had, "" when nothing remembered here could be missed there
---@field seq number how many slots that memory had given
---@field since number newest slot known, in the store's own units
local Recall = {}
Recall.__index = Recall

---@return locksmith.Recall
function recall.new()
  return setmetatable({
    born = "", seq = 0, since = 0, quota = "",
    at = {}, untold = {}, order = {}, first = 1, last = 0,
    paused = 0, longest = 0, now = 0,
  }, Recall)
end

function Recall:empty()
  self.at, self.untold, self.order, self.first, self.last = {}, {}, {}, 1, 0
end

--- Forgets what no window reaches any more.
---@param now number Unix seconds
---@param windows number[][]
function Recall:advance(now, windows)
  for _, window in ipairs(windows) do self.longest = math.max(self.longest, window[2]) end
  -- After a clock that was set back, the ages of everything remembered would be wrong.
  if now < self.now - (self.longest > 0 and self.longest or DISAGREEMENT) then
    self:empty()
    self.paused = 0
  end
  self.now = now
  while self.first <= self.last do
    local id = self.order[self.first]
    local at = self.at[id]
    if at and at + self.longest > now and self.last - self.first < HISTORY_MAX then break end
    self.order[self.first], self.at[id], self.untold[id] = nil, nil, nil
    self.first = self.first + 1
  end
end

---@param id string
---@param at number Unix seconds
---@param untold boolean? the store does not know it
---@return boolean # whether it is new
function Recall:add(id, at, untold)
  local new = self.at[id] == nil
  if new then
    self.last = self.last + 1
    self.order[self.last] = id
  end
  self.at[id] = at
  if untold then self.untold[id] = true end
  return new
end

function Recall:remove(id)
  self.at[id], self.untold[id] = nil, nil
end

---@return boolean # whether the store could have forgotten something that this process knows
function Recall:is_live()
  return self.first <= self.last
end

--- The sends to merge into the store: "id age id age …", ages in microseconds.
---@param now number Unix seconds
---@param whole boolean all that is remembered, not only what the store was never told
---@return string
function Recall:tell(now, whole)
  if not whole and not next(self.untold) then return "" end
  local parts = {}
  for i = self.first, self.last do
    local id = self.order[i]
    local at = self.at[id]
    if at and (whole or self.untold[id]) then parts[#parts + 1] = ("%s %.0f"):format(id, (now - at) * 1e6) end
  end
  return table.concat(parts, " ")
end

--- The store knows it all now.
function Recall:told()
  if next(self.untold) then self.untold = {} end
end

return recall
