--- What users of the two services do without the client under test: methods of a sandbox that look at its state and
--- change it. An account is named by its name; nil is "main", the account behind `LOCKER_KEY`.

local accounts = require "locksmith.sandbox.locker.accounts"
local json = require "locksmith.sandbox.json"

---@class locksmith.Sandbox
local people = {}

local function account_of(self, name)
  return self.store:get(name or "main")
end

local function row_of(self, id)
  return self.store.addresses[id] or error("no sandbox address " .. tostring(id), 0)
end

--- Adds a Locker account.
---@param fields locksmith.SandboxAccount
---@return string name
---@return string token
function people:add_account(fields)
  local account = self.store:add(fields)
  return account.name, account.token
end

--- Changes an account.
---@param name? string
---@param fields table any of `plan`, `active`, `enterprise_member`, `use_subdomain`, `token` (the old one stops
--- working)
function people:set_account(name, fields)
  local account = account_of(self, name)
  for _, key in ipairs { "plan", "active", "enterprise_member", "use_subdomain" } do
    if fields[key] ~= nil then account[key] = fields[key] end
  end
  if fields.token then self.store:set_token(account, fields.token) end
end

--- The addresses of an account, oldest first, with the fields the service sends (null is nil).
---@param name? string
---@return table[]
function people:addresses(name)
  local list = {}
  local rows = self.store:by_age(account_of(self, name), "list")
  for i, row in ipairs(rows) do list[i] = accounts.public_address(row) end
  return json.array(list)
end

---@param id number
---@return table? # one address, whoever's it is
function people:address(id)
  local row = self.store.addresses[id]
  return row and accounts.public_address(row)
end

--- Adds an address past every limit.
---@param name? string account
---@param fields? table address fields as the service sends them, all optional
---@return table # the address
function people:add_address(name, fields)
  return accounts.public_address(self.store:add_address(account_of(self, name), fields))
end

--- Changes an address.
---@param id number
---@param fields table any of `address`, `enabled`, `block_spam`, `description`, `created_time`, `updated_time` and the
--- counters
---@return table # the address
function people:set_address(id, fields)
  local row = row_of(self, id)
  for key, value in pairs(fields) do
    if key == "address" then
      self.store:rename_address(row, value)
    elseif key == "id" or key == "account" or key == "subdomain" or (row[key] == nil and key ~= "updated_time") then
      error("cannot set " .. tostring(key) .. " of a sandbox address", 2)
    else
      row[key] = value
    end
  end
  return accounts.public_address(row)
end

---@param id number
function people:delete_address(id)
  self.store:delete_address(row_of(self, id))
end

--- The live subdomain of an account.
---@param name? string account
---@return table? # `{ id, subdomain, created_time, num_alias }`
function people:subdomain(name)
  local row = self.store:live_subdomain(account_of(self, name))
  if not row then return nil end
  return { id = row.id, subdomain = row.name, created_time = row.created_time, num_alias = #accounts.inside(row) }
end

---@param name? string account
---@param fields table `{ subdomain, id, created_time }`
---@return table # as `:subdomain`
function people:add_subdomain(name, fields)
  self.store:add_subdomain(account_of(self, name), fields)
  return self:subdomain(name)
end

--- Renames an account's subdomain, which destroys its aliases.
---@param name? string account
---@param subdomain string
function people:rename_subdomain(name, subdomain)
  self.store:rename_subdomain(self.store:live_subdomain(account_of(self, name)), subdomain)
end

---@param name? string account
function people:delete_subdomain(name)
  self.store:delete_subdomain(self.store:live_subdomain(account_of(self, name)))
end

---@return table[] # the LOCK.PUB links with all that was sent, password and secret memo too; times in Unix seconds
function people:links()
  local list = {}
  for i, link in ipairs(self.lockpub_service.links) do
    list[i] = {}
    for key, value in pairs(link) do list[i][key] = value end
  end
  return json.array(list)
end

--- Adds a link past every limit and without using the quota.
---@param fields? table any of `type`, `slug`, `targetUrl`, `secretMemo`, `password`, `memo`
---@return table # the link
function people:add_link(fields)
  local link = { type = "url", targetUrl = "https://example.com/", password = "password", memo = "memo" }
  for key, value in pairs(fields or {}) do link[key] = value end
  return self.lockpub_service:add(link)
end

--- Rotates the LOCK.PUB key; the previous one stops working at once.
---@return string # the new key
function people:rotate()
  return self.lockpub_service:rotate()
end

---@return string # the LOCK.PUB key that works now
function people:key()
  return self.lockpub_service.key
end

---@param used number links created this month
function people:set_quota_used(used)
  self.lockpub_service.used = used
end

---@return table # `{ limit, used, reset }`, reset in Unix seconds
function people:quota()
  return { limit = self.options.quota, used = self.lockpub_service.used, reset = self.lockpub_service.resets_at }
end

--- Everything at once.
---@return table # `{ now, requests, links, key, quota, accounts = name -> { plan, token, addresses, subdomain, ... } }`
function people:state()
  local all = {}
  for _, account in ipairs(self.store.order) do
    all[account.name] = {
      plan = account.plan, token = account.token, active = account.active, use_subdomain = account.use_subdomain,
      enterprise_member = account.enterprise_member, addresses = self:addresses(account.name),
      subdomain = self:subdomain(account.name),
    }
  end
  return {
    now = self:now(), requests = self.arrived.total, links = self:links(), key = self:key(), quota = self:quota(),
    accounts = all,
  }
end

return people
