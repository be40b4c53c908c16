--- Stands between lua-resty-http and its cosocket: everything that is received counts, wherever it stands, and what the
--- library would stumble over is put right or refused. The library reads heads without end, takes a line that goes on
--- for the end of the head and an interim answer for the final one, knows no chunk extensions, leaves trailers in the
--- connection, and does not look at the ends of chunks. Here, too, is the end of the time that all of it may take: the
--- timeouts of sockets begin anew with every byte.

local core = require "locksmith.core"
local wire = require "locksmith.wire"

local guard = {}

guard.HEADERS_MAX = 256 * 1024
guard.TOO_MUCH = "the headers of the answer are larger than 256 KiB"
guard.TOO_MUCH_BODY = "the answer is larger than max_response_bytes"

local NO_HEAD = "couldn't parse the head of the answer"
local NO_CHUNK = "unable to read chunksize"
local NO_TRAILER = "couldn't parse the trailers of the answer"

local function milliseconds(seconds)
  return math.max(1, math.ceil(seconds * 1000)) -- 0 would mean nginx's own default
end

guard.milliseconds = milliseconds

---@class locksmith.Guard
---@field real table the cosocket
---@field problem string? what was wrong with a piece whose errors the library does not look at
---@field lines string[]? of the head, from the next one on
---@field chunk integer? what is left of the present chunk; nil where there are none
---@field stopped string|false why nothing more was received, where the library may not tell
---@field heard boolean something came
---@field ends number by core.now: what is received later is a timeout
---@field awaited boolean a body is to follow what is sent next
---@field held string|false what waits for it, so that both leave in one piece
local Guard = {}
Guard.__index = Guard

--- Puts itself between lua-resty-http and its socket.
---@param client table of lua-resty-http, not yet connected
---@param ends number by core.now
---@return locksmith.Guard? # nil where this release keeps its socket elsewhere
function guard.wrap(client, ends)
  local real = rawget(client, "sock")
  if type(real) ~= "table" then return nil end
  local self
  local function pull(most)
    local left = self.ends - core.now()
    if left <= 0 then return nil, "timeout" end
    real:settimeout(milliseconds(left))
    local data, message
    if real.receiveany then data, message = real:receiveany(most) else data, message = real:receive(1) end
    if data then self.heard = true end
    return data, message
  end
  self = setmetatable({
    real = real, lines = false, chunk = false, problem = false, in_head = true, ends = ends,
    awaited = false, held = false, stopped = false, heard = false,
    wire = wire.new(pull, guard.HEADERS_MAX, guard.TOO_MUCH),
  }, Guard)
  client.sock = self
  return self
end

--- An answer is to come, to a request that is to be sent.
---@param ends number by core.now
---@param has_body boolean the request has one
function Guard:expect(ends, has_body)
  self.ends, self.awaited = ends, has_body
  self.lines, self.chunk, self.problem, self.in_head, self.stopped = false, false, false, true, false
  self.heard = false
  self.wire.left, self.wire.too_much = guard.HEADERS_MAX, guard.TOO_MUCH
end

--- The head is through. What frames the body may be as large as the body.
---@param maximum integer bytes
function Guard:lift(maximum)
  self.in_head = false
  self.wire.left, self.wire.too_much = 2 * maximum + guard.HEADERS_MAX, guard.TOO_MUCH_BODY
end

--- Reads lines up to the empty one into a list; a line that begins with a blank belongs to the one before.
local function read_fields(self, lines, problem)
  local first, folded = #lines, nil
  while true do
    local line, message = self.wire:line()
    if not line then return nil, message end
    local byte, count = line:byte(), #lines
    if byte == 32 or byte == 9 then -- blanks
      if count == first then return nil, problem end
      folded = folded or { lines[count] }
      folded[#folded + 1] = line:match "^[ \t]*(.*)$"
    else
      if folded then lines[count], folded = table.concat(folded, " "), nil end
      if line == "" then return lines end
      if (line:find(":", 1, true) or 0) < 2 then return nil, problem end
      lines[count + 1] = line
    end
  end
end

-- A switch of protocols is no interim answer.
local function is_interim(line)
  return line:find "^HTTP/1%.%d 1%d%d" ~= nil and not line:find "^HTTP/1%.%d 101"
end

local function read_head(self)
  while true do
    local line, message, partial = self.wire:line()
    if not line then
      if partial and partial ~= "" and partial:sub(1, 5) ~= ("HTTP/"):sub(1, #partial) then return nil, NO_HEAD end
      return nil, message
    end
    if not line:find "^HTTP/%d%.%d %d%d%d" then return nil, NO_HEAD end
    local lines
    lines, message = read_fields(self, { line }, NO_HEAD)
    if not lines then return nil, message end
    if not is_interim(line) then
      lines[#lines + 1] = ""
      return lines
    end
  end
end

local function head_line(self)
  if not self.lines then
    local lines, message = read_head(self)
    if not lines then return nil, message end
    self.lines, self.next = lines, 1
  end
  local line = self.lines[self.next]
  self.next = self.next + 1
  if self.next > #self.lines then self.lines, self.in_head = false, false end
  return line
end

--- The size of the next chunk, without what may follow it in its line.
local function chunk_line(self)
  local line, message = self.wire:line()
  if not line then return nil, message end
  local size, rest = line:match "^(%x+)[ \t]*(.*)$"
  if not size or #size > 15 or rest ~= "" and rest:byte() ~= 59 then return nil, NO_CHUNK end
  self.chunk = tonumber(size, 16)
  self.is_last = self.chunk == 0
  return size
end

-- The library goes on without a look at what it gets here.
local function end_of_chunk(self)
  if not self.is_last then
    local data, message = self.wire:exactly(2)
    if data ~= "\r\n" then self.problem = data and NO_CHUNK or message end
  else
    local lines, message = read_fields(self, {}, NO_TRAILER)
    if not lines then self.problem = message end
  end
  self.chunk = false
  if self.problem then return nil, self.problem end
  return "\r\n"
end

function Guard:send(data)
  local held = self.held
  if self.awaited then
    self.awaited, self.held = false, data
    return #data
  end
  if not held then return self.real:send(data) end
  self.held = false
  return self.real:send { held, data }
end

function Guard:receive(what)
  if self.held then
    local sent, message = self:send ""
    if not sent then return nil, message end
  end
  if self.problem then return nil, self.problem end
  if type(what) ~= "number" then
    if self.in_head then return head_line(self) end
    return chunk_line(self)
  end
  if self.chunk == 0 then return end_of_chunk(self) end
  local data, message, partial = self.wire:exactly(what)
  if data and self.chunk then self.chunk = self.chunk - #data end
  if not data then self.stopped = message end
  return data, message, partial
end

function Guard:connect(...) return self.real:connect(...) end
function Guard:close() return self.real:close() end
function Guard:getreusedtimes() return self.real:getreusedtimes() end
function Guard:settimeout(...) return self.real:settimeout(...) end
function Guard:settimeouts(...) return self.real:settimeouts(...) end

function Guard:sslhandshake(...)
  if self.wire:pending() > 0 then return nil, "handshake: the proxy spoke before it" end
  self.real:settimeout(milliseconds(math.max(0, self.ends - core.now())))
  return self.real:sslhandshake(...)
end

function Guard:setkeepalive(...)
  if self.wire:pending() > 0 or self.problem then
    self.real:close()
    return nil, "something came that was not asked for"
  end
  return self.real:setkeepalive(...)
end

return guard
