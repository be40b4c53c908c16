--- Locker's aliases.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local json = require "locksmith.json"
local lists = require "locksmith.lists"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

---@class locksmith.Address
---@field id integer
---@field address string the local part
---@field subdomain string?
---@field domain string
---@field full_address string
---@field enabled boolean
---@field block_spam boolean
---@field description string
---@field created_time integer Unix seconds
---@field updated_time integer? Unix seconds
---@field num_forwarded integer
---@field num_blocked integer
---@field num_replied integer
---@field num_spam integer

---@class locksmith.Addresses
local Addresses = {}

lists.extend(Addresses, "locker.addresses")

local NAME = "locker.addresses."
local FLAGS = { "enabled", "block_spam" }
-- Someone else may flip a flag while it is being set; so often it is worth trying.
local FLAG_ROUNDS = 3

local step_failed, unchanged = resource.step_failed, resource.unchanged

local function fetch(session, id, opts)
  local operation = NAME .. "get"
  local address, response = session:call(operation, opts, id)
  if not address then return nil, response end
  if not resource.has_id(address) then
    return session:unexpected(operation, "the answer is not an address", response, "not_sent")
  end
  return address, response
end

local function put(session, id, wire, opts)
  return session:call(NAME .. "update", opts, id, (assert(json.encode(wire))))
end

--- Reads back what a write left behind.
local function confirm(session, id, opts, operation, outcome, known)
  local address, response = fetch(session, id, opts)
  if address then return address, response end
  return step_failed(response, operation, outcome, known)
end

--- Makes an alias. With a description it takes three requests, because the service ignores it on creation.
---@param fields table? { description = string of at most 64 characters }
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # outcome "applied" with the alias in `value` when only the description
---  could not be set; limit_reached on a full free plan
function Addresses:create(fields, opts)
  local session, operation = resource.session(self), NAME .. "create"
  if fields ~= nil then options.argument(fields, "table", "fields", operation, 3) end
  opts = options.read(opts, options.CALL, operation, 3)
  local wire, problem = core.fields("address", fields or {})
  if wire then
    for name in pairs(wire) do
      if name ~= "description" then wire, problem = nil, name .. " cannot be chosen when an alias is made" break end
    end
  end
  if not wire then return nil, Error.refused("invalid_request", problem, operation) end
  local err = session:ready(operation)
  if err then return nil, err end
  opts = session:within(opts)

  local address, response = session:call(operation, opts, nil, next(wire) and assert(json.encode(wire)) or "{}")
  if not address then return nil, response end
  if not resource.has_id(address) then
    return session:unexpected(operation, "the answer is not an address", response, "unknown")
  end
  local description = wire.description
  if description == nil or description == address.description then return address, response end
  local id = options.id(address.id, operation, 3)
  local done, failure = put(session, id, { address = address.address, description = description }, opts)
  if not done and Error.is(failure) then return step_failed(failure, operation, "applied", address) end
  address.description = description
  return confirm(session, id, opts, operation, "applied", address)
end

---@param id integer|string
---@param opts table?
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # not_found
function Addresses:get(id, opts)
  local session, operation = resource.session(self), NAME .. "get"
  id = options.id(id, operation, 3)
  opts = options.read(opts, options.CALL, operation, 3)
  return fetch(session, id, opts)
end

--- Changes an alias and reads it back. The service demands the present local part; it is looked up when left out.
---@param id integer|string
---@param fields table any of address, description, enabled, block_spam
---@param opts table? the timeout covers all steps
---@return locksmith.Address? as the service now has it
---@return locksmith.Response|locksmith.Error # not_applied: the service said yes and dropped a flag (free plan);
---  forbidden: only the oldest alias can change its local part
function Addresses:update(id, fields, opts)
  local session, operation = resource.session(self), NAME .. "update"
  id = options.id(id, operation, 3)
  options.argument(fields, "table", "fields", operation, 3)
  opts = options.read(opts, options.CALL, operation, 3)
  local wire, problem = core.fields("address", fields)
  if wire and next(wire) == nil then wire, problem = nil, "fields has nothing to change" end
  if not wire then return nil, Error.refused("invalid_request", problem, operation) end
  local err = session:ready(operation)
  if err then return nil, err end
  opts = session:within(opts)

  if wire.address == nil then
    local present, failure = fetch(session, id, opts)
    if not present then return step_failed(failure, operation, unchanged(failure)) end
    wire.address = present.address
  end
  local done, failure = put(session, id, wire, opts)
  if not done and Error.is(failure) then return step_failed(failure, operation) end
  local asks_flag = wire.enabled ~= nil or wire.block_spam ~= nil
  local address, response = confirm(session, id, opts, operation, asks_flag and "unknown" or "applied")
  if not address then return nil, response end
  for _, flag in ipairs(FLAGS) do
    if wire[flag] ~= nil and address[flag] ~= wire[flag] then
      return nil, Error.new {
        kind = "not_applied",
        message = ("the service accepted the change but %s is still %s; free plans drop flags here, set_%s may help")
          :format(flag, tostring(address[flag]), flag),
        operation = operation,
        outcome = "applied",
        source = "remote",
        status = response.status,
        attempts = response.attempts,
        value = address,
      }
    end
  end
  return address, response
