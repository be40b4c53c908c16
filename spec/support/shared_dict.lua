--- A double of ngx.shared.DICT with what the store uses of it, and a hook between its steps, by which a spec lets
--- workers meet at any point.

local shared_dict = {}

local Dict = {}
Dict.__index = Dict

---@param options table? `{ clock = function() -> Unix seconds, fits = keys that fit, bytes = what it says of its size,
--- step = function called before every step }`
---@return table dict its `steps` counts them
function shared_dict.new(options)
  options = options or {}
  return setmetatable({
    items = {}, count = 0, steps = 0, fits = options.fits or math.huge, bytes = options.bytes or 2 ^ 20, used = 0,
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
    if self.count >= self.fits then return nil, "no memory" end
    self.count = self.count + 1
  end
  self.used = self.used + 1
  self.items[key] = { value = value, used = self.used, flags = flags ~= 0 and flags or nil,
    ends = life and life > 0 and self.clock() + life or nil }
  return true
end

function Dict:get(key)
  step(self)
  local item = live(self, key)
  if not item then return end
  self.used = self.used + 1
  item.used = self.used
  return item.value, item.flags
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

-- Unlike the real one it gives up nothing for that.
Dict.add = Dict.safe_add

function Dict:capacity()
  return self.bytes
end

--- Of the real one: those not used for longest.
function Dict:get_keys(most)
  step(self)
  local keys = {}
  for key in pairs(self.items) do
    if live(self, key) then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return self.items[a].used < self.items[b].used end)
  for i = #keys, most + 1, -1 do keys[i] = nil end
  return keys
end

function Dict:flush_expired()
  step(self)
  local before = self.count
  self:sweep()
  return before - self.count
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
