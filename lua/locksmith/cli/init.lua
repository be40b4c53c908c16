--- The command `locksmith`.
---
--- Each is a file of its own, lua/locksmith/cli/commands/<name>.lua, whose name stands in COMMANDS of parser.lua. It
--- returns function(parser, runs), which declares the command at the parser of argparse and says what it does:
---
---     return function(parser, runs)
---       local plan = parser:command("plan", "Say what so many links would take.")
---       plan:argument("n", "how many links")
---       runs(plan, function(context, arguments) … return status end)
---     end
---
--- `context` (context.lua) has clients, output and messages; `arguments` what was typed, by argparse's names; status
--- is one of status.lua, nil for "done". Whatever goes wrong is raised: an error object of the library by
--- `context:check(client:method(…))`, a mistake of the user by `status.usage(message)`.

local version = require "locksmith.version"

local cli = {}

-- Only what a command needs is loaded: cron jobs start it often.
local function carry_out(arguments)
  require("locksmith.core").hold_descriptors()
  local parsed, help = require("locksmith.cli.parser").parse(arguments)
  local context = require("locksmith.cli.context").new(parsed or {})
  if help then
    context:print(help)
    return nil
  end
  local ok, result = context:carry_out(parsed.work)
  if not ok then error(result, 0) end
  return result
end

--- Carries out what was typed. Raises nothing.
---@param arguments string[]
---@return integer # the exit status
function cli.run(arguments)
  if arguments[1] == "--version" and io.write("locksmith ", version, "\n") and io.stdout:flush() then return 0 end
  local ok, result = pcall(carry_out, arguments)
  if ok and (result or 0) == 0 then return 0 end
  local there, status = pcall(require, "locksmith.cli.status")
  if there then return status.of(ok, result) end
  io.stderr:write("locksmith: it is not whole: ", tostring(status):match "^[^\n]*", "\n")
  return 6
end

return cli
