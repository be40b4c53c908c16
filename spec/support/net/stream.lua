-- A buffered, non-blocking socket that yields to the loop instead of waiting.
local loop = require "spec.support.net.loop"

local READ_SIZE = 65536

local Stream = {}
Stream.__index = Stream

local stream = {}

---@param sock table LuaSocket TCP client
---@return table stream
function stream.wrap(sock)
  sock:settimeout(0)
  sock:setoption("tcp-nodelay", true)
  return setmetatable({ sock = sock, buffer = "", closed = false }, Stream)
end

---Opens a TCP connection.
---@param host string
---@param port integer
---@param timeout number seconds
---@return table|nil stream
---@return string|nil err
function stream.connect(host, port, timeout)
  local socket = require "socket"
  local sock = socket.tcp()
  sock:settimeout(0)
  local ok, err = sock:connect(host, port)
  if not ok and err == "timeout" then
    loop.wait(sock, "write", loop.now() + timeout)
    ok = sock:getpeername()
  end
  if not ok then
    sock:close()
    return nil, err
  end
  return stream.wrap(sock)
end

---Reads whatever has arrived into the buffer, waiting for at least one byte.
---@param timeout? number seconds
---@return boolean|nil ok
---@return "closed"|"timeout"|nil err
function Stream:fill(timeout)
  local deadline = timeout and loop.now() + timeout
  while not self.closed do
    local data, err, partial = self.sock:receive(READ_SIZE)
    data = data or partial
    if data and #data > 0 then
      self.buffer = self.buffer .. data
      return true
    end
    if err ~= "timeout" then return nil, "closed" end
    if not loop.wait(self.sock, "read", deadline) and not self.closed then return nil, "timeout" end
  end
  return nil, "closed"
end

---@param mark string plain text that ends the piece
---@param limit integer largest accepted size in bytes
---@return string|nil text up to and including the mark
---@return string|nil err
function Stream:read_until(mark, limit)
  local from = 1
  while true do
    local _, last = self.buffer:find(mark, from, true)
    if last then
      local text = self.buffer:sub(1, last)
      self.buffer = self.buffer:sub(last + 1)
      return text
    end
    if #self.buffer > limit then return nil, "too large" end
    from = math.max(#self.buffer - #mark + 2, 1)
    local ok, err = self:fill()
    if not ok then return nil, err end
  end
end

---@param size integer bytes
---@return string|nil data
---@return string|nil err
---@return string|nil partial what arrived before the error
function Stream:read_exact(size)
  local parts, have = {}, 0
  while true do
    local piece = self.buffer:sub(1, size - have)
    self.buffer = self.buffer:sub(#piece + 1)
    parts[#parts + 1] = piece
    have = have + #piece
    if have == size then return table.concat(parts) end
    local ok, err = self:fill()
    if not ok then return nil, err, table.concat(parts) end
  end
end

---@return string data everything up to the end of the connection
function Stream:read_to_close()
  local parts = {}
  repeat
    parts[#parts + 1] = self.buffer
    self.buffer = ""
  until not self:fill()
  return table.concat(parts)
end

---@param data string
---@return boolean ok false when the peer has gone
function Stream:write(data)
  local at = 1
  while at <= #data do
    if self.closed then return false end
    local last, err, partial = self.sock:send(data, at)
    if last then return true end
    if err ~= "timeout" then return false end
    at = partial + 1
    if at <= #data then loop.wait(self.sock, "write") end
  end
  return true
end

---Waits for the peer to close; bytes it sends meanwhile stay in the buffer.
---@param seconds number
---@return boolean gone
function Stream:wait_gone(seconds)
  local deadline = loop.now() + seconds
  while true do
    local ok, err = self:fill(math.max(deadline - loop.now(), 0))
    if not ok then return err == "closed" end
  end
end

---Whether the peer has closed or sent something unasked; neither leaves an idle connection usable.
---@return boolean
function Stream:is_stale()
  if self.closed or #self.buffer > 0 then return true end
  local data, err, partial = self.sock:receive(1)
  return data ~= nil or err ~= "timeout" or #(partial or "") > 0
end

---Closes with FIN, or with RST when `how` is "rst".
---@param how? "fin"|"rst"
function Stream:close(how)
  if self.closed then return end
  self.closed = true
  if how == "rst" then self.sock:setoption("linger", { on = true, timeout = 0 }) end
  self.sock:close()
  loop.cancel(self.sock)
end

return stream
