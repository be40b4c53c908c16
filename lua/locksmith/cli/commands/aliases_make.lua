--- New aliases.

local changes = require "locksmith.cli.changes"
local input = require "locksmith.cli.input"
local status = require "locksmith.cli.status"
local tally = require "locksmith.cli.tally"

local COLUMNS = { "description", "full_address", "id", "state", "kind", "message" }

local function print_address(context, address)
  if context.json then return context:record({ "id", "full_address" }, address) end
  context:print(tostring(address.full_address) .. "\n")
end

local function create(context, arguments)
  local addresses, fields = context:client("locker").addresses, { description = arguments.description }
  context:check(addresses:check(fields))
  if context.dry_run then
    context:record({ "description" }, { description = arguments.description or "" })
    return context:say "nothing was sent"
  end
  local address, err = addresses:create(fields)
  if address then return print_address(context, address) end
  -- It exists, though it was not described.
  if type(err.value) == "table" and err.value.full_address then print_address(context, err.value) end
  error(err, 0)
end

-- Those of the arguments, then those of the file.
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
    if problem then status.usage(tostring(problem)) end
    return row
  end
end

-- What is there, by description; of several the oldest, which ensure takes, comes last.
local function present(context)
  local by_description = {}
  for _, address in ipairs((context:check(context:client("locker").addresses:all()))) do
    by_description[address.description] = address
  end
  return by_description
end

local function rehearse(context, writer, arguments)
  local addresses, known = context:client("locker").addresses, present(context)
  for wanted in each_wanted(arguments) do
    local description = wanted.description or ""
    context:check(addresses:check { description = description })
    local address, flags = known[description], {}
    for _, flag in ipairs { "enabled", "block_spam" } do
      if address and address.id and wanted[flag] ~= address[flag] then flags[flag] = wanted[flag] end
    end
    local differs = next(flags) ~= nil
    local id, name = address and address.id, address and address.full_address
    writer:row { description = description, full_address = name, id = id,
      state = (differs or not address) and "planned" or "present",
      message = differs and changes.text(flags, address) or nil }
    known[description] = address or {}
  end
  writer:close()
  context:say "nothing was sent"
end

local function ensure(context, arguments)
  if #arguments.description == 0 and not arguments.file then status.usage "a description or --file FILE is needed" end
  local writer = context:writer { columns = COLUMNS, each = true }
  if context.dry_run then return rehearse(context, writer, arguments) end
  local addresses, counts = context:client("locker").addresses, tally.new()
  for wanted in each_wanted(arguments) do
    local address, response = addresses:ensure(wanted, { journal = arguments.journal })
    if address then
      counts:succeed()
      writer:row { description = address.description, full_address = address.full_address, id = address.id,
        state = response.made and "made" or "present" }
    else
      local value = type(response.value) == "table" and response.value or {}
      writer:row { description = wanted.description, full_address = value.full_address, id = value.id,
        state = "failed", kind = response.kind, message = tostring(response) }
      counts:fail(response)
    end
  end
  return counts:status()
end

return function(aliases, runs)
  local command = aliases:command("create", "Make an alias and print its address.")
  command:option("--description", "What it is for, at most 64 characters."):argname "TEXT"
  runs(command, create)

  command = aliases:command("ensure", "Make an alias for each description that has none, and print all of them.")
  command:argument("description", "What the alias is for."):args "*"
  command:option("--file", "CSV or JSON lines with the columns description, enabled, block_spam; '-' is standard " ..
    "input.")
    :argname "FILE"
  command:option("--journal", "File by which a run that was killed goes on with the alias that it had half made.")
    :argname "FILE"
  runs(command, ensure)
end
