--- Carries commands to Redis, by the client library that fits the place, each within a time limit.
---
--- A carrier is function(limit, method, ...) -> reply | nil, message, refused, untried: `limit` in seconds, `method` of
--- the client library, `refused` when Redis itself answered with an error, `untried` when nobody even tried to ask it.

local core = require "locksmith.core"

local link = {}

local KEEPALIVE, POOL = 10000, 32 -- milliseconds a connection may idle in nginx's pool; connections kept per worker

--- Calls a method of a client in lua-redis's style, which raises, or in lua-resty-redis's, which returns an error.
local function perform(client, method, ...)
  local call = client[method]
  if not call then return nil, "the client has no method " .. method, true end
  local ok, reply, message = pcall(call, client, ...)
  if not ok then
    message = tostring(reply):gsub("^[^\n]-:%d+: ", "")
    local told = message:match "^redis error: (.*)"
    if told then return nil, told, true end
    return nil, (message:gsub("^connection error: ", ""))
  end
  if reply then return reply end
  return nil, tostring(message or "no answer"), reply == false and message ~= nil
end

local function introduce(client, options)
  if options.password then
    local reply, message
    if options.username then
      reply, message = perform(client, "auth", options.username, options.password)
    else
      reply, message = perform(client, "auth", options.password)
    end
    -- Redis may quote what it does not understand.
    if not reply then return nil, "AUTH failed: " .. (message:match "^%u+" or "no answer") end
  end
  if options.db and options.db ~= 0 then
    local reply, message = perform(client, "select", ("%.0f"):format(options.db))
    if not reply then return nil, "SELECT failed: " .. message end
  end
  return true
end

-- Stands between lua-redis and its socket, so that a whole command ends in time, not each of its reads.
local Wire = {}
Wire.__index = Wire

function Wire:hurry()
  self.socket:settimeout(math.max(0.001, math.min(self.limit, self.deadline - core.now())), "t")
  return self.socket
end

function Wire:send(...) return self:hurry():send(...) end
function Wire:receive(...) return self:hurry():receive(...) end
function Wire:shutdown() return self.socket:close() end

local function open_socket(options, wire)
  if options.unix then
    local unix = require "socket.unix"
    local make = type(unix) == "table" and (unix.stream or unix.tcp) or unix
    wire.socket = make()
    return wire:hurry():connect(options.unix)
  end
  local made, message = require("socket").tcp()
  if not made then return nil, message end
  wire.socket = made
  local ok, problem = wire:hurry():connect(options.host, options.port)
  if not ok then return nil, problem end
  made:setoption("tcp-nodelay", true)
  return true
end

local function place(options)
  return options.unix or ("%s:%.0f"):format(options.host, options.port)
end

local function connect(library, options, limit, deadline)
  local wire = setmetatable({ limit = limit, deadline = deadline }, Wire)
  local ok, message = open_socket(options, wire)
  if not ok then
    if wire.socket then wire.socket:close() end
    return nil, ("no connection to %s: %s"):format(place(options), tostring(message))
  end
  local client = library.connect { socket = wire }
  ok, message = introduce(client, options)
  if ok then return { client = client, wire = wire } end
  wire.socket:close()
  return nil, message
end

-- One connection, kept between calls. A forked process makes its own: two must not read from one socket.
local function blocking(library, options)
  local held, owner
  return function(limit, method, ...)
    local deadline = core.now() + limit
    if owner ~= core.process() then held, owner = nil, core.process() end
    while true do
      local reused = held ~= nil
      if reused then
        held.wire.limit, held.wire.deadline = limit, deadline
      else
        local problem
        held, problem = connect(library, options, limit, deadline)
        if not held then return nil, problem end
      end
      local reply, message, refused = perform(held.client, method, ...)
      if reply or refused then return reply, message, refused end
      held.wire.socket:close()
      held = nil
      -- A connection that died while it was idle says nothing about Redis. Every question may be asked twice.
      if not reused or core.now() >= deadline or message == "timeout" then return nil, message end
    end
  end
end

local function open_cosocket(library, options, pool, left)
  local client, message = library:new()
  if not client then return nil, message end
  client:set_timeout(left())
  local ok
  if options.unix then
    ok, message = client:connect("unix:" .. options.unix, { pool = pool })
  else
    ok, message = client:connect(options.host, options.port, { pool = pool, ssl = options.tls, ssl_verify = options.tls,
      server_name = options.tls and options.host or nil })
  end
  if not ok then return nil, ("no connection to %s: %s"):format(place(options), tostring(message)) end
  local reused = (client:get_reused_times() or 0) > 0
  if not reused then
    client:set_timeout(left())
    ok, message = introduce(client, options)
    if not ok then
      client:close()
      return nil, message
    end
  end
  return client, reused
end

-- nginx keeps the connections; each command takes one, so that coroutines do not meet.
local function cosocket(library, options)
  local pool = ("locksmith %s %s %.0f"):format(place(options), options.username or "", options.db or 0)
  return function(limit, method, ...)
    local deadline = core.now() + limit
    local function left() return math.max(1, math.ceil(math.min(limit, deadline - core.now()) * 1000)) end
    while true do
      local opened, client, reused = pcall(open_cosocket, library, options, pool, left)
      if not opened then return nil, tostring(client), false, true end -- a phase without sockets
      if not client then return nil, reused end
      client:set_timeout(left())
      local reply, message, refused = perform(client, method, ...)
      if reply or refused then
        client:set_keepalive(KEEPALIVE, POOL)
        return reply, message, refused
      end
      client:close()
      if not reused or core.now() >= deadline or message == "timeout" then return nil, message end
    end
  end
end

local function first_of(...)
  for _, name in ipairs { ... } do
    local ok, library = pcall(require, name)
    if ok then return library, name end
  end
end

--- Chooses the carrier. Opens no connection.
---@param options table checked options of the store
---@param under_nginx boolean
---@return function? carrier
---@return string? message what is missing
function link.new(options, under_nginx)
  local client = options.client
  if client then
    return function(_, method, ...) return perform(client, method, ...) end
  end
  if under_nginx then
    local library, name = first_of("resty.redis", "nginx.redis")
    if not library then return nil, "needs the module resty.redis (lua-resty-redis) or nginx.redis" end
    if options.tls and name ~= "resty.redis" then return nil, "option 'tls' needs the module resty.redis" end
    return cosocket(library, options)
  end
  if options.tls then
    return nil, "option 'tls': lua-redis knows no TLS; pass a connected 'client' that does, or use a tunnel"
  end
  local library = first_of "redis"
  if not library or not first_of "socket" then
    return nil, "needs the modules redis (lua-redis) and socket (LuaSocket), or a connected 'client'"
  end
  return blocking(library, options)
end

return link
