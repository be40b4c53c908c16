--- nginx's cosockets, through lua-resty-http.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local answer_headers = require "locksmith.transport.answer_headers"
local guard = require "locksmith.transport.guard"
local phase = require "locksmith.transport.phase"
local target = require "locksmith.transport.target"
local within = require "locksmith.nginx.within"

local resty = {}
resty.__index = resty

local NEEDED = 'transport "resty" needs lua-resty-http: install it, for example with '
  .. '"opm get ledgetech/lua-resty-http" or "luarocks install lua-resty-http"'

local CHUNK = 65536
-- Seconds; nginx counts milliseconds in 31 bits.
local LONGEST = 1e6
-- So much of a request leaves at once, whatever the service does.
local SENT_AT_ONCE = 65536
-- Nobody can be connected to at this place; but what is kept in a pool is given out by the pool's name alone.
local NOWHERE = "unix:"
-- Repeating these is harmless, so that a kept connection that turns out dead costs the caller nothing.
local REPEATABLE = { GET = true, HEAD = true }
-- Methods that servers expect a Content-Length from, even of 0.
local WRITES = { POST = true, PUT = true, PATCH = true }

local NO_VALUE = {}

local library, unloadable

-- What keeps a library that is there from being loaded; nil where it is not there.
local function reason_of(problem)
  local text = tostring(problem):match "^[^\n]*":gsub(":$", "")
  if text:find("module 'resty.http' not found", 1, true) then return nil end
  local lacks = text:match "module '(resty%.[^']+)' not found"
  local rock = lacks == "resty.string" and "lua-resty-string" or lacks
  return "lua-resty-http is there, but cannot be loaded: " .. text
    .. (rock and (" (install %s)"):format(rock) or "")
end

--- Whether lua-resty-http can be loaded. Looked for once per worker: looking again would read the disk at every call.
---@return boolean
function resty.available()
  if library == nil then
    local ok, loaded = pcall(require, "resty.http")
    library = ok and type(loaded) == "table" and loaded
    if not ok then unloadable = reason_of(loaded) end
  end
  return library ~= false
end

--- Why it cannot be loaded although it is there.
---@return string? reason
function resty.problem()
  return not resty.available() and unloadable or nil
end

local function proxy_options(text)
  local scheme, place, user = core.proxy(text)
  if not place or scheme ~= "" and ascii.lower(scheme) ~= "http" then
    return nil, 'transport "resty" can use an http:// proxy only'
  end
  local url = "http://" .. place
  local login = user and user ~= "" and "Basic " .. ngx.encode_base64(user) or nil
  return { http_proxy = url, https_proxy = url, http_proxy_authorization = login, https_proxy_authorization = login }
end

---@param options table the client's options
---@return table? transport
---@return string? message why it cannot be used
function resty.new(options)
  if not resty.available() then return nil, unloadable or NEEDED end
  if options.ca_file then
    return nil, 'transport "resty" cannot use ca_file: cosockets trust what lua_ssl_trusted_certificate in nginx.conf '
      .. "names, so name the file there"
  end
  local proxy, message
  if options.proxy and options.proxy ~= "" then
    proxy, message = proxy_options(options.proxy)
    if not proxy then return nil, message end
  end
  return setmetatable({
    library = library,
    proxy = proxy,
    connect_timeout = options.connect_timeout,
    max_response_bytes = options.max_response_bytes,
  }, resty)
end

---@return string? kind of the error, where no call can be made now
---@return string? message
function resty.usable()
  local message = phase.without_sockets()
  if message then return "phase", message end
end

