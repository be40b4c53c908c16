--- Seeded choices: the same on every Lua.

local Random = {}
Random.__index = Random

local random = {}

---@param seed integer
---@return table
function random.new(seed)
  local self = setmetatable({ state = seed % 2147483646 + 1 }, Random)
  for _ = 1, 10 do self:unit() end -- neighbouring seeds start with nearly equal numbers
  return self
end

---@return number # uniform in [0, 1)
function Random:unit()
  self.state = self.state * 16807 % 2147483647
  return (self.state - 1) / 2147483646
end

---@param n integer
---@return integer # 1 to n
function Random:int(n)
  return math.floor(self:unit() * n) + 1
end

---@param share number
---@return boolean
function Random:chance(share)
  return self:unit() < share
end

function Random:pick(list)
  return list[self:int(#list)]
end

---@param list table[] entries with a `weight`
---@return table entry
function Random:weighted(list)
  local total = 0
  for i = 1, #list do total = total + list[i].weight end
  local point = self:unit() * total
  for i = 1, #list do
    point = point - list[i].weight
    if point < 0 then return list[i] end
  end
  return list[#list]
end

--- A key of a map, in an order that does not depend on the Lua.
---@param map table<integer, any>
---@return integer?
function Random:key(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  if #keys == 0 then return nil end
  table.sort(keys)
  return self:pick(keys)
end

return random
