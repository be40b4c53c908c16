--- Locker's aliases.

local Error = require "locksmith.error"
local alias = require "locksmith.alias"
local ensure = require "locksmith.ensure"
local flags = require "locksmith.flags"
local lists = require "locksmith.lists"
local plan = require "locksmith.plan"
local resource = require "locksmith.resource"

local Addresses = {}

lists.extend(Addresses, "locker.addresses")

local NAME = alias.NAME

local method, step_failed, unchanged = resource.method, resource.step_failed, resource.unchanged

local FIELDS = resource.fields "address"

local function fields_of_new(fields, operation)
  local wire, err = FIELDS(fields == nil and {} or fields, operation)
  for name in pairs(wire or {}) do
    if name ~= "description" then
      return nil, Error.refused("invalid_request", name .. " cannot be chosen when an alias is made", operation)
    end
  end
  return wire, err
end

local function fields_of_change(fields, operation)
  local wire, err = FIELDS(fields, operation)
  if wire and next(wire) == nil then
    return nil, Error.refused("invalid_request", "fields has nothing to change", operation)
  end
  return wire, err
end

--- Makes an alias. With a description it takes three requests, because the service ignores it on creation.
Addresses.create = method({ name = NAME .. "create", arguments = { fields_of_new }, steps = true },
  function(task, wire, opts)
    local address, response = alias.make(task, wire, opts)
    if not address or wire.description == nil then return address, response end
    return alias.describe(task, address, response, wire.description, opts)
  end)

--- Checks fields as create would, and sends nothing.
Addresses.check = method({ name = NAME .. "check", arguments = { fields_of_new } }, function() return true end)

Addresses.get = method({ name = NAME .. "get", arguments = { alias.id } }, alias.fetch)

--- What the service made of flags that it said yes to.
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # not_applied where it dropped one
local function judge(task, wire, present, address, response)
  for _, flag in ipairs(flags.NAMES) do
    if wire[flag] ~= nil and address[flag] ~= wire[flag] then
      flags.learn(task.session, false)
      return nil, Error.about(response, {
        kind = "not_applied",
        message = ("the service accepted the change but %s is still %s; free plans drop flags here, set_%s may help")
          :format(flag, tostring(address[flag]), flag),
        operation = task.operation,
        outcome = "applied",
        value = address,
      })
    elseif wire[flag] ~= nil and present and present[flag] ~= wire[flag] then
      flags.learn(task.session, true)
    end
  end
  return address, response
end

--- Changes an alias and reads it back. The service demands the present local part; it is looked up when left out, and
--- once more when someone else renames the alias in between. (Where the old name is still to be had, in a subdomain or
--- on an older server, the alias is renamed back instead: no answer tells.)
Addresses.update = method({ name = NAME .. "update", arguments = { alias.id, fields_of_change }, steps = true },
  function(task, id, wire, opts)
    local operation, present, failure = task.operation
    if wire.address == nil then
      present, failure = alias.fetch(task, id, opts)
      if not present then return step_failed(failure, operation, unchanged(failure)) end
      failure = alias.change(task, id, present.address, wire, opts)
    else
      failure = alias.put(task, id, wire, opts)
    end
    if failure then return step_failed(failure, operation) end
    local asks_flag = wire.enabled ~= nil or wire.block_spam ~= nil
    local address, response = alias.confirm(task, id, opts, asks_flag and "unknown" or "applied")
    if not address then return nil, response end
    return judge(task, wire, present, address, response)
  end)

--- Deletes an alias for good: its local part can never be used again.
Addresses.delete = method({ name = NAME .. "delete", arguments = { alias.id } }, function(task, id, opts)
  local _, response = task:call(task.operation, opts, { id = id })
  if Error.is(response) then return nil, response end
  return true, response
end)

local function setter(flag)
  local arguments = { alias.check, resource.of_type("boolean", flag) }
  return method({ name = NAME .. "set_" .. flag, arguments = arguments, steps = true },
    function(task, which, want, opts)
      return flags.set(task, alias.id(which, task.operation), type(which) == "table" and which or nil, flag, want, opts)
    end)
end

--- Switches forwarding on or off, on every plan, and verifies it. No write where it is so already. The state of an
--- address that is given in place of its id is trusted: no request where it is so already, otherwise one look fewer.
Addresses.set_enabled = setter "enabled"

--- Switches spam blocking on or off (paid plans) and verifies it, as set_enabled does.
Addresses.set_block_spam = setter "block_spam"

Addresses.ensure = ensure
Addresses.plan = plan.method

return { new = resource.class("locksmith.addresses", Addresses) }
