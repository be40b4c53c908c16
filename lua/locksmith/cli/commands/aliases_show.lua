--- What aliases there are.

local condition = require "locksmith.cli.condition"
local core = require "locksmith.core"
local status = require "locksmith.cli.status"
local tally = require "locksmith.cli.tally"
local which = require "locksmith.cli.which"

local COLUMNS = { "id", "full_address", "enabled", "block_spam", "num_forwarded", "num_blocked", "num_replied",
  "num_spam", "description" }
local ALL = { id = true, address = true, subdomain = true, domain = true, full_address = true, enabled = true,
  block_spam = true, description = true, created_time = true, updated_time = true, num_forwarded = true,
  num_blocked = true, num_replied = true, num_spam = true }

local function columns(text)
  local list = {}
  for part in (text .. ","):gmatch "([^,]*)," do
    local name = part:match "^ *(.-) *$"
    if not ALL[name] then
      local near = core.nearest(name, ALL)
      return nil, ("'%s' is not a field of an alias%s"):format(name, near and ("; did you mean %s?"):format(near) or "")
    end
    list[#list + 1] = name
  end
  return list
end

local function list(context, arguments)
  local holds = arguments.where and condition.read(arguments.where)
  local writer = context:writer { columns = COLUMNS, chosen = arguments.columns }
  for address in context:client("locker").addresses:each() do
    if not holds or holds(address) then writer:row(address) end
  end
end

-- Those that are given by their full addresses.
local function look_up(context, texts)
  local by_text = {}
  local named = {}
  for _, text in ipairs(texts) do
    if which.kind_of(text) == "full_address" then named[#named + 1] = text end
  end
  if #named == 0 then return by_text end
  for _, address in ipairs((context:check(context:client("locker").addresses:all()))) do
    for _, text in ipairs(named) do
      if which.new({ text }):has(address) then by_text[text] = address end
    end
  end
  return by_text
end

local function get(context, arguments)
  local addresses, counts = context:client("locker").addresses, tally.new()
  local found = look_up(context, arguments.id)
  local writer = context:writer { columns = COLUMNS, chosen = arguments.columns }
  for _, text in ipairs(arguments.id) do
    local address, err = found[text], nil
    if not address and which.kind_of(text) == "id" then address, err = addresses:get(text) end
    if address then
      counts:succeed()
      writer:row(address)
    else
      counts:fail(err or status.SOME_FAILED)
      context:complain(text, err or "there is no such alias")
    end
  end
  return counts:status()
end

return function(aliases, runs)
  local command = aliases:command("list", "List aliases.")
  command:option("--where", condition.HELP):argname "EXPR"
  command:option("--columns", "Only these fields, with commas between."):argname("LIST"):convert(columns)
  runs(command, list)

  command = aliases:command("get", "Show some aliases.")
  command:argument("id", "Number or full address."):args "+"
  command:option("--columns", "Only these fields, with commas between."):argname("LIST"):convert(columns)
  runs(command, get)
end
