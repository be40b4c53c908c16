--- The aliases that go by some descriptions, made where there are none.

local changes = require "locksmith.cli.changes"
local input = require "locksmith.cli.input"
local status = require "locksmith.cli.status"
local tally = require "locksmith.cli.tally"

local COLUMNS = { "description", "full_address", "id", "state", "kind", "message" }

-- Those of the arguments, then those of the file; in place of a row that cannot be read, its problem.
---@return fun(): table?, string?
local function each_wanted(arguments)
  local index, rows = 0, nil
  if arguments.file then
    local columns = input.columns "address"
    columns.address = nil
    local problem
    rows, problem = input.open(arguments.file, { columns = columns, required = { "description" } })
    if not rows then status.usage(problem) end
  end
  return function()
    index = index + 1
    if arguments.description[index] then return { description = arguments.description[index] } end
    if not rows then return nil end
    local row, problem = rows:next()
    if problem and problem.fatal then status.usage(tostring(problem)) end
    if not row then return problem and {}, problem and tostring(problem) end
    return row, (row.description or "") == "" and "description must not be empty" or nil
  end
end

-- Does for each what `bring` does, which returns a row, and an error where it failed.
local function each(context, arguments, bring)
  local writer, counts = context:writer { columns = COLUMNS, each = true }, tally.new()
  for wanted, problem in each_wanted(arguments) do
    local row, failure
    if problem then
      row, failure = { state = "failed", kind = "invalid_request", message = problem }, status.SOME_FAILED
    else
      row, failure = bring(wanted)
    end
    writer:row(row)
    if failure then counts:fail(failure) else counts:succeed() end
  end
  writer:close()
  return counts:status()
end

local function failed(wanted, err)
  local value = type(err.value) == "table" and err.value or {}
  return { description = wanted.description, full_address = value.full_address, id = value.id, state = "failed",
    kind = err.kind, message = tostring(err) }, err
end

local function is_older(address, than)
  if address.created_time ~= than.created_time then return address.created_time < than.created_time end
  return tonumber(address.id) < tonumber(than.id)
end

-- What is there, by description; of several the oldest, which ensure takes.
local function present(addresses)
  local by_description = {}
  for _, address in ipairs(addresses) do
    local other = by_description[address.description]
    if not other or is_older(address, other) then by_description[address.description] = address end
  end
  return by_description
end

local function rehearse(context, arguments)
  local addresses = context:client("locker").addresses
  local known = present(context:check(addresses:all()))
  local code = each(context, arguments, function(wanted)
    local fine, err = addresses:check { description = wanted.description }
    if not fine then return failed(wanted, err) end
    local address, flags = known[wanted.description], {}
    if not address then
      known[wanted.description] = wanted
      return { description = wanted.description, state = "planned" }
    end
    for _, flag in ipairs { "enabled", "block_spam" } do
      if wanted[flag] ~= address[flag] then flags[flag] = wanted[flag] end
    end
    local differs = next(flags) ~= nil
    return { description = wanted.description, full_address = address.full_address, id = address.id,
      state = differs and "planned" or "present", message = differs and changes.text(flags, address) or nil }
  end)
  context:say "nothing was sent"
  return code
end

local function ensure(context, arguments)
  if #arguments.description == 0 and not arguments.file then status.usage "a description or --file FILE is needed" end
  if context.dry_run then return rehearse(context, arguments) end
  local addresses = context:client("locker").addresses
  return each(context, arguments, function(wanted)
    local address, response = addresses:ensure(wanted, { journal = arguments.journal })
    if not address then return failed(wanted, response) end
    return { description = address.description, full_address = address.full_address, id = address.id,
      state = response.made and "made" or "present" }
  end)
end

return function(aliases, runs)
  local command = aliases:command("ensure", "Make an alias for each description that has none, and print all of them.")
  command:argument("description", "What the alias is for."):args "*"
  command:option("--file", "CSV or JSON lines with the columns description, enabled and block_spam; '-' is " ..
    "standard input."):argname "FILE"
  command:option("--journal", "File by which a run that was killed goes on with the alias that it had half made.")
    :argname "FILE"
  runs(command, ensure)
end
