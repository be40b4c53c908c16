--- What can be typed: the options of every command, and the commands, of which only those that may be meant are loaded.

local status = require "locksmith.cli.status"

local parser = {}

-- In the order of the help.
local COMMANDS = { "links", "quota", "plan", "aliases", "subdomains", "key", "status", "sandbox", "completion" }

local function seconds(text)
  local number = require("locksmith.ascii").number(text)
  if number and number > 0 and number < math.huge then return number end
  return nil, ("'%s' is not a number of seconds"):format(text)
end

local function declare_options(root)
  root:option("--key-file", "File that holds the key, or lines that name keys as the environment does. " ..
    "'-' is standard input."):argname "FILE"
  root:option("--base-url", "Where the service is, if not at its usual address."):argname "URL"
  root:option("--timeout", "Deadline of a call, waits included."):argname("SECONDS"):convert(seconds)
  root:option("--store", "Where windows and quota are kept: file:PATH, redis://HOST[:PORT][/DB] or memory. " ..
    "Without it, a file of this user, for all processes of the machine."):argname "STORE"
  root:flag("--json", "Print one JSON object a line.")
  root:flag("-n --dry-run", "Say what would be sent, and send nothing but reads.")
  root:flag("-q --quiet", "Print results and errors only.")
  root:flag("-v --verbose", "Tell of each request, retry and wait, on standard error.")
  root:flag("--version", "Print the version."):action(function(result) result.version = true end)
end

local EPILOG = [[
Keys come from LOCKPUB_API_KEY and LOCKER_API_KEY, or --key-file.
Exit status: 0 done, 1 some rows failed, 2 usage, 3 key missing or refused,
4 quota, plan or limit, 5 outcomes left unknown, 6 network or service failure,
130 interrupted. Everything done is kept.]]

local function argparse()
  local ok, loaded = pcall(require, "argparse")
  if ok then return loaded end
  if not tostring(loaded):find("not found", 1, true) then error(loaded, 0) end
  status.fail(status.SERVICE,
    "the Lua module argparse is not here: luarocks install argparse, or on Debian and Ubuntu apt install lua-argparse")
end

--- Calls for it and everything below it.
local function each_command(command, visit)
  visit(command)
  for _, inner in ipairs(command._commands) do each_command(inner, visit) end
end

--- Which commands may be meant by the arguments; all of them where none is named.
local function named(arguments)
  local typed, found = {}, {}
  for _, word in ipairs(arguments) do typed[word] = true end
  if typed["-h"] or typed["--help"] then return COMMANDS end
  for _, name in ipairs(COMMANDS) do
    if typed[name] then found[#found + 1] = name end
  end
  return #found > 0 and found or COMMANDS
end

--- Makes the parser.
---@param commands string[]? all, if not given
---@return table # of argparse; what is parsed with it has `work`, the function of the command
function parser.new(commands)
  local root = argparse()("locksmith", "Locker aliases and LOCK.PUB links, with nothing lost and nothing done twice.",
    EPILOG)
  root:help_max_width(100):help_description_margin(30):usage_max_width(90)
  declare_options(root)
  local function runs(command, work)
    command:action(function(result) result.work = result.work or work end)
  end
  for _, name in ipairs(commands or COMMANDS) do require("locksmith.cli.commands." .. name)(root, runs) end
  return root
end

--- Reads what was typed. Mistakes in it end the command.
---@param arguments string[]
---@return table? parsed
---@return string? text what is to be printed instead
function parser.parse(arguments)
  local root, asked = parser.new(named(arguments)), nil
  each_command(root, function(command)
    -- Beside others, the first sentence is enough.
    command._summary = command._summary or (command._description or ""):match "^(.-%.) "
    command:add_help {
      action = function()
        asked = command
        error "help"
      end,
    }
  end)
  root:require_command(false)
  local ran, fine, result = pcall(root.pparse, root, arguments)
  if asked then return nil, asked:get_help() .. "\n" end
  if not ran then error(fine, 0) end
  if not fine then status.usage((tostring(result):gsub("\nDid", "; did"))) end
  if result.version then return nil, "locksmith " .. require "locksmith.version" .. "\n" end
  if not result.work then status.usage "a command is required; locksmith --help lists them" end
  return result
end

return parser
