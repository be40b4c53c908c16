--- C modules that only specs need, built for the Lua that runs them.

local process = require "spec.support.process"
local shell = require "spec.support.shell"

local compiled = {}

--- Builds spec/support/NAME.c into a folder.
---@param name string
---@param folder string
---@return boolean? built nil where there is no compiler or there are no headers; raises when the compiler fails
function compiled.build(name, folder)
  if select(2, shell.output "command -v ${CC:-cc} >/dev/null") ~= 0 then return nil end
  local found = shell.output("csrc/make/luas.sh " .. shell.quote(process.interpreter()) .. " 2>/dev/null")
  local flags = found:match "^%S+ %S+ ?([^\n]*)"
  if not flags then return nil end
  local output, status = shell.output(("${CC:-cc} -O1 -shared -fPIC %s -o %s/%s.so spec/support/%s.c 2>&1")
    :format(flags:gsub(",", " "), shell.quote(folder), name, name))
  if status ~= 0 then error(output) end
  return true
end

return compiled
