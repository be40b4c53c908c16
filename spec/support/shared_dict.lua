--- A double of ngx.shared.DICT with what the store uses of it, and a hook between its steps, by which a spec lets
--- workers meet at any point.

local shared_dict = {}

local Dict = {}
Dict.__index = Dict

---@param options table? `{ clock = function() -> Unix seconds, capacity = keys that fit, step = function called before
--- every step }`
---@return table dict its `steps` counts them
function shared_dict.new(options)
  options = options or {}
  return setmetatable({
    items = {}, count = 0, steps = 0, capacity = options.capacity or math.huge,
    clock = options.clock or os.time, step = options.step or function() end,
  }, Dict)
end

local function live(self, key)
  local item = self.items[key]
  if item and item.ends and item.ends <= self.clock() then
    self.items[key], self.count, item = nil, self.count - 1, nil
  end
  return item
end

local function step(self)
  self.steps = self.steps + 1
  self.step()
end

local function put(self, key, value, life, flags)
  if type(value) ~= "string" and type(value) ~= "number" then error("bad value type", 3) end
  if flags and not (flags % 1 == 0 and flags >= -2 ^ 31 and flags < 2 ^ 31) then error("bad flags", 3) end
  if not live(self, key) then
    if self.count >= self.capacity then return nil, "no memory" end
    self.count = self.count + 1
  end
  self.items[key] = { value = value, flags = flags ~= 0 and flags or nil,
    ends = life and life > 0 and self.clock() + life or nil }
  return true
end

function Dict:get(key)
  step(self)
  local item = live(self, key)
  if item then return item.value, item.flags end
end

function Dict:safe_add(key, value, life, flags)
  step(self)
  if live(self, key) then return false, "exists" end
  return put(self, key, value, life, flags)
end

function Dict:safe_set(key, value, life, flags)
  step(self)
  return put(self, key, value, life, flags)
end

function Dict:delete(key)
  step(self)
  if live(self, key) then self.items[key], self.count = nil, self.count - 1 end
end

--- Drops everything whose time is over, and tells how much is left.
---@return integer
function Dict:sweep()
  local keys = {}
  for key in pairs(self.items) do keys[#keys + 1] = key end
  for _, key in ipairs(keys) do live(self, key) end
  return self.count
end

return shared_dict
