--- Locker's aliases.

local Error = require "locksmith.error"
local alias = require "locksmith.alias"
local core = require "locksmith.core"
local flags = require "locksmith.flags"
local json = require "locksmith.json"
local lists = require "locksmith.lists"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

---@class locksmith.Addresses
local Addresses = {}

lists.extend(Addresses, "locker.addresses")

local NAME = alias.NAME

local step_failed, unchanged = resource.step_failed, resource.unchanged

--- Reads back what a write left behind.
local function confirm(task, id, opts, operation, outcome, known)
  local address, response = alias.fetch(task, id, opts)
  if address then return address, response end
  return step_failed(response, operation, outcome, known)
end

--- Makes an alias. With a description it takes three requests, because the service ignores it on creation.
---@param fields table? { description = string of at most 64 characters }
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # outcome "applied" with the alias in `value` when only the description
---  could not be set; limit_reached on a full free plan
function Addresses.create(task, fields, opts)
  local operation = NAME .. "create"
  if fields ~= nil then options.argument(fields, "table", "fields", operation) end
  opts = options.read(opts, options.CALL, operation)
  local wire, problem = core.fields("address", fields or {})
  if wire then
    for name in pairs(wire) do
      if name ~= "description" then wire, problem = nil, name .. " cannot be chosen when an alias is made" break end
    end
  end
  if not wire then return nil, Error.refused("invalid_request", problem, operation) end
  local err = task:ready(operation)
  if err then return nil, err end
  opts = task:within(opts)

  local address, response = task:call(operation, opts, { body = next(wire) and assert(json.encode(wire)) or "{}" })
  if not address then return nil, response end
  if not resource.has_id(address) then
    return task:unexpected(operation, "the answer is not an address", response, "unknown")
  end
  task.made = address
  local description = wire.description
  if description == nil or description == address.description then return address, response end
  local id = options.id(address.id, operation)
  local failure = alias.change(task, id, address.address, { description = description }, opts)
  if failure then return step_failed(failure, operation, "applied", address) end
  address.description = description
  return confirm(task, id, opts, operation, "applied", address)
end

---@param id integer|string|locksmith.Address
---@param opts table?
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # not_found
function Addresses.get(task, id, opts)
  local operation = NAME .. "get"
  id = alias.read(id, operation)
  opts = options.read(opts, options.CALL, operation)
  return alias.fetch(task, id, opts)
end

--- Changes an alias and reads it back. The service demands the present local part; it is looked up when left out, and
--- once more when someone else renames the alias in between. (Where the old name is still to be had, in a subdomain or
--- on an older server, the alias is renamed back instead: no answer tells.)
---@param id integer|string|locksmith.Address
---@param fields table any of address, description, enabled, block_spam
---@param opts table? the timeout covers all steps
---@return locksmith.Address? as the service now has it
---@return locksmith.Response|locksmith.Error # not_applied: the service said yes and dropped a flag (free plan);
---  forbidden: only the oldest alias can change its local part
function Addresses.update(task, id, fields, opts)
  local operation = NAME .. "update"
  id = alias.read(id, operation)
  options.argument(fields, "table", "fields", operation)
  opts = options.read(opts, options.CALL, operation)
  local wire, problem = core.fields("address", fields)
  if wire and next(wire) == nil then wire, problem = nil, "fields has nothing to change" end
  if not wire then return nil, Error.refused("invalid_request", problem, operation) end
  local err = task:ready(operation)
  if err then return nil, err end
  opts = task:within(opts)

  local present, failure
  if wire.address == nil then
    present, failure = alias.fetch(task, id, opts)
    if not present then return step_failed(failure, operation, unchanged(failure)) end
    failure = alias.change(task, id, present.address, wire, opts)
  else
    failure = alias.put(task, id, wire, opts)
  end
  if failure then return step_failed(failure, operation) end
  local asks_flag = wire.enabled ~= nil or wire.block_spam ~= nil
  local address, response = confirm(task, id, opts, operation, asks_flag and "unknown" or "applied")
  if not address then return nil, response end
  for _, flag in ipairs(flags.NAMES) do
    if wire[flag] ~= nil and address[flag] ~= wire[flag] then
      flags.learn(task.session, false)
      return nil, Error.about(response, {
        kind = "not_applied",
        message = ("the service accepted the change but %s is still %s; free plans drop flags here, set_%s may help")
          :format(flag, tostring(address[flag]), flag),
        operation = operation,
        outcome = "applied",
        value = address,
      })
    elseif wire[flag] ~= nil and present and present[flag] ~= wire[flag] then
      flags.learn(task.session, true)
    end
  end
  return address, response
end

--- Deletes an alias for good: its local part can never be used again.
---@param id integer|string|locksmith.Address
---@param opts table?
---@return true?
---@return locksmith.Response|locksmith.Error # not_found
function Addresses.delete(task, id, opts)
  local operation = NAME .. "delete"
  id = alias.read(id, operation)
  opts = options.read(opts, options.CALL, operation)
  local _, response = task:call(operation, opts, { id = id })
  if Error.is(response) then return nil, response end
  return true, response
end

local function set_flag(task, which, flag, want, opts)
  local operation = NAME .. "set_" .. flag
  local id, known = alias.read(which, operation)
  options.argument(want, "boolean", flag, operation)
  opts = options.read(opts, options.CALL, operation)
  local err = task:ready(operation)
  if err then return nil, err end
  return flags.set(task, operation, id, known, flag, want, task:within(opts))
end

--- Switches forwarding on or off, on every plan, and verifies it. No write where it is so already. The state of an
--- address that is given in place of its id is trusted: no request where it is so already, otherwise one look fewer.
---@param id integer|string|locksmith.Address
---@param enabled boolean
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # outcome unknown: a change was not answered and does not show, but may
---  yet take effect, so it was not repeated; not_applied when someone else keeps flipping it
function Addresses.set_enabled(task, id, enabled, opts)
  return set_flag(task, id, "enabled", enabled, opts)
end

--- Switches spam blocking on or off (paid plans) and verifies it, as set_enabled does.
---@param id integer|string|locksmith.Address
---@param block boolean
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # as of set_enabled; plan_required on free plans
function Addresses.set_block_spam(task, id, block, opts)
  return set_flag(task, id, "block_spam", block, opts)
end

return { new = resource.class("locksmith.addresses", Addresses) }
