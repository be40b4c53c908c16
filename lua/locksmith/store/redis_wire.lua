--- Stands between a client library of Redis and its socket, so that a reply ends in time and takes no more memory than
--- one of ours can, whatever is sent in its place.

local core = require "locksmith.core"
local wire = require "locksmith.wire"

local redis_wire = {}

-- All slots of a history take less than half of it.
local REPLY_MAX = 1024 * 1024
local TOO_MUCH = "the reply is larger than any of ours can be"
local NO_REPLY = "what came is no reply of Redis"

---@class locksmith.RedisWire
---@field socket table
---@field ends number when the command must be done
local RedisWire = {}

-- What else the library asks of the socket.
function RedisWire.__index(self, name)
  local own = rawget(RedisWire, name)
  if own then return own end
  if type(self.socket[name]) ~= "function" then return nil end
  return function(_, ...) return self.socket[name](self.socket, ...) end
end

local function left(self)
  return math.max(0.001, self.ends - core.now())
end

local blocking, cosocket = {}, {}

-- LuaSec says what it wants in the place of "timeout".
local function plain(message)
  return (message == "wantread" or message == "wantwrite") and "timeout" or message
end

function blocking.hurry(self)
  self.socket:settimeout(nil)
  self.socket:settimeout(left(self), "t")
end

function blocking.pull(self, most)
  blocking.hurry(self)
  local first, message = self.socket:receive(1)
  if not first or most == 1 then return first, plain(message) end
  self.socket:settimeout(0)
  local rest, _, partial = self.socket:receive(most - 1)
  return first .. (rest or partial or "")
end

function cosocket.hurry(self)
  self.socket:settimeout(math.ceil(left(self) * 1000))
end

function cosocket.pull(self, most)
  cosocket.hurry(self)
  if self.socket.receiveany then return self.socket:receiveany(most) end
  return self.socket:receive(1)
end

local function new(socket, kind, ends)
  local self = setmetatable({ socket = socket, kind = kind, ends = ends, lists = 0 }, RedisWire)
  self.wire = wire.new(function(most) return kind.pull(self, most) end, REPLY_MAX, TOO_MUCH)
  return self
end

--- Over a socket of LuaSocket.
---@param socket table
---@param ends number
---@return locksmith.RedisWire
function redis_wire.blocking(socket, ends)
  return new(socket, blocking, ends)
end

--- Over a cosocket of nginx.
---@param socket table
---@param ends number
---@return locksmith.RedisWire
function redis_wire.cosocket(socket, ends)
  return new(socket, cosocket, ends)
end

--- Makes ready for a command.
---@param ends number Unix seconds
function RedisWire:begin(ends)
  self.ends, self.lists, self.wire.left = ends, 0, REPLY_MAX
end

---@return boolean # nothing has come that no command asked for
function RedisWire:is_clean()
  if self.wire:pending() > 0 then return false end
  if self.kind == cosocket then return true end -- nginx looks itself
  self.socket:settimeout(0)
  local _, message = self.socket:receive(1)
  return plain(message) == "timeout"
end

function RedisWire:connect(...)
  self.kind.hurry(self)
  return self.socket:connect(...)
end

function RedisWire:sslhandshake(...)
  self.kind.hurry(self)
  return self.socket:sslhandshake(...)
end

function RedisWire:send(data)
  self.kind.hurry(self)
  return self.socket:send(data)
end

-- The libraries believe what a length says, and go as deep as lists in lists do.
local function check(self, line)
  local mark = line:byte()
  if mark == 36 or mark == 42 then -- "$" and "*"
    local size = tonumber(line:match "^.(%-?%d+)$")
    if not size or size < -1 then return NO_REPLY end
    if size > self.wire.left then return TOO_MUCH end
    if mark == 36 then return nil end
    self.lists = self.lists + 1
    if self.lists > 1 then return NO_REPLY end
    if size * 4 > self.wire.left then return TOO_MUCH end -- no member is shorter
  elseif mark == 58 then -- ":"
    if not line:find "^:%-?%d+$" then return NO_REPLY end
  elseif mark ~= 43 and mark ~= 45 then -- "+" and "-"
    return NO_REPLY
  end
end

function RedisWire:receive(what)
  if type(what) == "number" then return self.wire:exactly(what) end
  local line, message = self.wire:line()
  if not line then return nil, message end
  message = check(self, line)
  if message then return nil, message end
  return line
end

-- A time limit of the library's would be for one read of many.
function RedisWire.settimeout()
  return true
end

function RedisWire:setkeepalive(...)
  if not self:is_clean() then
    self.socket:close()
    return nil, "something came that was not asked for"
  end
  return self.socket:setkeepalive(...)
end

-- What lua-redis calls at its end.
function RedisWire:shutdown()
  return self.socket:close()
end

return redis_wire
