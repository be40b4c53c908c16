--- The steps that methods of Locker's aliases are made of: reading one, and changing one.

local Error = require "locksmith.error"
local json = require "locksmith.json"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

local alias = {}

--- What the names of this resource's operations begin with.
alias.NAME = "locker.addresses."

--- Reads the argument that says which alias is meant.
---@param which integer|string|locksmith.Address its id, or the alias as a method of this library returned it
---@param what string the method
---@return string id
function alias.id(which, what)
  if type(which) ~= "table" then return options.id(which, what) end
  if not resource.has_id(which) or type(which.address) ~= "string" then
    options.misuse(what .. ": argument 'id' must be an id or an address, not another table")
  end
  return options.id(which.id, what)
end

--- The same, where the alias itself is of use.
---@return integer|string|locksmith.Address which
function alias.check(which, what)
  alias.id(which, what)
  return which
end

---@param task locksmith.Task
---@param id string
---@param opts table
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
function alias.fetch(task, id, opts)
  local operation = alias.NAME .. "get"
  local address, response = task:call(operation, opts, { id = id })
  if not address then return nil, response end
  if not resource.has_id(address) then
    return task:unexpected(operation, "the answer is not an address", response, "not_sent")
  end
  return address, response
end

--- Reads back what a write of the task left behind.
---@param task locksmith.Task
---@param id string
---@param opts table
---@param outcome string? what became of the task where that fails
---@param known locksmith.Address?
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
function alias.confirm(task, id, opts, outcome, known)
  local address, response = alias.fetch(task, id, opts)
  if address then return address, response end
  return resource.step_failed(response, task.operation, outcome, known)
end

--- Makes an alias.
---@param task locksmith.Task
---@param wire table<string, any> what the service may ignore
---@param opts table
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
function alias.make(task, wire, opts)
  local operation = alias.NAME .. "create"
  local address, response = task:call(operation, opts, { body = next(wire) and assert(json.encode(wire)) or "{}" })
  if not address then return nil, response end
  if not resource.has_id(address) then
    return task:unexpected(operation, "the answer is not an address", response, "unknown")
  end
  task.made = address
  return address, response
end

--- Gives a new alias its description, which the service ignored when it was made.
---@param task locksmith.Task
---@param address locksmith.Address
---@param response locksmith.Response with which it came
---@param description string
---@param opts table
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # outcome "applied" with the alias in `value`
function alias.describe(task, address, response, description, opts)
  if description == address.description then return address, response end
  local id = options.id(address.id, task.operation)
  local failure = alias.change(task, id, address.address, { description = description }, opts)
  if failure then return resource.step_failed(failure, task.operation, "applied", address) end
  address.description = description
  return alias.confirm(task, id, opts, "applied", address)
end

--- Changes an alias as told, local part included.
---@param task locksmith.Task
---@param id string
---@param wire table<string, any>
---@param opts table
---@return locksmith.Error? # nil when the service said yes, whose answer tells no more than that
function alias.put(task, id, wire, opts)
  local done, failure = task:call(alias.NAME .. "update", opts, { id = id, body = assert(json.encode(wire)) })
  if not done and Error.is(failure) then return failure end
end

-- A PUT with another local part than the present one is a rename, which only the oldest alias may have, to a name that
-- nobody has or had.
---@param err locksmith.Error of a change
---@return boolean # whether the service took it for a new name
function alias.is_about_name(err)
  if err.status == 403 then return true end
  return err.status == 400 and type(err.details) == "table" and err.details.address ~= nil
end

---@return table<string, any> # a change of the other fields, as the service wants it
function alias.with_name(fields, name)
  local wire = { address = name }
  for field, value in pairs(fields) do wire[field] = value end
  return wire
end

--- Changes an alias without renaming it. The service wants the local part in every change and takes another one than
--- the present for a new name, so someone else's rename since `name` was read can make it refuse: then the alias is
--- looked at again and the change sent once more. Where the old name is still to be had, the service gives it back
--- instead of refusing, which nobody can tell from its answer.
---@param task locksmith.Task
---@param id string
---@param name string the local part as last seen
---@param fields table<string, any> the other ones
---@param opts table
---@return locksmith.Error?
function alias.change(task, id, name, fields, opts)
  local err = alias.put(task, id, alias.with_name(fields, name), opts)
  if not err or not alias.is_about_name(err) then return err end
  local present, failure = alias.fetch(task, id, opts)
  if not present then
    failure.outcome = err.outcome
    return Error.of_write(failure)
  end
  if present.address == name then return err end
  local second = alias.put(task, id, alias.with_name(fields, present.address), opts)
  if not second then return nil end
  if err.outcome == "unknown" then second.outcome = "unknown" end
  if not alias.is_about_name(second) then return second end
  return Error.about(second, {
    kind = "conflict",
    message = ("someone else renamed the alias from %s to %s, and again, while it was being changed")
      :format(tostring(name), tostring(present.address)),
    operation = second.operation,
    outcome = second.outcome,
    code = second.code,
    retryable = true,
    value = present,
  })
end

return alias
