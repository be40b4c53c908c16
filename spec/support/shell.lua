--- Shell commands and files, for specs and helpers.

local shell = {}

---@param text string|number
---@return string # one word of a shell command
function shell.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- Lua 5.1 does not tell how a command ended.
local tells = not rawget(_G, "setfenv")

--- Runs a command.
---@param command string
---@return string output
---@return integer exit status; 128 and more for a signal
function shell.output(command)
  if tells then
    local pipe = assert(io.popen(command))
    local text = pipe:read "*a"
    local _, how, code = pipe:close()
    return text, how == "signal" and 128 + code or code
  end
  local pipe = assert(io.popen("(" .. command .. "\n); echo \" $?\""))
  local text, status = pipe:read("*a"):match "^(.*) (%d+)\n$"
  pipe:close()
  return text, tonumber(status)
end

--- Starts a command that reads what is written to the result and answers in lines. It is told to end by the end of its
--- input: by closing the first result, or by the end of this process.
---@param command string
---@return userdata? handle its input; nil when it did not start
---@return userdata? lines its output
---@return string? line the first it wrote
function shell.start(command)
  local fifo = os.tmpname()
  os.remove(fifo)
  os.execute("mkfifo " .. shell.quote(fifo))
  -- The settings of the Lua under test must not reach another.
  local handle = assert(io.popen(("unset LUA_PATH LUA_CPATH LUA_INIT; exec %s >%s"):format(command, fifo), "w"))
  local lines = assert(io.open(fifo, "r"))
  local line = lines:read "*l"
  os.remove(fifo)
  if line then return handle, lines, line end
  lines:close()
  handle:close()
end

local has_socket, socket = pcall(require, "socket")

--- Waits, if it can without a process for it.
---@param seconds number
function shell.sleep(seconds)
  if has_socket then return socket.sleep(seconds) end
  os.execute(("sleep %.3f"):format(seconds))
end

--- Polls until a condition holds.
---@param condition fun(): boolean
---@return boolean held false after some seconds
function shell.eventually(condition)
  for _ = 1, 250 do
    if condition() then return true end
    shell.sleep(0.02)
  end
  return false
end

--- Whether a process is there. A zombie is gone, whether or not anybody asks what became of it.
---@param pid integer
---@return boolean
function shell.alive(pid)
  local state = shell.read(("/proc/%d/stat"):format(pid)):match "%) (%a)"
  if not state and not io.open "/proc/self/stat" then
    return select(2, shell.output(("kill -0 %d 2>/dev/null"):format(pid))) == 0
  end
  return state ~= nil and state ~= "Z" and state ~= "X"
end

---@param path string
---@return string # its content, "" when it cannot be read
function shell.read(path)
  local handle = io.open(path, "rb")
  if not handle then return "" end
  local text = handle:read "*a"
  handle:close()
  return text
end

---@param path string
---@param text string
function shell.write(path, text)
  local handle = assert(io.open(path, "wb"))
  handle:write(text)
  handle:close()
end

--- Makes a folder of its own for a test.
---@param name string
---@return string path
function shell.folder(name)
  return (shell.output(('mktemp -d "${TMPDIR:-/tmp}/locksmith-%s.XXXXXX"'):format(name)):gsub("\n$", ""))
end

return shell
