--- A connection that is read and written in pieces, where waiting lets the loop serve others.

local stream = {}
stream.__index = stream

local READ_BYTES = 65536

---@param loop table
---@param sock table a TCP client of LuaSocket
---@return table
function stream.new(loop, sock)
  sock:settimeout(0)
  sock:setoption("tcp-nodelay", true)
  return setmetatable({ loop = loop, sock = sock, buffer = "" }, stream)
end

--- Adds to the buffer what has arrived, at least one byte.
---@param deadline number as `loop.now`
---@return boolean ok
---@return "closed"|"timeout"|nil problem
function stream:fill(deadline)
  while true do
    local data, problem, partial = self.sock:receive(READ_BYTES)
    data = data or partial
    if data and data ~= "" then
      self.buffer = self.buffer .. data
      return true
    end
    if problem ~= "timeout" then return false, "closed" end
    if not self.loop:wait(self.sock, "read", deadline) then return false, "timeout" end
  end
end

--- Takes the bytes up to and including a mark.
---@param mark string
---@param limit integer bytes
---@param deadline number
---@return string? text
---@return "closed"|"timeout"|"too large"|nil problem
function stream:take_until(mark, limit, deadline)
  local from = 1
  while true do
    local _, last = self.buffer:find(mark, from, true)
    if (last or #self.buffer) > limit then return nil, "too large" end
    if last then return self:take(last, deadline) end
    from = math.max(1, #self.buffer - #mark + 2)
    local ok, problem = self:fill(deadline)
    if not ok then return nil, problem end
  end
end

--- Takes so many bytes.
---@param size integer
---@param deadline number
---@return string? bytes
---@return "closed"|"timeout"|nil problem
function stream:take(size, deadline)
  local parts, missing = {}, size
  while true do
    local part = self.buffer:sub(1, missing)
    parts[#parts + 1] = part
    self.buffer = self.buffer:sub(#part + 1)
    missing = missing - #part
    if missing == 0 then return table.concat(parts) end
    local ok, problem = self:fill(deadline)
    if not ok then return nil, problem end
  end
end

---@param bytes string
---@param deadline number
---@return boolean ok false when the other side has gone or takes too long
function stream:send(bytes, deadline)
  local at = 1
  while at <= #bytes do
    local last, problem, sent = self.sock:send(bytes, at)
    if not last and problem ~= "timeout" then return false end
    at = (last or sent) + 1
    if not last and not self.loop:wait(self.sock, "write", deadline) then return false end
  end
  return true
end

--- Waits, unless the other side leaves before.
---@param limit integer bytes kept of what it sends meanwhile
---@param deadline number
---@return boolean here
function stream:stay(limit, deadline)
  while self.loop.now() < deadline do
    if #self.buffer > limit then
      self.loop:wait(nil, nil, deadline)
    else
      local _, problem = self:fill(deadline)
      if problem == "closed" then return false end
    end
  end
  return true
end

--- Says that no more comes, and lets the other side take what did before it closes.
---@param deadline number
function stream:finish(deadline)
  self.sock:shutdown "send"
  repeat self.buffer = "" until not self:fill(deadline)
end

return stream
