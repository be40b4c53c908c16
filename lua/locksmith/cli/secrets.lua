--- What nobody else may see: it comes from a file, standard input or a prompt, never from an argument.

local core = require "locksmith.core"
local status = require "locksmith.cli.status"

local secrets = {}

local LONGEST = 1048576

-- Whose standard input was read already: it has one text only.
local taken

local function content(path, what)
  core.catch_signals() -- one ends a read that waits
  local file, problem = io.stdin
  if path ~= "-" then
    file, problem = io.open(path, "rb")
    if not file then status.usage(problem) end
  elseif taken then
    status.usage(("standard input cannot be %s and %s"):format(taken, what))
  else
    taken = what
  end
  local text
  text, problem = file:read(LONGEST + 1)
  if path ~= "-" then file:close() end
  if not text and problem then status.usage(("%s: %s"):format(path == "-" and "standard input" or path, problem)) end
  if not text or text == "" then status.usage(("%s is empty: %s was to be in it"):format(
    path == "-" and "standard input" or path, what)) end
  if #text > LONGEST then status.usage(path .. " is too long") end
  return text
end

--- What a file holds, without the end of its last line.
---@param path string "-" is standard input
---@param what string for messages, such as "the password"
---@return string
function secrets.read(path, what)
  return (content(path, what):gsub("\r?\n$", ""))
end

--- Asks at the terminal, without echo.
---@param prompt string
---@param instead string what to do where there is no terminal
---@return string
function secrets.ask(prompt, instead)
  if not core.is_terminal(0) then status.usage(instead) end
  core.catch_signals()
  local text, problem = core.read_secret(prompt)
  if not text then status.usage(("%s (%s)"):format(instead, problem)) end
  return text
end

--- The key of a service in a key file: all of it, or a line with the name of the environment's variable.
---@param path string
---@return table<string, string>|string # by variable, or the only one
function secrets.keys(path)
  local text = secrets.read(path, "the key"):gsub("^\239\187\191", "")
  local keys, any = {}, false
  for line in text:gmatch "[^\r\n]+" do
    local name, value = line:match "^[ \t]*([A-Z_]+_API_KEY)[ \t]*=[ \t]*(.-)[ \t]*$"
    if not name then name, value = line:match "^[ \t]*export[ \t]+([A-Z_]+_API_KEY)=(.-)[ \t]*$" end
    if name then keys[name], any = value:match [[^"(.*)"$]] or value:match "^'(.*)'$" or value, true end
  end
  return any and keys or text:match "^[ \t\r\n]*(.-)[ \t\r\n]*$"
end

return secrets
