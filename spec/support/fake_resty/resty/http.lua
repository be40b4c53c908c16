--- A double of lua-resty-http over real cosockets, for machines without it: the calls that locksmith makes, with the
--- results, the error texts and the habits of the real one (0.17), as its documentation and behaviour have them.

local Client = {}
Client.__index = Client

local http = { _VERSION = "double" }

local EXPECTS_BODY = { POST = true, PUT = true, PATCH = true }

function http.new()
  local socket, err = ngx.socket.tcp()
  if not socket then return nil, err end
  return setmetatable({ sock = socket, keepalive = true }, Client)
end

function Client:set_timeouts(connect, send, read)
  return self.sock:settimeouts(connect, send, read)
end

function Client:get_reused_times()
  return self.sock:getreusedtimes()
end

function Client:close()
  return self.sock:close()
end

function Client:set_keepalive(...)
  if self.keepalive then return self.sock:setkeepalive(...) end
  local ok, err = self.sock:close()
  if ok then return 2, "connection must be closed" end
  return nil, err
end

local function tunnel(self, proxy, options)
  local place = options.host .. ":" .. options.port
  local res, err = self:request {
    method = "CONNECT", path = place,
    headers = { Host = place, ["Proxy-Authorization"] = proxy.https_proxy_authorization },
  }
  if not res then return nil, "failed to issue CONNECT to proxy: " .. err end
  if res.status < 200 or res.status > 299 then
    return nil, "failed to establish a tunnel through a proxy: " .. res.status
  end
  return true
end

function Client:connect(options)
  local tls, proxy = options.scheme == "https", options.proxy_opts
  local host, port = options.host, options.port
  self.host, self.port, self.tls = host, port, tls
  self.path_prefix, self.proxy_login = nil, nil
  if proxy then
    host, port = (tls and proxy.https_proxy or proxy.http_proxy):match "^http://([^:/]+):?(%d*)"
    port = tonumber(port) or 80
  end
  local ok, err
  if port then
    ok, err = self.sock:connect(host, port, { pool = options.pool, pool_size = options.pool_size })
  else
    ok, err = self.sock:connect(host, { pool = options.pool, pool_size = options.pool_size }) -- the path of a socket
  end
  if not ok then
    if proxy then return nil, ("failed to connect to: %s:%d: %s"):format(host, port, err) end
    return nil, err
  end
  if proxy and tls and self.sock:getreusedtimes() == 0 then
    ok, err = tunnel(self, proxy, options)
    if not ok then return nil, err end
  elseif proxy and not tls then
    self.path_prefix = "http://" .. options.host .. (options.port == 80 and "" or ":" .. options.port)
    self.proxy_login = proxy.http_proxy_authorization
  end
  if tls and self.sock:getreusedtimes() == 0 then
    local session
    session, err = self.sock:sslhandshake(nil, options.ssl_server_name, options.ssl_verify ~= false)
    if not session then
      self:close()
      return nil, err
    end
  end
  self.keepalive = true
  return true
end

local function header_lines(self, params)
  local known, lines = {}, {}
  local function add(name, value)
    known[name:lower()] = true
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = name .. ": " .. tostring(one) .. "\r\n"
    end
  end
  for name, value in pairs(params.headers or {}) do add(name, value) end
  if params.body and not known["content-length"] then add("Content-Length", #params.body) end
  if not known.host then add("Host", self.host .. ":" .. self.port) end
  if not known["user-agent"] then add("User-Agent", "lua-resty-http/double") end
  if self.proxy_login and not known["proxy-authorization"] then add("Proxy-Authorization", self.proxy_login) end
  -- The real one hands on the visitor's trace.
  local phase = ngx.get_phase()
  if (phase == "rewrite" or phase == "access" or phase == "content") and not known.traceparent
    and ngx.var.http_traceparent then
    add("traceparent", ngx.var.http_traceparent)
  end
  return table.concat(lines)
end

local function read_headers(sock)
  local headers, index = {}, {}
  while true do
    local line, err = sock:receive "*l"
    if not line then return nil, err end
    local name, value = line:match "^([^:%s]+):%s*(.*)$"
    if not name then return headers, index end
    local present = index[name:lower()]
    if not present then
      index[name:lower()], headers[name] = name, value
    elseif type(headers[present]) == "table" then
      table.insert(headers[present], value)
    else
      headers[present] = { headers[present], value }
    end
  end
end

local function reader_of_length(sock, length)
  local left = length
  return function(most)
    if left == 0 then return nil end
    local piece, err = sock:receive(math.min(left, most or left))
    if not piece then return nil, err end
    left = left - #piece
    return piece
  end
end

local function reader_of_chunks(sock)
  local left, ended
  return function(most)
    if ended then return nil end
    if not left or left == 0 then
      local line, err = sock:receive "*l"
      if not line then return nil, err end
      left = tonumber(line, 16)
      if not left then return nil, "unable to read chunksize" end
      if left == 0 then
        ended = true
        sock:receive(2)
        return nil
      end
    end
    local piece, err = sock:receive(math.min(left, most or left))
    if not piece then return nil, err end
    left = left - #piece
    if left == 0 then sock:receive(2) end
    return piece
  end
end

local function reader_to_end(sock)
  local ended
  return function(most)
    if ended then return nil end
    local piece, err, partial = sock:receive(most)
    if piece then return piece end
    ended = true
    return partial, err
  end
end

local function body_reader(sock, headers, index)
  local coding = headers[index["transfer-encoding"] or ""]
  if type(coding) == "table" then coding = table.concat(coding, ",") end
  if coding and coding:lower():find("chunked", 1, true) then return reader_of_chunks(sock) end
  local length = tonumber(headers[index["content-length"] or ""])
  if length then return reader_of_length(sock, length) end
  return reader_to_end(sock)
end

function Client:request(params)
  local sock, method = self.sock, params.method
  if EXPECTS_BODY[method] and not params.body then
    return nil, "Request body is nil but " .. method .. " method expects a body. Use an empty string \"\" if you want "
      .. "to send an empty body."
  end
  local head = ("%s %s%s HTTP/1.1\r\n%s\r\n"):format(method, self.path_prefix or "", params.path,
    header_lines(self, params))
  local sent, err = sock:send(head)
  if sent and params.body then sent, err = sock:send(params.body) end
  if not sent then return nil, err end
  local line
  line, err = sock:receive "*l"
  if not line then return nil, err end
  local version, status = tonumber(line:sub(6, 8)), tonumber(line:sub(10, 12))
  if not version then return nil, "couldn't parse HTTP version from response status line: " .. line end
  if not status then return nil, "couldn't parse status code from response status line: " .. line end
  local headers, index = read_headers(sock)
  if not headers then return nil, index end
  local connection = headers[index.connection or ""]
  connection = type(connection) == "string" and connection:lower() or ""
  if version == 1.0 then
    self.keepalive = connection:find("keep-alive", 1, true) ~= nil
  elseif connection:find("close", 1, true) then
    self.keepalive = false
  end
  local has_body = method ~= "HEAD" and method ~= "CONNECT" and status ~= 204 and status ~= 304 and status >= 200
  return {
    status = status,
    reason = line:sub(14),
    headers = headers,
    has_body = has_body,
    body_reader = has_body and body_reader(sock, headers, index) or function() end,
  }
end

return http
