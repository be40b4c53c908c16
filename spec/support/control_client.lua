-- Sends the requests it is told to, one after another, run as a process of its own (lua5.4 with LuaSocket) by
-- spec/support/control.lua. What it is told: a line "METHOD URL SECONDS HEAD BODY" with the lengths of header lines and
-- body, then both. What it says: a line "STATUS WHOLE HEAD BODY" and both; WHOLE is 0 when not all of the answer came,
-- and without any STATUS is 0 and the body says why.
local root = arg[0]:match "^(.*)spec/support/[^/]+$" or "./"
package.path = root .. "?.lua;" .. package.path

local http = require "spec.support.net.http"
local socket = require "socket"

--- A connection as spec/support/net/http reads it, but blocking.
local Connection = {}
Connection.__index = Connection

local function connect(host, port, seconds)
  local self = setmetatable({ sock = socket.tcp(), buffer = "", deadline = socket.gettime() + seconds }, Connection)
  self.sock:settimeout(seconds)
  local ok, problem = self.sock:connect(host, port)
  self.sock:settimeout(0)
  if ok then return self end
  self.sock:close()
  return nil, problem
end

function Connection:fill()
  while true do
    local data, problem, partial = self.sock:receive(65536)
    data = data or partial
    if data and data ~= "" then
      self.buffer = self.buffer .. data
      return true
    end
    if problem ~= "timeout" then return false, problem end
    local left = self.deadline - socket.gettime()
    if left <= 0 or not socket.select({ self.sock }, nil, left)[1] then return false, "timeout" end
  end
end

function Connection:take(size)
  local text = self.buffer:sub(1, size)
  self.buffer = self.buffer:sub(size + 1)
  return text
end

function Connection:read_until(mark, limit)
  while true do
    local _, last = self.buffer:find(mark, 1, true)
    if last then return self:take(last) end
    if #self.buffer > limit then return nil, "too large" end
    local ok, problem = self:fill()
    if not ok then return nil, problem end
  end
end

function Connection:read_exact(size)
  while #self.buffer < size do
    local ok, problem = self:fill()
    if not ok then return nil, problem, self:take(size) end
  end
  return self:take(size)
end

function Connection:read_to_close()
  local ok, problem
  repeat ok, problem = self:fill() until not ok
  self.late = problem == "timeout"
  return self:take(#self.buffer)
end

function Connection:send(text)
  local at = 1
  while at <= #text do
    local last, problem, sent = self.sock:send(text, at)
    if not last and problem ~= "timeout" then return end
    at = (last or sent) + 1
    local _, ready = socket.select(nil, { self.sock }, math.max(0, self.deadline - socket.gettime()))
    if not ready[1] then return end
  end
end

local function ask(method, url, seconds, head, body)
  local authority, path = url:match "^http://([^/]+)(.*)$"
  local host, port = authority:match "^(.-):(%d+)$"
  local connection, problem = connect(host or authority, tonumber(port or 80), seconds)
  if not connection then return 0, false, "", problem end
  local function has(name)
    return ("\n" .. head):lower():find("\n" .. name .. ":", 1, true) ~= nil
  end
  if not has "host" then head = "Host: " .. authority .. "\r\n" .. head end
  if body and has "transfer-encoding" then
    body = ("%x\r\n%s\r\n0\r\n\r\n"):format(#body, body)
  elseif body then
    head = head .. ("Content-Length: %d\r\n"):format(#body)
  end
  connection:send(("%s %s HTTP/1.1\r\n%s\r\n%s"):format(method, path == "" and "/" or path, head, body or ""))
  local response, partial
  response, problem, partial = http.read_response(connection, method)
  connection.sock:close()
  local got = response or partial
  if not got then return 0, false, "", problem end
  return got.status, response ~= nil and not connection.late, got.raw_head, got.body
end

print "ready"
io.stdout:flush()
for line in io.lines() do
  local method, url, seconds, head_size, size = line:match "^(%S+) (%S+) (%S+) (%d+) (%-?%d+)$"
  local head = head_size == "0" and "" or io.read(tonumber(head_size))
  local body = nil
  if tonumber(size) >= 0 then body = size == "0" and "" or io.read(tonumber(size)) end
  local status, whole, answer_head, answer = ask(method, url, tonumber(seconds), head, body)
  io.stdout:write(("%d %d %d %d\n"):format(status, whole and 1 or 0, #answer_head, #answer), answer_head, answer)
  io.stdout:flush()
end
