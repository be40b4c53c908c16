--- Starts Redis servers for specs, on a socket of their own; they end when the test process does.

local missing = require "spec.support.missing"
local shell = require "spec.support.shell"

local redis = {}

local Server = {}
Server.__index = Server

local function output_of(command)
  return (shell.output(command))
end

-- Debian has lua-redis, which is plain Lua, not for every version.
local PLACES = ";/usr/share/lua/5.3/?.lua;/usr/share/lua/5.1/?.lua"

--- Makes `require "redis"` find lua-redis where another version's folder has it.
---@return boolean # whether it and LuaSocket can be loaded
function redis.find_library()
  if pcall(require, "redis") then return (pcall(require, "socket")) end
  local own = package.path
  package.path = own .. PLACES
  local found = pcall(require, "redis")
  package.path = own
  return found and (pcall(require, "socket"))
end

--- Why specs that need a real Redis cannot run here.
---@return string? reason
function redis.missing()
  if output_of("command -v redis-server >/dev/null && command -v redis-cli >/dev/null; echo $?") ~= "0\n" then
    return "needs redis-server and redis-cli"
  end
  if not redis.find_library() then return "needs the modules redis (lua-redis) and socket (LuaSocket)" end
end

--- Declares that a spec file needs a real Redis.
---@param name string what the file describes
---@return boolean # whether the specs can run; if not, one pending test says why
function redis.usable(name)
  return (missing.declare(name, redis.missing(), 2))
end

--- Starts a server.
---@param options string? more words of redis-server's command line
---@return table server `{ unix, pid }`
function redis.start(options)
  local folder = shell.folder "redis"
  local self = setmetatable({ folder = folder, unix = folder .. "/redis.sock", options = options or "" }, Server)
  self:restart()
  return self
end

--- Starts the server again after kill(), with whatever it kept on disk.
function Server:restart()
  local handle, lines, line = shell.start(("spec/support/redis-run %s %s"):format(shell.quote(self.folder),
    self.options))
  if not handle then error("redis-server did not start", 2) end
  lines:close()
  self.handle, self.pid = handle, tonumber(line:match "^redis (%d+)$")
end

--- Ends the server without a chance to save anything.
function Server:kill()
  if not self.handle then return end
  self.handle:write "end\n"
  self.handle:close()
  self.handle = nil
end

--- A connected client of lua-redis.
function Server:connect()
  local unix = require "socket.unix"
  local socket = (type(unix) == "table" and unix.stream or unix)()
  assert(socket:connect(self.unix))
  return require("redis").connect { socket = socket }
end

--- Runs one command of redis-cli.
---@param command string
---@return string # the output
function Server:cli(command)
  return (output_of(("redis-cli -s %s %s 2>&1"):format(shell.quote(self.unix), command)):gsub("\n$", ""))
end

--- Holds the server up, as a machine that went away does, until resume().
function Server:suspend()
  os.execute("kill -STOP " .. self.pid)
end

function Server:resume()
  os.execute("kill -CONT " .. self.pid)
end

--- Ends the server and removes its folder. May be called twice.
function Server:stop()
  if not self.pid then return end
  self:kill()
  self.pid = nil
  os.execute("rm -rf " .. shell.quote(self.folder))
end

return redis
