--- Words and output of shell commands.

local shell = {}

---@param text string
---@return string # one word of a command
function shell.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---@param command string
---@return string # what it wrote, without the line break at the end; "" when it did not start
function shell.output(command)
  local pipe = io.popen(command)
  if not pipe then return "" end
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("\n$", ""))
end

return shell
