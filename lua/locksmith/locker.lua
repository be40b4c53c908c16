--- The Locker Private Email client: e-mail aliases and subdomains.

local Error = require "locksmith.error"
local addresses = require "locksmith.addresses"
local client = require "locksmith.client"
local options = require "locksmith.options"
local subdomains = require "locksmith.subdomains"

local methods = {}

--- The claims of the key: user, created_time, expired_time (Unix seconds), scope, token_type. Does no I/O, but asks a
--- key function that was not asked yet.
function methods.key_info(task)
  local claims, kind, message = task.session:key_claims()
  if not claims then return nil, Error.refused(kind, message, "locker.key_info") end
  local copy = {}
  for name, value in pairs(claims) do copy[name] = value end
  return copy
end

local module = {}

module.new = client.class("locker", methods, function(session)
  return { addresses = addresses.new(session), subdomains = subdomains.new(session) }
end)

module.options = options.CLIENT

return module
