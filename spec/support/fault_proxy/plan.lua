-- Decides the fault of each request: the script first, then the random mix, else none.
local kinds = require "spec.support.fault_proxy.kinds"
local script = require "spec.support.net.script"

local Plan = {}
Plan.__index = Plan

local plan = {}

local PASS = { kind = "pass" }

-- Park and Miller's minimal standard generator: the same sequence for a seed on every machine.
local function generator(seed)
  local state = seed % 2147483646 + 1
  local function next_number()
    state = state * 16807 % 2147483647
    return (state - 1) / 2147483646
  end
  -- Neighbouring seeds start with nearly equal numbers.
  for _ = 1, 10 do next_number() end
  return next_number
end

---@return table
function plan.new()
  return setmetatable({ script = script.new() }, Plan)
end

---Replaces the scripted queue.
---@param entries any decoded JSON list
---@return boolean|nil ok
---@return string|nil err
function Plan:set_script(entries)
  if type(entries) ~= "table" then return nil, "a script is a list of entries" end
  local faults = {}
  for i, entry in ipairs(entries) do
    local fault, err = kinds.normalize(entry)
    if not fault then return nil, ("entry %d: %s"):format(i, err) end
    faults[i] = fault
  end
  self.script:set(faults)
  return true
end

-- A list of names and entries, or a map from a name to its weight or to { weight = ..., options }.
local function read_mix(mix)
  local faults, names = {}, {}
  for name in pairs(mix) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  local entries = {}
  for _, item in ipairs(mix) do entries[#entries + 1] = item end
  for _, name in ipairs(names) do
    local entry = { kind = name }
    if type(mix[name]) == "table" then
      for option, value in pairs(mix[name]) do entry[option] = value end
    else
      entry.weight = mix[name]
    end
    entries[#entries + 1] = entry
  end
  local total = 0
  for _, item in ipairs(entries) do
    local entry, weight = item, 1
    if type(item) == "table" then
      entry = {}
      for option, value in pairs(item) do entry[option] = value end
      weight = entry.weight or 1
      entry.weight = nil
    end
    local fault, err = kinds.normalize(entry)
    if not fault then return nil, err end
    if type(weight) ~= "number" or weight < 0 then return nil, fault.kind .. ": weight must be a number >= 0" end
    total = total + weight
    faults[#faults + 1] = { fault = fault, weight = weight }
  end
  if total <= 0 then return nil, "the mix has no fault with a weight" end
  for _, item in ipairs(faults) do item.share = item.weight / total end
  return faults
end

---Starts the random mix.
---@param options any { seed, rate = 0..1 of requests, kinds = mix, when = condition, longest_run = faults in a row }
---@return boolean|nil ok
---@return string|nil err
function Plan:set_chaos(options)
  if type(options) ~= "table" then return nil, "chaos takes a table" end
  local known = { seed = true, rate = true, kinds = true, when = true, longest_run = true }
  for name in pairs(options) do
    if not known[name] then return nil, "chaos has no option " .. tostring(name) end
  end
  local rate = options.rate
  if type(rate) ~= "number" or rate < 0 or rate > 1 then return nil, "rate must be from 0 to 1" end
  if rate == 0 then
    self.chaos = nil
    return true
  end
  local mix, err = read_mix(options.kinds or kinds.default_mix)
  if not mix then return nil, err end
  local refuse_share = 0
  for _, item in ipairs(mix) do
    if item.fault.kind == "refuse" then refuse_share = refuse_share + item.share end
  end
  self.chaos = {
    random = generator(math.floor(options.seed or 1)), rate = rate, mix = mix, when = options.when,
    refuse_share = refuse_share, longest_run = options.longest_run or math.huge, run = 0,
  }
  return true
end

function Plan:reset()
  self.script:set {}
  self.chaos = nil
end

---@return integer count of scripted entries not yet used
function Plan:pending()
  return #self.script.entries
end

---Whether a connection just accepted is refused. A mix with a condition refuses later, when the request is known.
---@return boolean
function Plan:refuses_connection()
  local head = self.script.entries[1]
  if head then
    if head.kind == "refuse" then table.remove(self.script.entries, 1) end
    return head.kind == "refuse"
  end
  local chaos = self.chaos
  if not chaos or chaos.when or chaos.refuse_share == 0 or chaos.run >= chaos.longest_run then return false end
  local refused = chaos.random() < chaos.rate * chaos.refuse_share
  if refused then chaos.run = chaos.run + 1 end
  return refused
end

-- With `accepted`, refusing was already decided, so the other faults come up with the rate they have given that.
local function draw(chaos, accepted)
  local rate, span = chaos.rate, 1
  if accepted then
    span = 1 - chaos.refuse_share
    rate = rate * span / (1 - rate * chaos.refuse_share)
  end
  if span <= 0 or chaos.random() >= rate then return PASS end
  local point, chosen = chaos.random() * span, nil
  for _, item in ipairs(chaos.mix) do
    if item.weight > 0 and not (accepted and item.fault.kind == "refuse") then
      chosen = item.fault
      point = point - item.share
      if point < 0 then break end
    end
  end
  local fault = { fraction = chaos.random() }
  for name, value in pairs(chosen) do fault[name] = value end
  return fault
end

---The fault of a request.
---@param request table
---@param first boolean first request of its connection, for which refusing was already decided
---@return table fault { kind, options }
function Plan:fault_for(request, first)
  local entry = self.script:take(request)
  if entry then return entry end
  local chaos = self.chaos
  if not chaos or not script.matches(chaos.when, request) then return PASS end
  local fault = draw(chaos, first and not chaos.when)
  if chaos.run >= chaos.longest_run then fault = PASS end
  chaos.run = fault.kind == "pass" and 0 or chaos.run + 1
  return fault
end

return plan
