--- Locker's subdomains.

local status = require "locksmith.cli.status"

local COLUMNS = { "id", "subdomain", "num_alias", "num_forwarded", "num_spam", "created_time" }

local function list(context)
  local writer = context:writer { columns = COLUMNS }
  for subdomain in context:client("locker").subdomains:each() do writer:row(subdomain) end
end

local function create(context, arguments)
  if context.dry_run then
    context:record({ "subdomain" }, { subdomain = arguments.name })
    return context:say "nothing was sent"
  end
  context:record(COLUMNS, (context:check(context:client("locker").subdomains:create(arguments.name))))
end

-- The one that is meant, by number or by name.
local function id_of(context, text)
  if text:find "^%d+$" then return text end
  for subdomain in context:client("locker").subdomains:each() do
    if subdomain.subdomain == text then return subdomain.id end
  end
  status.fail(status.SOME_FAILED, text .. ": there is no such subdomain")
end

-- Without the right name, the library reads what would be lost and refuses; with it, it would go on.
local function rehearse(context, id, arguments, refuse)
  local subdomain = context:check(context:client("locker").subdomains:get(id))
  if arguments.confirm ~= subdomain.subdomain then context:check(refuse()) end
  context:record(COLUMNS, subdomain)
  context:say(("its %s aliases would be gone for good; nothing was sent"):format(tostring(subdomain.num_alias or "")))
end

local function rename(context, arguments)
  local subdomains, id = context:client("locker").subdomains, id_of(context, arguments.id)
  local function carry_out() return subdomains:update(id, arguments.name, { confirm = arguments.confirm }) end
  if context.dry_run then return rehearse(context, id, arguments, carry_out) end
  context:record(COLUMNS, (context:check(carry_out())))
end

local function delete(context, arguments)
  local subdomains, id = context:client("locker").subdomains, id_of(context, arguments.id)
  local function carry_out() return subdomains:delete(id, { confirm = arguments.confirm }) end
  if context.dry_run then return rehearse(context, id, arguments, carry_out) end
  context:check(carry_out())
end

local function use(context, arguments)
  local subdomains = context:client("locker").subdomains
  if arguments.in_use and not context.dry_run then
    context:check(subdomains:set_in_use(arguments.in_use == "true"))
  end
  local in_use = context:check(subdomains:in_use())
  context:record({ "in_use" }, { in_use = in_use })
  if arguments.in_use and context.dry_run then
    context:say(in_use == (arguments.in_use == "true") and "it is so already"
      or ("it would be %s; nothing was sent"):format(arguments.in_use))
  end
end

return function(parser, runs)
  local subdomains = parser:command("subdomains", "Show, make, rename and delete Locker's subdomains.")
  subdomains:require_command(true)
  runs(subdomains:command("list", "List subdomains."), list)

  local command = subdomains:command("create", "Make a subdomain.")
  command:argument "name"
  runs(command, create)

  command = subdomains:command("rename", "Rename a subdomain, which destroys all its aliases for good.")
  command:argument("id", "Its number, or its name.")
  command:argument("name", "The new name.")
  command:option("--confirm", "Its present name: yes, for good."):argname "OLD"
  runs(command, rename)

  command = subdomains:command("delete", "Delete a subdomain, with all its aliases, for good.")
  command:argument("id", "Its number, or its name.")
  command:option("--confirm", "Its name: yes, for good."):argname "NAME"
  runs(command, delete)

  command = subdomains:command("use", "Have new aliases made inside the subdomain, or not.")
  command:argument("in_use", "true or false; without it, shows what it is."):args("?"):choices { "true", "false" }
  runs(command, use)
end
