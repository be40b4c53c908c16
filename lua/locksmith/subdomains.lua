--- Locker's subdomains.

local Error = require "locksmith.error"
local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local json = require "locksmith.json"
local lists = require "locksmith.lists"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

local Subdomains = {}

lists.extend(Subdomains, "locker.subdomains")

local NAME = "locker.subdomains."
local CONFIRMED = options.extend(options.CALL, { confirm = options.types "string" })

local method, step_failed, unchanged = resource.method, resource.step_failed, resource.unchanged

--- Reads the argument that says which subdomain is meant.
local function id_of(which, what)
  if type(which) ~= "table" then return options.id(which, what) end
  -- An alias has a field of that name, too.
  if not resource.has_id(which) or type(which.subdomain) ~= "string" or which.address ~= nil then
    options.misuse(what .. ": argument 'id' must be an id or a subdomain, not another table")
  end
  return options.id(which.id, what)
end

local function fetch(task, id, opts)
  local operation = NAME .. "get"
  local subdomain, response = task:call(operation, opts, { id = id })
  if not subdomain then return nil, response end
  -- A name that is missing would agree with a `confirm` that is missing.
  if not resource.has_id(subdomain) or type(subdomain.subdomain) ~= "string" then
    return task:unexpected(operation, "the answer is not a subdomain", response, "not_sent")
  end
  return subdomain, response
end

--- Reads the argument that names one, into what is sent.
local function name_of(name, what)
  options.argument(name, "string", "name", what)
  local wire, problem = core.fields("subdomain", { subdomain = name })
  if not wire then return nil, Error.refused("invalid_request", problem, what) end
  return assert(json.encode(wire))
end

--- Refuses to go on unless the caller has named what dies.
local function confirmed(task, id, opts, verb)
  local present, failure = fetch(task, id, opts)
  if not present then return step_failed(failure, task.operation, unchanged(failure)) end
  if opts.confirm == present.subdomain then return present end
  local count = ascii.number(present.num_alias)
  local victims = count and (count == 1 and "its 1 alias" or ("its %s aliases"):format(tostring(count)))
    or "all its aliases"
  return nil, Error.refused("invalid_request",
    ("%s the subdomain %q destroys %s for good; pass confirm = %q"):format(verb, present.subdomain, victims,
      present.subdomain), task.operation)
end

Subdomains.create = method({ name = NAME .. "create", arguments = { name_of }, steps = true },
  function(task, body, opts)
    local operation = task.operation
    local made, response = task:call(operation, opts, { body = body })
    if not made then return nil, response end
    if not resource.has_id(made) then
      return task:unexpected(operation, "the answer is not a subdomain", response, "unknown")
    end
    task.made = made
    local subdomain, result = fetch(task, options.id(made.id, operation), opts)
    if not subdomain then return step_failed(result, operation, "applied", made) end
    return subdomain, result
  end)

Subdomains.get = method({ name = NAME .. "get", arguments = { id_of } }, fetch)

--- Renames a subdomain, which destroys every alias inside it.
Subdomains.update = method(
  { name = NAME .. "update", arguments = { id_of, name_of }, options = CONFIRMED, steps = true },
  function(task, id, body, opts)
    local operation = task.operation
    local present, failure = confirmed(task, id, opts, "renaming")
    if not present then return nil, failure end
    local done, response = task:call(operation, opts, { id = id, body = body })
    if not done and Error.is(response) then return step_failed(response, operation) end
    local subdomain, result = fetch(task, id, opts)
    if not subdomain then return step_failed(result, operation, "applied") end
    return subdomain, result
  end)

--- Deletes a subdomain with every alias inside it.
Subdomains.delete = method({ name = NAME .. "delete", arguments = { id_of }, options = CONFIRMED, steps = true },
  function(task, id, opts)
    local present, failure = confirmed(task, id, opts, "deleting")
    if not present then return nil, failure end
    local _, response = task:call(task.operation, opts, { id = id })
    if Error.is(response) then return step_failed(response, task.operation) end
    return true, response
  end)

local function flag_of(task, value, response, outcome)
  if type(value) == "table" and type(value.use_relay_subdomain) == "boolean" then return value.use_relay_subdomain end
  return task:unexpected(task.operation, "the answer does not tell the flag", response, outcome)
end

--- Whether new aliases are made inside the subdomain.
Subdomains.in_use = method({ name = NAME .. "in_use" }, function(task, opts)
  local value, response = task:call(task.operation, opts)
  if not value then return nil, response end
  local flag, err = flag_of(task, value, response, "not_sent")
  if flag == nil then return nil, err end
  return flag, response
end)

Subdomains.set_in_use = method({ name = NAME .. "set_in_use", arguments = { resource.of_type("boolean", "in_use") } },
  function(task, in_use, opts)
    local operation = task.operation
    local value, response = task:call(operation, opts, { body = assert(json.encode { use_relay_subdomain = in_use }) })
    if not value then
      if Error.is(response) then return nil, response end
      return true, response
    end
    local flag, err = flag_of(task, value, response, "unknown")
    if flag == nil then return nil, err end
    if flag == in_use then return true, response end
    return nil, Error.about(response, {
      kind = "not_applied",
      message = "the service accepted the change but keeps the flag at " .. tostring(flag),
      operation = operation,
      outcome = "applied",
    })
  end)

return { new = resource.class("locksmith.subdomains", Subdomains) }
