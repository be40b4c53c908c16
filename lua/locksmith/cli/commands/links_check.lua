--- What of a file would be refused.

local link_rows = require "locksmith.cli.link_rows"
local status = require "locksmith.cli.status"

local COLUMNS = { "row", "line", "kind", "message" }

local function same(a, b)
  for name, value in pairs(a) do
    if b[name] ~= value then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

--- Whether a row has the slug or name of one before it whose fields are others: as create_each refuses it.
local function clash(seen, row)
  local slug = row.fields.custom_slug or row.fields.customSlug
  local name = slug and "slug " .. slug or row.name and "name " .. row.name
  if not name then return nil end
  local before = seen[name]
  seen[name] = before or row
  if before and not same(before.fields, row.fields) then
    return ("%s is that of row %d, whose fields are others"):format(slug and "custom_slug" or "its name", before.number)
  end
end

local function check(context, arguments)
  local client, rows = context:client("lockpub", "offline"), link_rows.open(arguments)
  local writer, bad, seen = context:writer { columns = COLUMNS }, 0, {}
  local opts = { allow_in_memo = arguments.allow_in_memo }
  for row in function() return rows:next() end do
    local kind, message = "invalid_request", row.problem and tostring(row.problem)
    if not message then
      opts.idempotent = row.name
      local _, err = client.links:check(row.fields, opts)
      if err then kind, message = err.kind, err.message else message = clash(seen, row) end
    end
    if message then
      bad = bad + 1
      writer:row { row = row.number, line = row.line, kind = kind, message = message }
    end
  end
  rows:close()
  writer:close()
  context:say(("%d rows, %d bad"):format(rows.number, bad))
  return bad > 0 and status.SOME_FAILED or status.DONE
end

return function(links, runs)
  local command = links:command("check", "Vet a file for links batch, without sending anything: one line for each " ..
    "row that would be refused.")
  link_rows.declare(command)
  runs(command, check)
end
