-- Spec-side handle of a name server on loopback (spec/support/names_server.lua), for nginx's resolver directive.
local process = require "spec.support.process"

local Names = {}
Names.__index = Names

local names = {}

---Starts a name server.
---@param list table of names that are 127.0.0.1
---@return table names with `port`
function names.start(list)
  local server = process.start("spec/support/names_server.lua", "/__names__/", { names = table.concat(list, ",") })
  return setmetatable({ server = server, port = server.port }, Names)
end

---@return table # the names it was asked for, in their order
function Names:asked()
  return self.server:call("GET", "asked", nil, 2)
end

function Names:stop()
  self.server:stop()
end

return names
