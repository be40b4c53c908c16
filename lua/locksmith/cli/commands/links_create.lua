--- One link.

local moment = require "locksmith.cli.moment"
local secrets = require "locksmith.cli.secrets"
local status = require "locksmith.cli.status"

-- What of the fields may be seen.
local SENT = { "type", "target_url", "memo", "custom_slug", "redirect_limit", "start_time", "expire_time" }

local function count(text)
  return require("locksmith.ascii").number(text) or nil, ("'%s' is not a number"):format(text)
end

local function fields_of(arguments)
  local fields = {
    type = arguments.target and "url" or "memo",
    target_url = arguments.target,
    memo = arguments.memo,
    custom_slug = arguments.slug,
    redirect_limit = arguments.limit,
    start_time = arguments.start,
    expire_time = arguments.expire,
  }
  if not arguments.target then
    if not arguments.secret_file then status.usage "--target URL or --secret-file FILE is needed" end
    fields.secret_memo = secrets.read(arguments.secret_file, "the secret memo")
  end
  if arguments.password_file then
    fields.password = secrets.read(arguments.password_file, "the password")
  else
    fields.password = secrets.ask("Password of the link: ", "--password-file FILE is needed where nobody can be asked")
  end
  return fields
end

local function print_link(context, link, response)
  if response.recovered then context:say "the link was there already" end
  if context.json then
    context:record({ "short_url", "slug" }, link)
  elseif link.short_url then
    context:print(link.short_url .. "\n")
  else
    context:say "its address is not known here, this is its slug"
    context:print(link.slug .. "\n")
  end
end

local function create(context, arguments)
  local fields = fields_of(arguments)
  local opts = { idempotent = arguments.name, allow_in_memo = arguments.allow_in_memo }
  if not context.dry_run then
    local link, response = context:check(context:client("lockpub").links:create(fields, opts))
    return print_link(context, link, response)
  end
  context:check(context:client("lockpub", "offline").links:check(fields, opts))
  context:record(SENT, fields)
  context:say "nothing was sent"
end

return function(links, runs)
  local command = links:command("create", "Make one link and print its address.")
  command:mutex(
    command:option("--target", "Where the link leads."):argname "URL",
    command:option("--secret-file", "Make a secret memo of what is in the file; '-' is standard input."):argname "FILE"
  )
  command:option("--memo", "Label of the link. Everybody who has the link sees it."):argname "LABEL"
  command:option("--password-file", "The password of the link; '-' is standard input. Without it, it is asked for.")
    :argname "FILE"
  command:flag("--allow-in-memo", "Let the password stand in the label, too.")
  command:mutex(
    command:option("--slug", "The last part of the address, 3 to 30 of a-z, 0-9, - and _."):argname "SLUG",
    command:option("--name", "Your own name for the link: of one name there is never a second link."):argname "NAME"
  )
  command:option("--limit", "How often it may be opened."):argname("N"):convert(count)
  command:option("--start", "When it begins to work: ISO 8601, or a span from now such as 2d, 12h."):argname("TIME")
    :convert(moment.read)
  command:option("--expire", "When it ends: the same."):argname("TIME"):convert(moment.read)
  runs(command, create)
end
