--- What specs start: Lua scripts with the interpreter under test, and test servers, which run with lua5.4 whatever
--- that is.

local cjson = require "cjson"
local control = require "spec.support.control"
local shell = require "spec.support.shell"

local Server = {}
Server.__index = Server

local process = {}

-- Lua 5.1 has no __gc for tables.
local newproxy = rawget(_G, "newproxy")

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/support/process%.lua$") or ""

local function on_collect(owner, finalize)
  if newproxy then
    owner.sentinel = newproxy(true)
    getmetatable(owner.sentinel).__gc = finalize
  else
    owner.sentinel = setmetatable({}, { __gc = finalize })
  end
end

local interpreter

--- The program that runs this process.
---@return string path
function process.interpreter()
  if not interpreter then
    interpreter = shell.output "readlink /proc/$PPID/exe":gsub("\n$", "") -- the shell's parent is this process
    local i = 0
    while arg[i - 1] do i = i - 1 end
    -- An emulator's program is not ours: what it runs is.
    if not interpreter:find "lua[^/]*$" then interpreter = arg[i] end
  end
  return interpreter
end

--- Runs a Lua script in a process of its own, with the interpreter and the paths of this one.
---@param script string path from the repository's root
---@param environment table<string, string> more variables
---@param ... string arguments
---@return string output of both kinds
---@return integer status
function process.run(script, environment, ...)
  local words = { "unset LUA_INIT;" }
  local variables = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
  for name, value in pairs(environment) do variables[name] = value end
  for name, value in pairs(variables) do words[#words + 1] = name .. "=" .. shell.quote(value) end
  words[#words + 1] = "exec"
  for _, word in ipairs { process.interpreter(), script, ... } do words[#words + 1] = shell.quote(word) end
  return shell.output(table.concat(words, " ") .. " 2>&1")
end

--- Starts the test server in `script` and waits until it has announced its ports. It ends with this process.
---@param script string path from the repository's root
---@param prefix string of the control endpoints, such as "/__proxy__/"
---@param options table option name -> value, passed as --name value
---@return table server with `ports`, `port` and `url`; raises if it does not start
function process.start(script, prefix, options)
  control.begin()
  local words = {}
  for name, value in pairs(options) do words[#words + 1] = "--" .. name .. " " .. shell.quote(value) end
  local handle, lines, line = shell.start("lua5.4 " .. shell.quote(root .. script) .. " " .. table.concat(words, " "))
  if lines then lines:close() end
  if not line then error(script .. " did not start (lua5.4 with LuaSocket and lua-cjson is needed)", 2) end
  local ports = {}
  for name, port in line:gmatch("(%w+)=(%d+)") do ports[name] = tonumber(port) end
  local state = { handle = handle, control_url = "http://127.0.0.1:" .. ports.control .. prefix }
  local server = setmetatable({
    state = state, ports = ports, port = ports.port, url = ports.port and "http://127.0.0.1:" .. ports.port,
  }, Server)
  on_collect(server, function() Server.stop { state = state } end)
  return server
end

--- Calls a control endpoint. Raises if the server refuses the call or is gone.
---@param method string
---@param name string
---@param value any sent as JSON
---@param level? integer error level as for `error`, seen from the caller
---@return any decoded answer
function Server:call(method, name, value, level)
  local body = nil
  if value ~= nil then body = cjson.encode(value) end
  local status, answer = control.ask(method, self.state.control_url .. name, body)
  if status ~= 200 then
    error(("test server: %s %s: %s %s"):format(method, name, tostring(status), answer), (level or 1) + 1)
  end
  return cjson.decode(answer)
end

--- Stops the server and waits until it has ended. May be called twice.
function Server:stop()
  local handle = self.state.handle
  if not handle then return end
  self.state.handle = nil
  -- Closing the pipe is not enough if a daemon inherited it.
  control.ask("POST", self.state.control_url .. "stop")
  handle:close()
end

return process
