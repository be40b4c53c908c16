--- nginx's own upstream client, through a subrequest to the internal location of nginx/locksmith.conf.

local core = require "locksmith.core"
local answer_headers = require "locksmith.transport.answer_headers"
local phase = require "locksmith.transport.phase"
local subrequest = require "locksmith.nginx.subrequest"
local target = require "locksmith.transport.target"

local capture = {}
capture.__index = capture

local LOCATION = "/locksmith-internal-call"

local INCLUDE = "include locksmith/nginx/locksmith-http.conf inside http, and locksmith/nginx/locksmith.conf inside "
  .. "the server block that the call is made from"
local NEEDED = 'transport "capture" needs its internal location: ' .. INCLUDE
local NOTHING = "no transport is usable here: install lua-resty-http (for example with "
  .. '"opm get ledgetech/lua-resty-http") for "resty", or for "capture" ' .. INCLUDE

-- The two services keep their connections under these names of locksmith-http.conf.
local UPSTREAMS = { ["lock.pub"] = "locksmith_lockpub", ["api.locker.io"] = "locksmith_locker" }
local LOOPBACK = "locksmith_loopback"
-- What a name stands for may change: so long a worker keeps connecting to the address nginx found last.
local ADDRESS_LIFE = 30

-- Seconds; nginx counts milliseconds in 31 bits, and 0 would mean its own default.
local SHORTEST, LONGEST = 0.001, 1e6

-- Methods that servers expect a Content-Length from, even of 0.
local WRITES = { POST = true, PUT = true, PATCH = true }

---@param options table the client's options
---@param chosen boolean it is taken for want of lua-resty-http, not asked for
---@param problem string? what keeps lua-resty-http from being loaded
---@return table? transport
---@return string? message why it cannot be used
function capture.new(options, chosen, problem)
  if options.ca_file then
    return nil, 'transport "capture" cannot use ca_file: nginx trusts what proxy_ssl_trusted_certificate names, so set '
      .. "that in the server block"
  end
  if options.proxy and options.proxy ~= "" then
    return nil, 'transport "capture" cannot use a proxy; "resty" can'
  end
  return setmetatable({
    missing = chosen and NOTHING .. (problem and ". " .. problem or "") or NEEDED,
    connect_timeout = options.connect_timeout,
    max_response_bytes = options.max_response_bytes,
  }, capture)
end

-- Whether locksmith-http.conf is in the configuration; that does not change while the worker lives.
local included

---@return string? kind of the error, where no call can be made now
---@return string? message
function capture:usable()
  local message = phase.without_subrequests()
  if message then return "phase", message end
  if included == nil then included = ngx.var.locksmith_http_conf_3_is_included ~= nil end
  if not included then return "config", self.missing end
end

-- Addresses that nginx's resolver found, by authority; one entry per service and port.
local addresses = {}

local function kept_address(to)
  local known = addresses[to.authority]
  if not known then return nil end
  local now = core.now()
  if now < known.since + ADDRESS_LIFE and known.since <= now then return known.address end
  -- This call asks the resolver again; the others go on meanwhile.
  known.since = now
  return nil
end

local function choose_upstream(to)
  to.upstream = UPSTREAMS[to.host]
  -- The core lets plain http go to loopback only. TLS stays away from this one: a kept connection would not be verified
  -- again under another name.
  if to.scheme == "http" then to.upstream, to.address = LOOPBACK, to.dial end
  to.direct = to.host == "localhost" and to.dial .. ":" .. to.port or to.authority
end

local function route(self, url)
  local to, path = target.split(url, self.to)
  if to ~= self.to then
    choose_upstream(to)
    self.to = to
  end
  local address = to.address or to.upstream and kept_address(to)
  return to, address, to.scheme .. "://" .. (address and to.upstream or to.direct) .. path
end

local function raised(self, message)
  message = tostring(message):gsub("^[^ ]+:%d+: ", "")
  -- No server has locksmith.conf, which declares the variables.
  if message:find "adjust" then return "config", self.missing end
  if message:find "http2" or message:find "http3" or message:find "HTTP/[23]" then
    return "phase", "this release of nginx's Lua module can issue no subrequest while it answers an HTTP/2 request: "
      .. "install lua-resty-http, or a newer release"
  end
  if message:find "API disabled" then return "phase", "nginx can issue no subrequest here: " .. message end
  return "config", "the subrequest failed: " .. message
end

