--- The Locker key.

local lifetime = require "locksmith.cli.lifetime"
local moment = require "locksmith.cli.moment"
local status = require "locksmith.cli.status"

local COLUMNS = { "user", "scope", "token_type", "created_time", "expired_time", "left" }

local function info(context)
  local claims, now = context:check(context:client("locker"):key_info()), moment.now()
  local ends = lifetime.ends(claims)
  claims.seconds_left = ends and ends - now
  claims.left = ends and lifetime.text(ends, now)
  context:record(COLUMNS, claims)
  if not ends or ends > now then return end
  context:say "the key has expired"
  return status.KEY
end

return function(parser, runs)
  local key = parser:command("key", "Show what the Locker key says of itself.")
  key:require_command(true)
  runs(key:command("info", "Show the key's claims, and what is left of its life. Asks nobody."), info)
end
