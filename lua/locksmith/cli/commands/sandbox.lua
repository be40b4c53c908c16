--- Both services on this machine, to try things with.

local status = require "locksmith.cli.status"

local function port(text)
  local number = require("locksmith.ascii").number(text)
  if number and number >= 0 and number <= 65535 and number % 1 == 0 then return number end
  return nil, ("'%s' is not a port"):format(text)
end

local function announce(context, url)
  local sandbox = require "locksmith.sandbox"
  if context.json then
    return context:record({ "base_url", "lockpub_api_key", "locker_api_key" },
      { base_url = url, lockpub_api_key = sandbox.LOCKPUB_KEY, locker_api_key = sandbox.LOCKER_KEY })
  end
  context:print(("sandbox on %s\nexport LOCKPUB_API_KEY=%s\nexport LOCKER_API_KEY=%s\n"):format(url,
    sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY))
  context:say(("both services are there: locksmith --base-url %s status"):format(url))
end

return function(parser, runs)
  local command = parser:command("sandbox", "Serve both services on this machine, with people and links that are " ..
    "made up, until Ctrl-C. Prints where, and the keys to use.")
  command:option("--port", "On which port; 0 takes a free one."):argname("PORT"):convert(port):default "8787"
  command:option("--plan", "Which plan of Locker the account has."):choices { "premium", "free" }:default "premium"
  runs(command, function(context, arguments)
    local ended, problem = require("locksmith.sandbox.server").run { port = arguments.port, plan = arguments.plan,
      announce = function(url) announce(context, url) end }
    if not ended then status.fail(status.SERVICE, problem) end
  end)
end
