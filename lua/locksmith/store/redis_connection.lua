--- Carries commands to Redis, by the client library that fits the place, each within a time limit.
---
--- A carrier is function(limit, method, ...) -> reply, again | nil, message, refused, untried: `limit` in seconds,
--- `method` of the client library, `again` when it was asked twice, since a connection died before it answered,
--- `refused` when Redis itself answered with an error, `untried` when nobody even tried to ask it.

local core = require "locksmith.core"
local redis_tls = require "locksmith.store.redis_tls"
local redis_wire = require "locksmith.store.redis_wire"
local try = require "locksmith.try"
local within = require "locksmith.nginx.within"

local redis_connection = {}

local KEEPALIVE, POOL = 10000, 32 -- milliseconds a connection may idle in nginx's pool; connections kept per worker

-- A long command that comes without the password is not even read, and the answer names the length that was seen.
local function explained(told)
  if not told:find "^NOAUTH" and not told:find("unauthenticated", 1, true) then return told end
  return "NOAUTH: it wants a password and was given none"
end

--- Calls a method of a client in lua-redis's style, which raises, or in lua-resty-redis's, which returns an error.
local function perform(client, method, ...)
  local call = client[method]
  if not call then return nil, "the client has no method " .. method, true end
  local ok, reply, message = try(call, client, ...)
  if not ok then
    message = tostring(reply):gsub("^[^\n]-:%d+: ", "")
    local told = message:match "^redis error: (.*)"
    if told then return nil, explained(told), true end
    return nil, (message:gsub("^connection error: ", ""))
  end
  if reply then return reply end
  return nil, explained(tostring(message or "no answer")), reply == false and message ~= nil
end

-- Redis may quote what it does not understand, so that its own words are not shown.
local function why_refused(message)
  if message:find("without any password", 1, true) or message:find("no password is set", 1, true) then
    return "this Redis has no password set"
  end
  if message:find("invalid password", 1, true) then return "WRONGPASS" end
  return message:match "^[A-Z]+" or "no answer"
end

local function introduce(client, options)
  if options.password then
    local reply, message
    if options.username then
      reply, message = perform(client, "auth", options.username, options.password)
    else
      reply, message = perform(client, "auth", options.password)
    end
    if not reply then return nil, "AUTH failed: " .. why_refused(message) end
  end
  if options.db and options.db ~= 0 then
    local reply, message = perform(client, "select", ("%.0f"):format(options.db))
    if not reply then return nil, (message:find "^NOAUTH" and "" or "SELECT failed: ") .. message end
  end
  return true
end

local function open_socket(options, ends)
  local socket, message
  if options.unix then
    local unix = require "socket.unix"
    local make = type(unix) == "table" and (unix.stream or unix.tcp) or unix
    socket, message = make()
  else
    socket, message = require("socket").tcp()
  end
  if not socket then return nil, message end
  local self = redis_wire.blocking(socket, ends)
  local ok
  if options.unix then
    ok, message = self:connect(options.unix)
  else
    ok, message = self:connect(options.host, options.port)
  end
  if not ok then
    socket:close()
    return nil, message
  end
  if not options.unix then socket:setoption("tcp-nodelay", true) end
  if not options.tls then return self end
  socket, message = redis_tls.wrap(socket, options, math.max(0.001, ends - core.now()))
  if not socket then return nil, "TLS: " .. tostring(message) end
  self.socket = socket
  return self
end

local function place(options)
  return options.unix or ("%s:%.0f"):format(options.host, options.port)
end

local function connect(library, options, ends)
  local wire, message = open_socket(options, ends)
  if not wire then return nil, ("no connection to %s: %s"):format(place(options), tostring(message)) end
  local client = library.connect { socket = wire }
  local ok
  ok, message = introduce(client, options)
  if ok then return { client = client, wire = wire } end
  wire:close()
  return nil, message
end

-- One connection, kept between calls. A forked process makes its own: two must not read from one socket.
local function blocking(library, options)
  local held, owner
  return function(limit, method, ...)
    local ends = core.now() + limit
    if owner ~= core.process() then held, owner = nil, core.process() end
    local again = false
    while true do
      if held and not held.wire:is_clean() then
        held.wire:close()
        held = nil
      end
      local reused = held ~= nil
      if not reused then
        local problem
        held, problem = connect(library, options, ends)
        if not held then return nil, problem end
      end
      held.wire:begin(ends)
      local reply, message, refused = perform(held.client, method, ...)
      if reply then return reply, again end
      if refused then return nil, message, true end
      held.wire:close()
      held = nil
      -- A connection that died while it was idle says nothing about Redis. Every question may be asked twice.
      if not reused or core.now() >= ends or message == "timeout" then return nil, message end
      again = true
    end
  end
