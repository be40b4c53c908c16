-- Starts a test server as a child process and talks to its control endpoints with the curl command,
-- so that specs need neither LuaSocket nor a particular Lua.
local cjson = require "cjson"

local Process = {}
Process.__index = Process

local background = {}

-- Lua 5.1 has no __gc for tables.
local newproxy = rawget(_G, "newproxy")

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/support/background%.lua$") or ""

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function on_collect(owner, finalize)
  if newproxy then
    owner.sentinel = newproxy(true)
    getmetatable(owner.sentinel).__gc = finalize
  else
    owner.sentinel = setmetatable({}, { __gc = finalize })
  end
end

local function temporary_name()
  local name = os.tmpname()
  os.remove(name)
  return name
end

---Starts `script` with lua5.4 and waits until it has announced its ports.
---@param script string path from the repository's root
---@param prefix string of the control endpoints, such as "/__proxy__/"
---@param options table option name -> value, passed as --name value
---@return table process with `ports`; raises if the server does not start
function background.start(script, prefix, options)
  local fifo = temporary_name()
  -- The settings of the Lua under test must not reach the server's Lua.
  local words = { "exec env -u LUA_PATH -u LUA_CPATH -u LUA_INIT lua5.4", quote(root .. script) }
  for name, value in pairs(options) do
    words[#words + 1] = "--" .. name .. " " .. quote(value)
  end
  os.execute("mkfifo " .. quote(fifo))
  -- The server ends when its standard input does: with handle:close() or with this process.
  local handle = assert(io.popen(table.concat(words, " ") .. " > " .. quote(fifo), "w"))
  local ready = assert(io.open(fifo, "r"))
  local line = ready:read("*l")
  ready:close()
  os.remove(fifo)
  if not line then
    handle:close()
    error(script .. " did not start (lua5.4 with LuaSocket and lua-cjson is needed)", 2)
  end
  local ports = {}
  for name, port in line:gmatch("(%w+)=(%d+)") do ports[name] = tonumber(port) end
  local process = setmetatable({
    handle = handle, ports = ports, url = "http://127.0.0.1:" .. ports.port,
    control_url = "http://127.0.0.1:" .. ports.control .. prefix,
  }, Process)
  local state = { handle = handle, control_url = process.control_url }
  process.state = state
  on_collect(process, function() background.finish(state) end)
  return process
end

local function curl(method, url, body)
  local file
  local command = { "curl -q -sS --noproxy '*' --max-time 20 -X", method, "-w '\\n%{http_code}'", quote(url) }
  if body then
    local name = os.tmpname()
    file = assert(io.open(name, "wb"))
    file:write(body)
    file:close()
    command[#command + 1] = "-H 'Content-Type: application/json' -H Expect: --data-binary @" .. quote(name)
    file = name
  end
  command[#command + 1] = "2>&1"
  local pipe = assert(io.popen(table.concat(command, " "), "r"))
  local output = pipe:read("*a")
  pipe:close()
  if file then os.remove(file) end
  local answer, status = output:match("^(.*)\n(%d%d%d)$")
  return tonumber(status), answer or output
end

-- Asked to stop through the control port, because closing the pipe is not enough if a daemon inherited it.
function background.finish(state)
  if not state.handle then return end
  local handle = state.handle
  state.handle = nil
  curl("POST", state.control_url .. "stop")
  handle:close()
end

---Calls a control endpoint. Raises if the server refuses the call or is gone.
---@param method string
---@param name string
---@param value any sent as JSON
---@param level? integer error level as for `error`, seen from the caller
---@return any decoded answer
function Process:call(method, name, value, level)
  local body = nil
  if value ~= nil then body = cjson.encode(value) end
  local status, answer = curl(method, self.control_url .. name, body)
  if status ~= 200 then
    error(("test server: %s %s: %s %s"):format(method, name, tostring(status), answer), (level or 1) + 1)
  end
  return cjson.decode(answer)
end

---Stops the server and waits until it has ended. May be called twice.
function Process:stop()
  background.finish(self.state)
end

return background
