--- What is to become of an account's aliases: decided one by one from a single list, shown, and carried out by apply.

local Error = require "locksmith.error"
local answer = require "locksmith.answer"
local apply = require "locksmith.apply"
local core = require "locksmith.core"
local options = require "locksmith.options"
local resource = require "locksmith.resource"
local walk = require "locksmith.walk"

local NAME = "locker.addresses.plan"
local FIELDS = { "enabled", "block_spam", "description" }
-- So many changes, and so many deletions, are shown.
local SHOWN = 20

local function quoted(value)
  if type(value) ~= "string" then return tostring(value) end
  return '"' .. answer.line(value, 64) .. '"'
end

local function count(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

local function describe(item)
  if item.change == "delete" then return "delete for good" end
  local parts = {}
  for _, field in ipairs(FIELDS) do
    local value = item.change[field]
    if value ~= nil then
      parts[#parts + 1] = ("%s: %s -> %s"):format(field, quoted(item.before[field]), quoted(value))
    end
  end
  return table.concat(parts, ", ")
end

--- Lines about the first of the items.
local function add_lines(lines, items)
  local width = 0
  for i = 1, math.min(#items, SHOWN) do width = math.max(width, #items[i].full_address) end
  for i = 1, math.min(#items, SHOWN) do
    local name = items[i].full_address
    lines[#lines + 1] = ("  %s%s  %s"):format(name, (" "):rep(width - #name), describe(items[i]))
  end
  if #items > SHOWN then lines[#lines + 1] = ("  and %d more"):format(#items - SHOWN) end
end

local function show(plan)
  local changes, deletions = {}, {}
  for _, item in ipairs(plan) do
    local of_its_kind = item.change == "delete" and deletions or changes
    of_its_kind[#of_its_kind + 1] = item
  end
  local lines = { ("%s, %s, %d unchanged"):format(count(#changes, "change"), count(#deletions, "deletion"),
    plan.unchanged) }
  add_lines(lines, changes)
  add_lines(lines, deletions)
  return table.concat(lines, "\n")
end

local new = resource.class("locksmith.plan", { apply = apply.method }, {
  __tostring = function(_, plan) return show(plan) end,
}, true)

local function misuse(address, decision)
  local shown = type(decision) == "table" and "a table" or type(decision)
  if type(decision) == "string" then shown = quoted(decision) end
  if decision == true then shown = "true" end
  options.misuse(('%s: decide must return nil, a table of enabled, block_spam and description, or "delete"; for %s it '
    .. "returned %s"):format(NAME, address, shown))
end

--- What a decision changes.
---@param before table
---@param address string
---@param decision any
---@return table|"delete"|nil change nil where nothing differs
---@return locksmith.Error?
local function change_of(before, address, decision)
  if not decision then return nil end -- false is what `condition and { … }` gives
  if decision == "delete" then return decision end
  if type(decision) ~= "table" then misuse(address, decision) end
  local wire, problem = core.fields("address", decision)
  if wire and wire.address ~= nil then wire, problem = nil, "address cannot be changed by a plan" end
  if not wire then
    return nil, Error.refused("invalid_request", ("the decision about %s: %s"):format(address, problem), NAME)
  end
  local change = {}
  for field, value in pairs(wire) do
    if value ~= before[field] then change[field] = value end
  end
  return next(change) ~= nil and change or nil
end

local plan = {}

--- Decides what is to become of each alias. Nothing is written: that is up to `plan:apply()`.
plan.method = resource.method({ name = NAME, arguments = { resource.of_type("function", "decide") }, steps = true },
  function(task, decide, opts)
    local addresses, response = walk.all({ task = task, operation = "locker.addresses.list", opts = opts }, {})
    if not addresses then return nil, response end
    local read = task.session.now()
    local made = new(task.session, { changes = 0, deletions = 0, unchanged = 0 })
    for _, address in ipairs(addresses) do
      local id, full_address, before = address.id, tostring(address.full_address), {}
      for _, field in ipairs(FIELDS) do before[field] = address[field] end
      local change, err = change_of(before, full_address, decide(address))
      if err then return nil, err end
      local kind = not change and "unchanged" or change == "delete" and "deletions" or "changes"
      made[kind] = made[kind] + 1
      if change then
        made[#made + 1] = { id = id, full_address = full_address, before = before, change = change }
      end
    end
    apply.note(made, task, read)
    return made, response
  end)

return plan
