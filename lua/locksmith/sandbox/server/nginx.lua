--- Serves a sandbox by nginx with its Lua module, started for it with a configuration of its own.

local find_nginx = require "locksmith.sandbox.server.find_nginx"
local json = require "locksmith.sandbox.json"
local ports = require "locksmith.sandbox.server.ports"
local shell = require "locksmith.sandbox.server.shell"

local output, quoted = shell.output, shell.quote

local nginx = {}

local CONF = [[
@LOAD@
worker_processes 1;
@USER@
daemon off;
pid @PID@;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  absolute_redirect off;
  default_type "";
  underscores_in_headers on;
  ignore_invalid_headers off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_max_body_size 0;
  client_body_buffer_size 8m;
  keepalive_requests 10000000;
  lua_package_path @PATH@;
  init_by_lua_block { require "locksmith.sandbox.server.inside".start(@FOLDER@) }
  init_worker_by_lua_block { require "locksmith.sandbox.server.inside".watch() }
  server {
    listen 127.0.0.1:@PORT@@SSL@;
    @TLS@
    lua_check_client_abort on;
    location / { content_by_lua_block { require "locksmith.sandbox.server.inside".serve() } }
  }
}
]]

-- Everything that nginx keeps open is also the writing end of "life", so that reading it ends when nginx has.
local START = [[
cd -- @DIR@ && mkfifo life || exit 1
printf '{"watched":[%s@PARENT@],' "$PPID" >settings.json && cat settings >>settings.json || exit 1
@NGINX@ -p @DIR@ -c @DIR@/nginx.conf @EARLY@ </dev/null 3<>life &
child=$!
until [ -s nginx.pid ]; do
  kill -0 "$child" 2>/dev/null || exit 1
  sleep 0.02 2>/dev/null || sleep 1
done
]]

-- Reads "life" also when nobody has it open any more. A signal for all of them ends the first cat before nginx.
local WAIT = [[
trap : HUP INT TERM
exec 4<>@DIR@/life 5<@DIR@/life 4>&-
cat <&5 || cat <&5
rm -rf -- @DIR@
]]

--- A word of nginx's configuration.
local function word(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local function execute(command)
  local first, _, code = os.execute(command)
  return first == true or first == 0 or code == 0
end

local function fill(text, fields)
  return (text:gsub("@([A-Z]+)@", fields))
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

---@return string? reason why nginx cannot serve here
function nginx.missing()
  local found, problem = find_nginx()
  if not found then return problem end
end

--- The folder of which "locksmith/sandbox/server/nginx.lua" is below.
local function root()
  local source = debug.getinfo(1, "S").source:match "^@(.*)locksmith/sandbox/server/nginx%.lua$"
  return output("cd -- " .. quoted(source == "" and "." or source) .. " && pwd")
end

--- For nginx, which goes by folders of its own.
local function absolute(path)
  return path:sub(1, 1) == "/" and path or output "pwd" .. "/" .. path
end

local function configure(options, folder, found, port)
  local tls = ""
  if options.tls then
    tls = ("ssl_certificate %s; ssl_certificate_key %s;"):format(word(options.tls[1]), word(options.tls[2]))
  end
  local share = root()
  write(folder .. "/nginx.conf", fill(CONF, {
    LOAD = found.load, PORT = ("%.0f"):format(port), TLS = tls, SSL = options.tls and " ssl" or "",
    PID = word(folder .. "/nginx.pid"),
    USER = found.user,
    PATH = word(share .. "/?.lua;" .. share .. "/?/init.lua;;"),
    FOLDER = ("%q"):format(folder),
  }))
end

local function start(options, found, folder)
  local command = fill(START, {
    DIR = quoted(folder), NGINX = quoted(found.path), EARLY = found.early_log and "-e stderr" or "",
    PARENT = options.parent and (",%.0f"):format(options.parent) or "",
  })
  for _ = 1, 5 do
    local port = options.port
    if port == 0 then port = ports.free() end
    -- nginx would say so too, after trying for some seconds.
    if options.port ~= 0 and ports.in_use(port) then return nil, ("port %.0f is in use"):format(port) end
    configure(options, folder, found, port)
    if execute(command) then return port end
    os.remove(folder .. "/life")
    -- Another process may have taken the port in between.
    if options.port ~= 0 or not ports.in_use(port) then break end
  end
  return nil, "nginx did not start"
end

---@param options table see `server.run`; `sandbox` are those of `sandbox.new`
---@return true? ended
---@return string? message
function nginx.run(options)
  local settings = { sandbox = options.sandbox, lifetime = options.lifetime }
  local fits, text = pcall(json.encode, settings)
  if not fits then return nil, "nginx can be given only sandbox options that JSON can hold" end
  local folder = output [[mktemp -d "${TMPDIR:-/tmp}/locksmith-sandbox.XXXXXX"]]
  if folder == "" then return nil, "no folder for temporary files" end
  if options.tls then
    options.tls = { absolute(options.tls[1]), absolute(options.tls[2]) }
  end
  write(folder .. "/settings", (text:gsub("^{", "")))
  local port, problem = start(options, assert(find_nginx()), folder)
  if not port then
    execute("rm -rf -- " .. quoted(folder))
    return nil, problem
  end
  options.announce(("%s://127.0.0.1:%.0f"):format(options.tls and "https" or "http", port))
  execute(fill(WAIT, { DIR = quoted(folder) }))
  return true
end

return nginx