end

--- Deletes an alias for good: its local part can never be used again.
---@param id integer|string
---@param opts table?
---@return true?
---@return locksmith.Response|locksmith.Error # not_found
function Addresses:delete(id, opts)
  local session, operation = resource.session(self), NAME .. "delete"
  id = options.id(id, operation, 3)
  opts = options.read(opts, options.CALL, operation, 3)
  local _, response = session:call(operation, opts, id)
  if Error.is(response) then return nil, response end
  return true, response
end

--- One round of bringing a flag to the wanted state: a PUT, which paid plans obey and free ones silently ignore, then
--- the toggle, which flips the stored value and is therefore sent only right after the value was seen.
---@return locksmith.Address? as the service now has it
---@return locksmith.Response|locksmith.Error
---@return string? outcome for the flag, where the failed step alone does not tell
---@return locksmith.Error? lost of a toggle whose answer was lost
local function try_flag(session, present, id, flag, want, opts)
  local done, failure = put(session, id, { address = present.address, [flag] = want }, opts)
  if not done and Error.is(failure) then return nil, failure end
  local address, response = fetch(session, id, opts)
  if not address then return nil, response, "unknown" end
  if address[flag] == want then return address, response end
  local flipped
  flipped, failure = session:call(NAME .. "toggle_" .. flag, opts, id)
  local refused = not flipped and Error.is(failure)
  -- A toggle whose answer was lost may or may not have flipped the flag: only a look can tell.
  if refused and failure.outcome ~= "unknown" then
    return nil, failure, failure.outcome == "not_sent" and "unknown" or nil
  end
  address, response = fetch(session, id, opts)
  if address then return address, response, nil, refused and failure or nil end
  local told = type(flipped) == "table" and flipped[flag] == want
  return nil, response, told and "applied" or "unknown"
end

local function set_flag(self, id, flag, want, opts)
  local session, operation = resource.session(self), NAME .. "set_" .. flag
  id = options.id(id, operation, 4)
  options.argument(want, "boolean", flag, operation, 4)
  opts = options.read(opts, options.CALL, operation, 4)
  local err = session:ready(operation)
  if err then return nil, err end
  opts = session:within(opts)

  local address, response = fetch(session, id, opts)
  if not address then return step_failed(response, operation, unchanged(response)) end
  local lost
  for round = 1, FLAG_ROUNDS do
    if address[flag] == want then return address, response end
    local now, result, outcome, failure = try_flag(session, address, id, flag, want, opts)
    lost = failure
    if not now then
      -- What an earlier round wrote may still show.
      if round > 1 and outcome ~= "applied" then outcome = "unknown" end
      return step_failed(result, operation, outcome)
    end
    address, response = now, result
  end
  if address[flag] == want then return address, response end
  if lost then return step_failed(lost, operation, "unknown", address) end
  return nil, Error.new {
    kind = "not_applied",
    message = ("%s was set to %s and found %s again; someone else may be changing it"):format(flag, tostring(want),
      tostring(address[flag])),
    operation = operation,
    outcome = "unknown",
    source = "remote",
    attempts = response.attempts,
    value = address,
  }
end

--- Switches forwarding on or off, on every plan, and verifies it. No write where it is so already.
---@param id integer|string
---@param enabled boolean
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # not_applied when someone else keeps flipping it
function Addresses:set_enabled(id, enabled, opts)
  local address, response = set_flag(self, id, "enabled", enabled, opts)
  return address, response
end

--- Switches spam blocking on or off (paid plans) and verifies it. No write where it is so already.
---@param id integer|string
---@param block boolean
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # plan_required on free plans
function Addresses:set_block_spam(id, block, opts)
  local address, response = set_flag(self, id, "block_spam", block, opts)
  return address, response
end

return { new = resource.class("locksmith.addresses", Addresses) }
