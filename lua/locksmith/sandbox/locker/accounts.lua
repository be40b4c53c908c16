--- What the Locker server knows: accounts, their aliases and subdomains, and the names nobody may take again.

local names = require "locksmith.sandbox.names"
local words = require "locksmith.sandbox.locker.words"

local accounts = {}
accounts.__index = accounts

local DOMAIN = "maily.org"
local COUNTERS = { "num_forwarded", "num_blocked", "num_replied", "num_spam" }

---@param options table
--- `random` fun(n): integer, a number from 1 to n;
--- `now` fun(): number, Unix seconds;
--- `same_second` fun(id, purpose): number?, rank among addresses created in the same second, purpose "list" or "oldest"
---@return table
function accounts.new(options)
  return setmetatable({
    random = options.random,
    now = options.now,
    same_second = options.same_second,
    by_name = {},
    by_token = {},
    order = {},
    addresses = {},
    subdomains = {},
    locals = {},
    burnt = {},
    subdomain_names = {},
    last_address = 0,
    last_subdomain = 0,
  }, accounts)
end

-- The prefix is optional for the server, so a token is known by what follows it.
local function bare(token)
  return (token:gsub("^cs%.", ""))
end

local function next_id(self, counter, wanted)
  local id = wanted or self[counter] + 1
  self[counter] = math.max(self[counter], id)
  return id
end

---@param token string with or without `cs.`
---@return table? account
function accounts:authenticate(token)
  return self.by_token[bare(token)]
end

--- Gives an account a token of its own instead of the one it had.
---@param account table
---@param token string
function accounts:set_token(account, token)
  if account.token then self.by_token[bare(account.token)] = nil end
  account.token = token
  self.by_token[bare(token)] = account
end

---@param name string
---@return table account raises for an unknown name
function accounts:get(name)
  return self.by_name[name] or error("no sandbox account named " .. tostring(name), 0)
end

