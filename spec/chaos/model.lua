--- What a Locker account must hold, by what its calls have answered.

local Account = {}
Account.__index = Account

local model = {}

local FIELDS = { "address", "enabled", "block_spam", "description", "subdomain" }

---@param name string
---@param plan string
---@return table account
function model.account(name, plan)
  return setmetatable({ name = name, plan = plan, aliases = {}, count = 0, subdomain = nil, in_use = false }, Account)
end

function Account:paid()
  return self.plan ~= "free"
end

---@param address table as the service shows it
function Account:add(address)
  local alias = { id = address.id, created_time = address.created_time }
  for _, field in ipairs(FIELDS) do alias[field] = address[field] end
  self.aliases[alias.id] = alias
  self.count = self.count + 1
end

function Account:remove(id)
  if not self.aliases[id] then return end
  self.aliases[id] = nil
  self.count = self.count - 1
  self.dead = id
end

--- A rename or deletion of the subdomain takes its aliases along.
function Account:empty_subdomain()
  local inside = {}
  for id, alias in pairs(self.aliases) do
    if alias.subdomain then inside[#inside + 1] = id end
  end
  for _, id in ipairs(inside) do self:remove(id) end
end

--- The only alias whose local part may be changed.
---@return integer? id
function Account:oldest()
  local oldest
  for _, alias in pairs(self.aliases) do
    if not oldest or alias.created_time < oldest.created_time
      or (alias.created_time == oldest.created_time and alias.id < oldest.id) then
      oldest = alias
    end
  end
  return oldest and oldest.id
end

---@param address table as the service shows it
---@return string? # what differs from what it must be
function Account:mismatch(address)
  local alias = self.aliases[address.id]
  if not alias then return ("alias %s should not exist"):format(tostring(address.id)) end
  for _, field in ipairs(FIELDS) do
    if alias[field] ~= address[field] then
      return ("%s of alias %s is %s instead of %s"):format(field, tostring(address.id), tostring(address[field]),
        tostring(alias[field]))
    end
  end
end

--- Compares with what the service holds.
---@param truth table { addresses?, subdomain?, in_use? }: nil is not compared; `subdomain` false: there is none
---@return string? difference the first one
---@return table? extra the alias, when the difference is one that should not exist
function Account:difference(truth)
  if truth.addresses then
    local found = {}
    for _, address in ipairs(truth.addresses) do
      found[address.id] = true
      local problem = self:mismatch(address)
      if problem then return problem, not self.aliases[address.id] and address or nil end
    end
    for id in pairs(self.aliases) do
      if not found[id] then return ("alias %s is lost"):format(tostring(id)) end
    end
  end
  if truth.subdomain ~= nil then
    local wanted = self.subdomain and self.subdomain.subdomain
    local found = truth.subdomain and truth.subdomain.subdomain or nil
    if wanted ~= found then return ("the subdomain is %s instead of %s"):format(tostring(found), tostring(wanted)) end
  end
  if truth.in_use ~= nil and truth.in_use ~= self.in_use then
    return ("use_subdomain is %s instead of %s"):format(tostring(truth.in_use), tostring(self.in_use))
  end
end

return model
