--- Changes of aliases, and their end.

local ascii = require "locksmith.ascii"
local changes = require "locksmith.cli.changes"
local condition = require "locksmith.cli.condition"
local status = require "locksmith.cli.status"
local tally = require "locksmith.cli.tally"
local which = require "locksmith.cli.which"

local function boolean(text)
  if text == "true" or text == "false" then return { value = text == "true" } end -- argparse takes false for a refusal
  return nil, ("'%s' is neither true nor false"):format(text)
end

local function whole(text)
  local number = ascii.number(text)
  if number and number >= 0 and number % 1 == 0 then return number end
  return nil, ("'%s' is not a whole number"):format(text)
end

--- The change that the options ask for.
local function change_of(arguments)
  local change = { description = arguments.description }
  if arguments.enabled then change.enabled = arguments.enabled.value end
  if arguments.block_spam then change.block_spam = arguments.block_spam.value end
  return next(change) ~= nil and change or nil
end

local function add_options(command)
  return command:option("--enabled", "Whether mail is forwarded."):argname("true|false"):convert(boolean),
    command:option("--block-spam", "Whether spam is held back (paid plans)."):argname("true|false"):convert(boolean),
    command:option("--description", "What it is for, at most 64 characters."):argname "TEXT"
end

--- Changes those that are named, and says which of them are not there.
local function change_named(context, ids, change, deletes)
  local named, counts, met = which.new(ids), tally.new(), {}
  local plan = changes.plan(context, function(address)
    if not named:has(address) then return nil end
    met[#met + 1] = address
    return change
  end)
  local writer = changes.writer(context)
  plan.unchanged = changes.show_unchanged(writer, plan, met)
  for _ = 1, plan.unchanged do counts:succeed() end
  for _, text in ipairs(named:missing()) do
    counts:fail(status.SOME_FAILED)
    context:complain(text, "there is no such alias")
  end
  return changes.carry_out(context, writer, plan,
    { apply = true, confirm = deletes and plan.deletions, counts = counts })
end

local function set(context, arguments)
  local change = change_of(arguments)
  if not change then status.usage "--enabled, --block-spam or --description is needed" end
  return change_named(context, arguments.id, change)
end

local function delete(context, arguments)
  if not arguments.yes and not context.dry_run then
    status.usage "aliases are deleted for good, and nobody can ever have their names again: pass --yes"
  end
  return change_named(context, arguments.id, "delete", true)
end

local function plan(context, arguments)
  local change = arguments.delete and "delete" or change_of(arguments)
  if not change then status.usage "--enabled, --block-spam, --description or --delete is needed" end
  local holds = condition.read(arguments.where)
  local made = changes.plan(context, function(address)
    return holds(address) and change or nil
  end)
  return changes.carry_out(context, changes.writer(context), made,
    { apply = arguments.apply, confirm = arguments.confirm_deletes })
end

return function(aliases, runs)
  local command = aliases:command("set", "Bring aliases to a wanted state, and verify it.")
  command:argument("id", "Number or full address."):args "+"
  add_options(command)
  runs(command, set)

  command = aliases:command("delete", "Delete aliases for good.")
  command:argument("id", "Number or full address."):args "+"
  command:flag("--yes", "Yes, for good: their names can never be used again.")
  runs(command, delete)

  command = aliases:command("plan", "Show what would change, and change it with --apply.")
  command:option("--where", condition.HELP):argname("EXPR"):count(1)
  local enabled, block_spam, description = add_options(command)
  local deletes = command:flag("--delete", "Delete them.")
  for _, option in ipairs { enabled, block_spam, description } do command:mutex(option, deletes) end
  command:flag("--apply", "Carry it out.")
  command:option("--confirm-deletes", "How many aliases it deletes, where it deletes any."):argname("N"):convert(whole)
  runs(command, plan)
end
