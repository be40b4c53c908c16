--- Runs a Lua script in a process of its own, with the interpreter and the paths of this one.

local curl = require "spec.support.curl"

local child = {}

--- The program that runs this process.
---@return string path
function child.interpreter()
  local pipe = io.popen "readlink /proc/$PPID/exe" -- the shell's parent is this process
  local path = pipe:read "*l"
  pipe:close()
  if path and path ~= "" then return path end
  local i = 0
  while arg[i - 1] do i = i - 1 end
  return arg[i]
end

---@param script string path from the repository's root
---@param environment table<string, string> more variables
---@return string output of both kinds
---@return integer status
function child.run(script, environment)
  local words = { "env -u LUA_INIT" }
  local variables = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
  for name, value in pairs(environment) do variables[name] = value end
  for name, value in pairs(variables) do words[#words + 1] = curl.quote(name .. "=" .. value) end
  words[#words + 1] = curl.quote(child.interpreter()) .. " " .. curl.quote(script)
  local pipe = io.popen(table.concat(words, " ") .. " 2>&1; echo \"status $?\"")
  local output, status = pipe:read("*a"):match "^(.*)status (%d+)\n$"
  pipe:close()
  return output, tonumber(status)
end

return child
