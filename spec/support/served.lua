-- Serves a sandbox for spec/support/server.lua, until its parent has gone.
-- usage: lua served.lua PARENT OPTIONS       the options as JSON
local root = arg[0]:match "^(.*)spec/support/[^/]+$" or "./"
package.path = root .. "lua/?.lua;" .. root .. "lua/?/init.lua;" .. package.path

local options = require "locksmith.sandbox.json".decode(arg[2])
options.parent = tonumber(arg[1])
local ended, problem = require "locksmith.sandbox.server".run(options)
if not ended then
  io.stderr:write(problem, "\n")
  os.exit(1)
end