end

-- Nobody can be connected to at this place; but what is kept in a pool is given out by the pool's name alone.
local NOWHERE = "unix:"

local function reach(opened, library, ends, ...)
  local client, message = library:new()
  if client then
    -- Both libraries keep their socket there.
    local wire = redis_wire.cosocket(rawget(client, "_sock"), ends)
    client._sock = wire
    opened.client, opened.wire, opened.ok = client, wire, false
    opened.ok, message = client:connect(...)
  end
  opened.message = message
end

--- Connects, or takes a connection that is kept. Nothing but the end of a thread of its own bounds how long nginx looks
--- for the address of a name.
local function reach_in_time(opened, library, options, pool, ends)
  if options.unix then return reach(opened, library, ends, "unix:" .. options.unix, { pool = pool }) end
  local host = options.host == "localhost" and "127.0.0.1" or options.host
  local more = { pool = pool, ssl = options.tls, ssl_verify = options.tls,
    server_name = options.tls and options.host or nil }
  if host:find "^[%d.]+$" or host:find "^%[" then return reach(opened, library, ends, host, options.port, more) end
  reach(opened, library, ends, NOWHERE, { pool = pool })
  if opened.ok then return end
  if not within(ends - core.now(), reach, opened, library, ends, host, options.port, more) then
    opened.ok, opened.message = false, "timeout"
  end
end

local function open_cosocket(library, options, pool, ends)
  local opened = {}
  reach_in_time(opened, library, options, pool, ends)
  local client, message = opened.client, opened.message
  if not opened.ok then return nil, ("no connection to %s: %s"):format(place(options), tostring(message)) end
  local reused = (client:get_reused_times() or 0) > 0
  if not reused then
    local ok
    ok, message = introduce(client, options)
    if not ok then
      client:close()
      return nil, message
    end
  end
  opened.wire:begin(ends)
  return client, reused
end

local salt

-- Who would introduce itself in another way gets no connection of that pool. nginx may log its name.
local function pool_name(options)
  salt = salt or tostring(core.random())
  local login = options.password and ngx.md5(salt .. options.password) or ""
  return ("locksmith %s %s %.0f %s %s"):format(place(options), options.username or "", options.db or 0,
    options.tls and "tls" or "", login)
end

-- nginx keeps the connections; each command takes one, so that coroutines do not meet.
local function cosocket(library, options)
  local pool = pool_name(options)
  return function(limit, method, ...)
    local ends, again = core.now() + limit, false
    while true do
      local opened, client, reused = pcall(open_cosocket, library, options, pool, ends)
      if not opened then return nil, tostring(client), false, true end -- a phase without sockets
      if not client then return nil, reused end
      local reply, message, refused = perform(client, method, ...)
      if reply or refused then
        client:set_keepalive(KEEPALIVE, POOL)
        if reply then return reply, again end
        return nil, message, true
      end
      client:close()
      if not reused or core.now() >= ends or message == "timeout" then return nil, message end
      again = true
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
function redis_connection.new(options, under_nginx)
  local client = options.client
  if client then
    return function(_, method, ...)
      local reply, message, refused = perform(client, method, ...)
      if reply then return reply, false end
      return nil, message, refused
    end
  end
  if under_nginx then
    local library, name = first_of("resty.redis", "nginx.redis")
    if not library then return nil, "needs the module resty.redis (lua-resty-redis) or nginx.redis" end
    if options.tls and name ~= "resty.redis" then return nil, "option 'tls' needs the module resty.redis" end
    if options.ca_file then return nil, "option 'ca_file': nginx takes lua_ssl_trusted_certificate" end
    return cosocket(library, options)
  end
  local problem = options.tls and redis_tls.prepare(options)
  if problem then return nil, problem end
  local library = first_of "redis"
  if not library or not first_of "socket" then
    return nil, "needs the modules redis (lua-redis) and socket (LuaSocket), or a connected 'client'"
  end
  return blocking(library, options)
end

return redis_connection
