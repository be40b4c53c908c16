--- The alias that goes by a description, made where there is none.

local Error = require "locksmith.error"
local alias = require "locksmith.alias"
local core = require "locksmith.core"
local flags = require "locksmith.flags"
local half_made = require "locksmith.half_made"
local options = require "locksmith.options"
local resource = require "locksmith.resource"
local walk = require "locksmith.walk"

local NAME = alias.NAME .. "ensure"
local ENSURE = options.extend(options.CALL, { journal = options.check.path })

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

--- Makes an alias that has no description yet.
---@param book locksmith.HalfMade?
---@param addresses locksmith.Address[]
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
local function make(task, description, opts, book, addresses)
  if not book then return alias.make(task, { description = description }, opts) end
  local problem = book:begin(description, addresses, task.session.now())
  if problem then return nil, Error.refused("store", problem, NAME) end
  local address, response = alias.make(task, { description = description }, opts)
  book:made(description, address and address.id, not address and response.outcome == "unknown")
  return address, response
end

--- Finds the alias, or makes it.
---@param book locksmith.HalfMade?
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
---@return boolean? made
local function bring(task, description, opts, book)
  local list = { task = task, operation = alias.NAME .. "list", opts = opts }
  local addresses, response = walk.all(list, {})
  if not addresses then return resource.step_failed(response, NAME, resource.unchanged(response)) end
  local address = oldest(addresses, description)
  if address then return address, response, false end
  address = book and book:find(description, addresses)
  if address then
    task.made = address
  else
    address, response = make(task, description, opts, book, addresses)
    if not address then return resource.step_failed(response, NAME) end
  end
  local id = address.id
  address, response = alias.describe(task, address, response, description, opts)
  if not address then return nil, response end
  if book then book:finish(description, id) end
  return address, response, true
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
return resource.method({ name = NAME, arguments = { wanted }, options = ENSURE, steps = true },
  function(task, wire, opts)
    local book, problem
    if opts.journal then
      book, problem = half_made.open(opts.journal)
      if not book then return nil, Error.refused("invalid_request", problem, NAME) end
    end
    local address, response, made = bring(task, wire.description, opts, book)
    if book then book:close() end
    if not address then return nil, response end
    address, response = with_flags(task, address, response, wire, made, opts)
    if address then response.made = made end
    return address, response
  end)
