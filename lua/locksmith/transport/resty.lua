--- nginx's cosockets, through lua-resty-http.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local answer_headers = require "locksmith.transport.answer_headers"
local guard = require "locksmith.transport.guard"
local phase = require "locksmith.transport.phase"
local target = require "locksmith.transport.target"

local resty = {}
resty.__index = resty

local NEEDED = 'transport "resty" needs lua-resty-http: install it, for example with '
  .. '"opm get ledgetech/lua-resty-http" or "luarocks install lua-resty-http"'

local CHUNK = 65536
-- Seconds; nginx counts milliseconds in 31 bits.
local LONGEST = 1e6
-- Repeating these is harmless, so that a kept connection that turns out dead costs the caller nothing.
local REPEATABLE = { GET = true, HEAD = true }
-- Methods that servers expect a Content-Length from, even of 0.
local WRITES = { POST = true, PUT = true, PATCH = true }

local library

--- Whether lua-resty-http can be loaded. Looked for once per worker: looking again would read the disk at every call.
---@return boolean
function resty.available()
  if library == nil then
    local ok, loaded = pcall(require, "resty.http")
    library = ok and type(loaded) == "table" and loaded
  end
  return library ~= false
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
  if not resty.available() then return nil, NEEDED end
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
  end
  return path
end

local function parameters(self, call)
  local method, url, headers, body = call:request()
  local path = route(self, url)
  -- lua-resty-http would copy the visitor's traceparent; an empty list writes no header.
  local names = { Host = self.to.authority, ["Accept-Encoding"] = "identity", traceparent = {} }
  for i = 1, #headers do names[headers[i][1]] = headers[i][2] end
  if not body and WRITES[method] then body = "" end
  return { method = method, path = path, headers = names, body = body }
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

local function milliseconds(seconds)
  return math.max(1, math.ceil(seconds * 1000)) -- 0 would mean nginx's own default
end

--- Connects and sends; a kept connection that dies unanswered is replaced once, where a repeat is harmless.
local function ask(self, state, params, limit)
  local connect_limit = math.min(self.connect_timeout, limit)
  for try = 1, 2 do
    local client, err = self.library.new()
    if not client then return failed(state, "connect", err) end
    state.client, state.guard = client, guard.wrap(client)
    client:set_timeouts(milliseconds(connect_limit), milliseconds(limit), milliseconds(limit))
    state.connected = nil
    local ok
    ok, err = client:connect(try == 1 and self.kept or self.fresh)
    if not ok then
      return connect_failed(state, err, limit, self.connect_timeout, self.to.scheme == "https" and not self.proxy)
    end
    local reused = (client:get_reused_times() or 0) > 0
    state.connected, state.sent, state.keep = core.now() - state.began, true, try == 1
    state.resent = try == 2
    if state.guard then state.guard:expect() end
    local res
    res, err = client:request(params)
    if res then
      if state.guard then state.guard:lift(self.max_response_bytes) end
      return res
    end
    local dead = reused and try == 1 and err ~= "timeout"
    if not dead or not REPEATABLE[params.method] then
      return exchange_failed(state, err)
    end
    client:close()
  end
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

--- Ends what takes too long: the timeouts of sockets begin anew with every byte.
local function watch(state, connect_limit, limit)
  if connect_limit < limit then
    ngx.sleep(connect_limit)
    if not state.connected then return "connect" end
    limit = limit - connect_limit
  end
  ngx.sleep(limit)
  return "limit"
end

local function watched(self, state, params, limit)
  local worker = ngx.thread.spawn(run_caught, self, state, params, limit)
  local watcher = not state.done and ngx.thread.spawn(watch, state, self.connect_timeout, limit)
  if not watcher then return ngx.thread.wait(worker) end
  local _, reason = ngx.thread.wait(worker, watcher)
  if state.done then
    ngx.thread.kill(watcher)
  else
    ngx.thread.kill(worker)
    if reason == "connect" then
      failed(state, "connect", "no connection within connect_timeout")
    else
      failed(state, "timeout", "no answer in time")
    end
  end
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
  local state = { began = core.now(), sent = false }
  watched(self, state, parameters(self, call), limit)
  if state.resent then call:resent() end
  if not state.kind then return state end
  if state.client then state.client:close() end
  return nil, state
end

return resty