local function failed(kind, sent, message, permanent, status)
  return nil, { kind = kind, sent = sent, message = message, permanent = permanent, status = status }
end

--- An answer that nginx made itself, because the service gave none.
local function unanswered(seen, status, limit, connect_timeout)
  local sent = seen.sent
  if sent and status == 504 then return failed("timeout", true, "no answer in time") end
  if sent and seen.overflowed then
    return failed("too_large", true, "the headers of the answer are larger than nginx takes here, 8 KiB")
  end
  if sent then
    return failed("network", true, "the connection ended before an answer, or nginx could not read its head (nginx's "
      .. "error log says which)")
  end
  if status == 504 then
    return failed(connect_timeout >= limit and "timeout" or "connect", false, "no connection in time")
  end
  if seen.refused then
    return failed("config", false, ("nginx itself answered with HTTP %d, and sent nothing: something in the server "
      .. "block or in http holds for %s, too, and belongs into a location"):format(status, LOCATION), true)
  end
  if seen.unresolved then
    return failed("connect", false, "nginx could not resolve the name: it needs a resolver in nginx.conf "
      .. "that answers")
  end
  return failed("connect", false, "no connection could be made, or the certificate is not trusted: nginx's error log "
    .. "says which")
end

-- What nginx reads before it begins a subrequest, and so before anything else runs here: one for all of them.
local vars = {}
local options = { vars = vars }

-- The last of them must not stay in memory.
local function forget()
  options.body, options.ctx = nil, nil
  vars.locksmith_url, vars.locksmith_authorization = nil, nil
end

--- Carries out one attempt. Until an answer begins nginx's timeouts bound it, and a late one counts.
---@param call userdata
---@param limit number seconds
---@return locksmith.Answer?
---@return locksmith.Failure?
function capture:send(call, limit)
  if limit <= 0 then return failed("timeout", false, "no time was left to send the request") end
  local method, url, body, authorization, _, user_agent, content_type = call:values()
  local to, address, place = route(self, url)
  -- Shared with what runs in the location: it reads the first part and writes `seen`.
  limit = math.max(SHORTEST, math.min(limit, LONGEST))
  local shared = {
    locksmith_address = address, locksmith_port = to.port, locksmith_limit = limit,
    locksmith_connect = math.max(SHORTEST, math.min(self.connect_timeout, limit)),
    locksmith_maximum = self.max_response_bytes, locksmith_bodiless = method == "HEAD",
  }
  ngx.update_time() -- timers are set from nginx's cached time
  local began = core.now()
  options.body, options.ctx = body or "", shared
  vars.locksmith_url, vars.locksmith_method, vars.locksmith_host = place, method, to.authority
  vars.locksmith_authorization, vars.locksmith_user_agent = authorization, user_agent
  vars.locksmith_content_type = content_type
  vars.locksmith_content_length = body and tostring(#body) or WRITES[method] and "0" or nil
  local ok, res = subrequest.run(LOCATION, options, limit, forget)
  if ok == false then
    local kind, message = raised(self, res)
    return failed(kind, false, message, true)
  end
  local seen = shared.locksmith_seen
  if ok == nil then
    if not seen then return failed("timeout", true, "no answer in time") end
    if seen.too_large then return failed("too_large", true, nil, nil, seen.status) end
    return failed("timeout", true, "the answer did not end in time", nil, seen.status)
  end
  if not seen then
    return failed("config", false, ('%s; where it is included, a "rewrite", "return" or "if" of the server block '
      .. "catches %s: put that into a location"):format(self.missing, LOCATION), true)
  end
  if seen.too_large then return failed("too_large", true, nil, nil, res.status) end
  if seen.garbled then return failed("bad_response", true, "the answer is not HTTP") end
  if seen.interim then
    return failed("bad_response", true, "an interim answer came, which nginx takes for the final one")
  end
  if not seen.answered then
    if not seen.sent then addresses[to.authority] = nil end
    return unanswered(seen, res.status, limit, self.connect_timeout)
  end
  if seen.address and not address and to.upstream then
    addresses[to.authority] = { address = seen.address, since = core.now() }
  end
  if res.truncated then
    local late = core.now() - began >= limit
    return failed(late and "timeout" or "network", true, "the connection ended within the answer", nil, res.status)
  end
  local coded = answer_headers.encoded(res.header)
  if coded then return failed("bad_response", true, coded, nil, res.status) end
  return { status = res.status, headers = res.header, body = res.body, connected = seen.connected }
end

return capture
