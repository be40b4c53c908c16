--- TLS to Redis in plain Lua, by LuaSec. That checks who signed a certificate; whose it is, is checked here.

local ascii = require "locksmith.ascii"

local redis_tls = {}

-- The authorities that systems trust.
local BUNDLES = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem" }
local ALTERNATIVE_NAMES = "2.5.29.17"

local function library()
  local ok, found = pcall(require, "ssl")
  return ok and found or nil
end

local function bundle()
  for _, path in ipairs(BUNDLES) do
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path
    end
  end
end

---@param options table of the store; sets ca_file
---@return string? message why it cannot be used
function redis_tls.prepare(options)
  if options.unix then return "option 'tls' goes with 'host', not with 'unix'" end
  if not library() then return "option 'tls' needs the module ssl (LuaSec); or pass a connected 'client'" end
  options.ca_file = options.ca_file or os.getenv "SSL_CERT_FILE" or bundle()
  if not options.ca_file then return "option 'tls' needs option 'ca_file': the system keeps no authorities" end
end

local function is_address(host)
  return host:find "^[%d.]+$" ~= nil or host:find(":", 1, true) ~= nil
end

local function matches(pattern, host)
  pattern = ascii.lower(pattern)
  if pattern == host then return true end
  local rest = pattern:match "^%*(%..+)$" -- stands for one label
  return rest ~= nil and host:match "^[^.]+(%..+)$" == rest
end

local function is_of(certificate, host)
  local extension = certificate and certificate:extensions()[ALTERNATIVE_NAMES]
  if not extension then return false end
  host = ascii.lower(host)
  if is_address(host) then
    for _, address in ipairs(extension.iPAddress or {}) do
      if address == host then return true end
    end
    return false
  end
  for _, name in ipairs(extension.dNSName or {}) do
    if matches(name, host) then return true end
  end
  return false
end

--- Secures a connection.
---@param socket table of LuaSocket, connected; taken over
---@param options table
---@param seconds number
---@return table? socket
---@return string? message
function redis_tls.wrap(socket, options, seconds)
  local secured, message = library().wrap(socket, { mode = "client", protocol = "any", verify = "peer",
    cafile = options.ca_file, options = { "all", "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1" } })
  if not secured then
    socket:close()
    return nil, message
  end
  secured:settimeout(seconds, "t")
  if not is_address(options.host) then secured:sni(options.host) end
  local ok
  ok, message = secured:dohandshake()
  if ok and not is_of(secured:getpeercertificate(), options.host) then
    ok, message = false, "the certificate is not of " .. options.host
  end
  if ok then return secured end
  secured:close()
  return nil, message == "wantread" and "timeout" or message
end

return redis_tls