---@param fields table see `Sandbox:add_account`
---@return table account
function accounts:add(fields)
  local name = fields.name or "account" .. (#self.order + 1)
  if self.by_name[name] then error("there is already a sandbox account named " .. name, 0) end
  local account = {
    name = name,
    plan = fields.plan or "premium",
    enterprise_member = fields.enterprise_member or false,
    active = fields.active ~= false,
    use_subdomain = fields.use_subdomain or false,
    addresses = {},
  }
  self.by_name[name] = account
  self.order[#self.order + 1] = account
  self:set_token(account, fields.token or "cs.token-of-" .. name)
  for _, subdomain in ipairs(fields.subdomains or {}) do self:add_subdomain(account, subdomain) end
  for _, address in ipairs(fields.addresses or {}) do self:add_address(account, address) end
  return account
end

---@param account table
---@return boolean
function accounts.paid(account)
  return account.plan ~= "free" or account.enterprise_member
end

local function domain_of(row)
  return row.subdomain and row.subdomain.name .. "." .. DOMAIN or DOMAIN
end

local function full_address(row)
  return row.address .. "@" .. domain_of(row)
end

--- A local part that no alias has and none ever had.
---@return string
function accounts:fresh_local()
  while true do
    local name = names.generate(self.random, 6)
    if not self.locals[name] and self:may_be_taken(name) then return name end
  end
end

--- Whether the rules allow a local part; whether it is in use is another question.
---@param name string
---@return boolean
function accounts:may_be_taken(name)
  return words.valid(name) and not self.burnt[name .. "@" .. DOMAIN]
end

--- Adds an alias; absent fields get what the server gives a new one.
---@param account table
---@param fields? table the public fields of an address
---@return table row
function accounts:add_address(account, fields)
  fields = fields or {}
  local subdomain
  if fields.subdomain then
    subdomain = self:live_subdomain(account)
    if not subdomain or subdomain.name ~= fields.subdomain then
      error("account " .. account.name .. " has no subdomain " .. fields.subdomain, 0)
    end
  end
  local row = {
    id = next_id(self, "last_address", fields.id),
    account = account,
    subdomain = subdomain,
    address = fields.address or self:fresh_local(),
    enabled = fields.enabled ~= false,
    block_spam = fields.block_spam or false,
    description = fields.description or "",
    created_time = fields.created_time or math.floor(self.now()),
    updated_time = fields.updated_time,
  }
  if self.addresses[row.id] then error("there is already an address " .. row.id, 0) end
  for _, counter in ipairs(COUNTERS) do row[counter] = fields[counter] or 0 end
  self.addresses[row.id] = row
  self.locals[row.address] = (self.locals[row.address] or 0) + 1
  account.addresses[#account.addresses + 1] = row
  return row
end

local function release(self, row)
  local left = self.locals[row.address] - 1
  self.locals[row.address] = left > 0 and left or nil
  -- An alias inside a subdomain is remembered with it, so its local part stays free as a plain one.
  self.burnt[full_address(row)] = true
end

---@param row table
---@param name string the new local part
function accounts:rename_address(row, name)
  release(self, row)
  row.address = name
  self.locals[name] = (self.locals[name] or 0) + 1
end

---@param row table
function accounts:delete_address(row)
  release(self, row)
  self.addresses[row.id] = nil
  local list = row.account.addresses
  for i, other in ipairs(list) do
    if other == row then
      table.remove(list, i)
      break
    end
  end
end

--- An account's aliases by age. In one second the database promises no order, see option `same_second`.
---@param account table
---@param purpose "list"|"oldest"
---@return table[] rows
function accounts:by_age(account, purpose)
  local rows, rank = {}, self.same_second or function(id) return id end
  for i, row in ipairs(account.addresses) do rows[i] = row end
  table.sort(rows, function(a, b)
    if a.created_time ~= b.created_time then return a.created_time < b.created_time end
    local rank_a, rank_b = rank(a.id, purpose) or a.id, rank(b.id, purpose) or b.id
    if rank_a ~= rank_b then return rank_a < rank_b end
    return a.id < b.id
  end)
  return rows
end

---@param account table
---@param id number
---@return table? row
function accounts:address(account, id)
  local row = self.addresses[id]
  if row and row.account == account then return row end
end

---@param row table
---@return table # the public fields of an address; absent where the service sends null
function accounts.public_address(row)
  local fields = {
    id = row.id, address = row.address, subdomain = row.subdomain and row.subdomain.name, domain = DOMAIN,
    enabled = row.enabled, block_spam = row.block_spam, description = row.description,
    created_time = row.created_time, updated_time = row.updated_time, full_address = full_address(row),
  }
  for _, counter in ipairs(COUNTERS) do fields[counter] = row[counter] end
  return fields
end

--- Adds a subdomain.
---@param account table
---@param fields table `{ subdomain, id, created_time }`
---@return table row
function accounts:add_subdomain(account, fields)
  if self:live_subdomain(account) then error("account " .. account.name .. " has a subdomain already", 0) end
  local row = {
    id = next_id(self, "last_subdomain", fields.id),
    account = account,
    name = fields.subdomain,
    created_time = fields.created_time or math.floor(self.now()),
  }
  self.subdomains[row.id] = row
  self.subdomain_names[row.name] = true
  account.subdomain = row
  return row
end

---@param account table
---@return table? row
function accounts:live_subdomain(account)
  local row = account.subdomain
  if row and self.subdomains[row.id] then return row end
end

---@param row table a subdomain
---@return table[] rows its aliases
function accounts.inside(row)
  local rows = {}
  for _, address in ipairs(row.account.addresses) do
    if address.subdomain == row then rows[#rows + 1] = address end
  end
  return rows
end

local function empty_subdomain(self, row)
  for _, address in ipairs(accounts.inside(row)) do self:delete_address(address) end
end

--- Renames a subdomain, which destroys its aliases.
---@param row table
---@param name string
function accounts:rename_subdomain(row, name)
  empty_subdomain(self, row)
  -- The server keeps the old name as a deleted row, which uses up an id.
  next_id(self, "last_subdomain")
  row.name = name
  self.subdomain_names[name] = true
end

---@param row table
function accounts:delete_subdomain(row)
  empty_subdomain(self, row)
  self.subdomains[row.id] = nil
  row.account.subdomain = nil
end

return accounts