-- A connection may be used again only by who would have made the same one.
local function pool_name(self, to)
  local parts = { "locksmith", to.scheme, to.authority }
  if to.scheme == "https" then parts[#parts + 1] = "verified as " .. to.host end
  if self.proxy then
    parts[#parts + 1] = ngx.md5(self.proxy.http_proxy .. " " .. tostring(self.proxy.http_proxy_authorization))
  end
  return table.concat(parts, " ")
end

local function route(self, url)
  local to, path = target.split(url, self.to)
  if to ~= self.to then
    local function connection(pool)
      return {
        scheme = to.scheme, host = to.dial, port = to.port, pool = pool, ssl_verify = true,
        ssl_server_name = to.scheme == "https" and to.host or nil, proxy_opts = self.proxy,
      }
    end
    local pool = pool_name(self, to)
    self.to, self.kept, self.fresh = to, connection(pool), connection(pool .. " fresh")
    self.pooled = not self.proxy and { host = NOWHERE, pool = pool } or nil
    -- Nothing bounds how long nginx looks for the address of a name.
    self.is_bounded = not self.proxy and (to.dial:find "^[%d.]+$" or to.dial:find "^%[") ~= nil
  end
  return path
end

local function parameters(self, call)
  local method, url, body, authorization, accept, user_agent, content_type = call:values()
  local path = route(self, url)
  if not body and WRITES[method] then body = "" end
  return { method = method, path = path, body = body, headers = {
    Host = self.to.authority, Authorization = authorization, Accept = accept, ["Accept-Encoding"] = "identity",
    ["User-Agent"] = user_agent, ["Content-Type"] = content_type,
    -- lua-resty-http would copy the visitor's; an empty list writes no header.
    traceparent = NO_VALUE,
  } }
end

-- What is noted of a running attempt is what can be told when it is cut off.
local function failed(state, kind, message, permanent)
  state.done, state.kind, state.message, state.permanent = true, kind, message, permanent
end

local HINTS = {
  { "unable to get local issuer", "lua_ssl_trusted_certificate in nginx.conf must name the trusted certificates" },
  { "chain too long", "lua_ssl_verify_depth in nginx.conf is too small" },
  { "no resolver defined", "set resolver in nginx.conf" },
}

local function hinted(message)
  for _, hint in ipairs(HINTS) do
    if message:find(hint[1], 1, true) then return message .. " (" .. hint[2] .. ")" end
  end
  return message
end

-- TCP does not say these before a connection stands; then it is the handshake that was cut.
local CUT = { ["connection reset by peer"] = true, closed = true, ["broken pipe"] = true }

local function connect_failed(state, message, limit, connect_limit, direct_tls)
  message = tostring(message)
  local lower = ascii.lower(message)
  if message:find(guard.TOO_MUCH, 1, true) then return failed(state, "too_large", message, true) end
  if lower:find "certificate" or message:find "^%d+: " then return failed(state, "tls", hinted(message), true) end
  if lower:find "handshake" or lower:find "ssl" or direct_tls and CUT[lower] then
    return failed(state, "tls", message)
  end
  if lower:find "timeout" and connect_limit >= limit then return failed(state, "timeout", message) end
  -- A proxy that refuses the tunnel, other than for being busy.
  local refusal = message:match "tunnel through a proxy: (4%d%d)"
  return failed(state, "connect", hinted(message), refusal ~= nil and refusal ~= "408" and refusal ~= "429")
end

local function exchange_failed(state, message)
  message = tostring(message)
  if message == "timeout" then return failed(state, "timeout", "no answer in time") end
  if message == guard.TOO_MUCH or message == guard.TOO_MUCH_BODY then return failed(state, "too_large", message) end
  if message:find "parse" or message:find "chunksize" then
    return failed(state, "bad_response", "the answer is not HTTP")
  end
  return failed(state, "network", message)
end

--- Reads on until the end, which for some answers is that of the connection.
local function read_rest(self, state, reader, ends_with_connection)
  local parts, size = {}, 0
  while true do
    local chunk, err = reader(CHUNK)
    if not chunk and not err then err = state.guard and state.guard.stopped or nil end
    if chunk then
      size = size + #chunk
      if size > self.max_response_bytes then return nil, failed(state, "too_large", guard.TOO_MUCH_BODY) end
      parts[#parts + 1] = chunk
    end
    if err and not (err == "closed" and ends_with_connection) then return nil, exchange_failed(state, err) end
    if err or not chunk then return table.concat(parts) end
  end
end

-- It may come several times, and means something only where each says the same (RFC 9112, 6.3).
local function length_of(headers)
  local text = headers["content-length"]
  if not text then return nil end
  if text ~= "" and not text:find "[^%d]" then return tonumber(text) end
  local length
  for member in (text .. ","):gmatch "[ \t]*([^,]-)[ \t]*," do
    if not member:find "^%d+$" or length and tonumber(member) ~= length then return nil, true end
    length = tonumber(member)
  end
  return length
end

local function read_body(self, state, res)
  if not res.has_body then return "" end
  if state.headers["transfer-encoding"] then return read_rest(self, state, res.body_reader, false) end
  local length, senseless = length_of(state.headers)
  if senseless then return nil, failed(state, "bad_response", "the answer names no length, or several") end
  if not length then return read_rest(self, state, res.body_reader, true) end
  if length > self.max_response_bytes then return nil, failed(state, "too_large", guard.TOO_MUCH_BODY) end
  if length == 0 then return "" end
  local body, err
  if state.guard then
    body, err = state.guard:receive(length)
  else
    body, err = res.body_reader()
  end
  if not body then return nil, exchange_failed(state, err) end
  return body
end

local function new_client(self, state, ends)
  local client, message = self.library.new()
  if not client then return failed(state, "connect", message) end
  state.client, state.guard = client, guard.wrap(client, ends)
  local most = guard.milliseconds(ends - core.now())
  client:set_timeouts(most, most, most)
  return client
end

--- Makes a connection, or takes one that is kept.
local function connect(self, state, options, ends)
  local client = new_client(self, state, ends)
  if not client then return end
  local ok, message = client:connect(options)
  if ok then
    state.connected = core.now() - state.began
    return
  end
  state.refused = message
end

--- Connects, no longer than that may take.
---@return boolean? ok
local function connect_in_time(self, state, limit)
  local most = math.min(self.connect_timeout, limit - (core.now() - state.began))
  local options, ends = state.keep and self.kept or self.fresh, core.now() + most
  state.connected, state.refused = nil, nil
  if self.is_bounded and self.is_guarded then
    connect(self, state, options, ends)
  elseif not within(most, connect, self, state, options, ends) then
    if most < self.connect_timeout then return failed(state, "timeout", "no answer in time") end
    return failed(state, "connect", "no connection within connect_timeout")
  end
  if state.connected then return true end
  if state.refused then
    connect_failed(state, state.refused, limit, self.connect_timeout, self.to.scheme == "https" and not self.proxy)
  end
end

--- Takes a connection that is kept, if there is one; nobody waits for that.
local function take_kept(self, state, ends)
  if not self.pooled then return false end
  local client = new_client(self, state, ends)
  return client and client:connect(self.pooled) and true or false
end

local function request(state, params, ends)
  state.sent = true
  if state.guard then state.guard:expect(ends, params.body ~= nil and params.body ~= "") end
  local res, message = state.client:request(params)
  state.message = message
  return res
end

-- Where something came, the peer was there, and a repeat would meet the same.
local function is_dead(state)
  return state.message ~= "timeout" and not (state.guard and state.guard.heard)
end

--- Sends and reads a head; a kept connection that dies unanswered is replaced once, where a repeat is harmless.
local function ask(self, state, params, limit)
  local ends = state.began + limit
  state.keep = true
  if take_kept(self, state, ends) then
    state.connected = core.now() - state.began
  elseif state.done or not connect_in_time(self, state, limit) then
    return
  end
  local reused = (state.client:get_reused_times() or 0) > 0
  local res = request(state, params, ends)
  if not res and reused and is_dead(state) and REPEATABLE[params.method] then
    state.client:close()
    state.resent, state.keep = true, false
    if not connect_in_time(self, state, limit) then return end
    res = request(state, params, ends)
  end
  if not res then return exchange_failed(state, state.message) end
  if state.guard then state.guard:lift(self.max_response_bytes) end
  return res
end

local function run(self, state, params, limit)
  local res = ask(self, state, params, limit)
  if not res then return end
  state.status, state.headers = res.status, answer_headers.lower(res.headers)
  if res.status < 200 then return failed(state, "bad_response", "an interim answer came in place of a final one") end
  local coded = answer_headers.encoded(state.headers)
  if coded then return failed(state, "bad_response", coded) end
  local body = read_body(self, state, res)
  if not body then return end
  if state.guard and state.guard.problem then return exchange_failed(state, state.guard.problem) end
  -- lua-resty-http does not see this one where there are several.
  if ascii.lower(state.headers.connection or ""):find("close", 1, true) then state.keep = false end
  state.done, state.body = true, body
  if not state.keep or not state.client:set_keepalive() then state.client:close() end
end

-- What is raised comes from below. resty.core fails an assertion when a certificate is refused before the handshake had
-- to wait once.
local function run_caught(self, state, params, limit)
  local ok, problem = pcall(run, self, state, params, limit)
  if ok then return end
  if state.sent then return failed(state, "network", "lua-resty-http failed: " .. tostring(problem)) end
  if self.to.scheme == "https" then
    return failed(state, "tls", "the handshake failed; the certificate may not be one that is trusted")
  end
  return failed(state, "connect", "lua-resty-http failed: " .. tostring(problem))
end

--- Carries out one attempt.
---@param call userdata
---@param limit number seconds
---@return locksmith.Answer?
---@return locksmith.Failure?
function resty:send(call, limit)
  if limit <= 0 then
    return nil, { kind = "timeout", sent = false, message = "no time was left to send the request" }
  end
  limit = math.min(limit, LONGEST)
  ngx.update_time() -- timers are set from nginx's cached time
  local params = parameters(self, call)
  local state = { began = core.now(), sent = false, done = false }
  if self.is_guarded == nil then
    local client = self.library.new()
    self.is_guarded = client and guard.wrap(client, 0) ~= nil
  end
  if params.body and #params.body > SENT_AT_ONCE or not self.is_guarded then
    if not within(limit, run_caught, self, state, params, limit) and not state.done then
      failed(state, "timeout", "no answer in time")
    end
  else
    run_caught(self, state, params, limit)
  end
  if state.resent then call:resent() end
  if not state.kind then return state end
  if state.client then state.client:close() end
  return nil, state
end

return resty
