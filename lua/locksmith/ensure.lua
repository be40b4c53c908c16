--- The alias that goes by a description, made where there is none.

local Error = require "locksmith.error"
local alias = require "locksmith.alias"
local core = require "locksmith.core"
local flags = require "locksmith.flags"
local options = require "locksmith.options"
local resource = require "locksmith.resource"
local walk = require "locksmith.walk"

local NAME = alias.NAME .. "ensure"

local function wanted(value, what)
  local fields = value
  if type(value) == "string" then fields = { description = value } end
  if type(fields) ~= "table" then
    options.misuse(what .. ": argument 'wanted' must be a description or a table with one, not a " .. type(value))
  end
  local wire, problem = core.fields("address", fields)
  if wire and wire.address ~= nil then problem = "address cannot be chosen when an alias is made" end
  if wire and (wire.description or "") == "" then problem = "description must not be empty" end
  if problem then return nil, Error.refused("invalid_request", problem, what) end
  return wire
end

local function is_older(address, than)
  local made, other = tonumber(address.created_time) or 0, tonumber(than.created_time) or 0
  if made ~= other then return made < other end
  return tonumber(address.id) < tonumber(than.id)
end

local function oldest(addresses, description)
  local found
  for _, address in ipairs(addresses) do
    if address.description == description and (not found or is_older(address, found)) then found = address end
  end
  return found
end

--- Makes an alias and gives it its description.
local function make(task, wire, opts)
  local fields = { description = wire.description }
  local address, response = alias.make(task, fields, opts)
  if not address then return nil, response end
  return alias.describe(task, address, response, wire.description, opts)
end

--- Brings about what is wanted beside the description.
local function with_flags(task, address, response, wire, made, opts)
  for _, flag in ipairs(flags.NAMES) do
    if wire[flag] ~= nil then
      local before = address
      local result
      address, result = flags.set(task, options.id(before.id, NAME), before, flag, wire[flag], opts)
      if not address then
        local outcome = made and result.outcome ~= "unknown" and "applied" or nil
        return resource.step_failed(result, NAME, outcome, result.value == nil and before or nil)
      end
      if #result.attempts > 0 then response = result end
    end
  end
  return address, response
end

--- Finds the alias with a description, of several the oldest, and makes it where there is none. Two calls at the same
--- time may both find none.
---@param wanted string|table the description, or a table with description, and with enabled and block_spam where they
---  are to be so
---@param opts table? the timeout covers all steps
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error # response.made tells whether it was made now; the errors are those of
---  create and set_enabled, `value` is the alias where there is one
return resource.method({ name = NAME, arguments = { wanted }, steps = true },
  function(task, wire, opts)
    local list = { task = task, operation = alias.NAME .. "list", opts = opts }
    local addresses, response = walk.all(list, {})
    if not addresses then return resource.step_failed(response, NAME, resource.unchanged(response)) end
    local address = oldest(addresses, wire.description)
    local made = not address
    if made then
      address, response = make(task, wire, opts)
      if not address then return resource.step_failed(response, NAME) end
    end
    address, response = with_flags(task, address, response, wire, made, opts)
    if address then response.made = made end
    return address, response
  end)
