--- All aliases as a file, and what is in such a file brought back.

local ascii = require "locksmith.ascii"
local changes = require "locksmith.cli.changes"
local input = require "locksmith.cli.input"
local status = require "locksmith.cli.status"
local which = require "locksmith.cli.which"

local COLUMNS = { "id", "full_address", "description", "enabled", "block_spam", "created_time", "updated_time",
  "num_forwarded", "num_blocked", "num_replied", "num_spam", "address", "subdomain", "domain" }
-- Of the rest, a spreadsheet may have made what it likes.
local TYPES = { id = "id", full_address = "text", description = "text", enabled = "boolean", block_spam = "boolean" }
for _, name in ipairs(COLUMNS) do TYPES[name] = TYPES[name] or "any" end

local function aliases_text(count)
  return count == 1 and "1 alias" or ("%d aliases"):format(count)
end

local function export(context, arguments)
  -- All are read before the file is opened: the last export outlives a failure.
  local addresses = context:check(context:client("locker").addresses:all())
  local format = arguments.format or not arguments.output and "json" or nil
  if format == "jsonl" then format = "json" end
  if not format and not require("locksmith.cli.output").format_of(arguments.output) then format = "json" end
  local writer = context:writer { columns = COLUMNS, path = arguments.output, format = format }
  for _, address in ipairs(addresses) do writer:row(address) end
  writer:close()
  context:say(aliases_text(#addresses))
end

-- What the file wants, by id, or by full address where it has no ids.
local function read(path)
  local rows, problem = input.open(path, { columns = TYPES })
  if not rows then status.usage(problem) end
  local describes = rows:has "description"
  local wanted, order = {}, {}
  while true do
    local row, wrong, line = rows:next()
    if wrong then status.usage(tostring(wrong)) end
    if not row then break end
    local key = row.id and which.id_text(row.id) or row.full_address and ascii.lower(row.full_address)
    if not key then status.usage(tostring(rows:problem(line, nil, "it has neither id nor full_address"))) end
    if wanted[key] then status.usage(tostring(rows:problem(line, nil, "the alias stands there twice"))) end
    -- An empty cell is an empty description.
    if describes and row.description == nil then row.description = "" end
    wanted[key], order[#order + 1] = row, key
  end
  rows:close()
  return wanted, order
end

local function restore(context, arguments)
  local wanted, order = read(arguments.file)
  local found = {}
  local plan = changes.plan(context, function(address)
    local id, name = which.id_text(address.id), ascii.lower(tostring(address.full_address))
    local key = wanted[id] and id or name
    local row = wanted[key]
    if not row then return nil end
    found[key] = true
    return { description = row.description, enabled = row.enabled, block_spam = row.block_spam }
  end)
  local writer, gone = changes.writer(context), 0
  for _, key in ipairs(order) do
    if not found[key] then
      gone = gone + 1
      writer:row { id = wanted[key].id, full_address = wanted[key].full_address, state = "gone",
        message = "there is no such alias any more" }
    end
  end
  plan.unchanged = #order - gone - #plan
  local code = changes.carry_out(context, writer, plan, { apply = arguments.apply })
  if gone > 0 then context:say(("%s of the file gone for good"):format(aliases_text(gone))) end
  return code
end

return function(aliases, runs)
  local command = aliases:command("export", "Write all aliases as JSON lines, or as CSV.")
  command:option("--output", "A file in place of standard output; its ending tells the format."):argname "FILE"
  command:option("--format", "csv or jsonl."):choices { "csv", "jsonl" }
  runs(command, export)

  command = aliases:command("restore", "Bring description, enabled and block_spam back to what an export has. " ..
    "Shows the plan, and carries it out with --apply.")
  command:argument("file", "What export has written; '-' is standard input.")
  command:flag("--apply", "Carry it out.")
  runs(command, restore)
end
