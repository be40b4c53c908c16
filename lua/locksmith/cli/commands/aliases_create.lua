--- A new alias.

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

return function(aliases, runs)
  local command = aliases:command("create", "Make an alias and print its address.")
  command:option("--description", "What it is for, at most 64 characters."):argname "TEXT"
  runs(command, create)
end
