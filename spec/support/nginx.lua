--- Starts nginx with its Lua module for specs, on free ports of loopback; it ends when the test process does.
---
---     local nginx = require "spec.support.nginx"
---     local n = nginx.start { server = [[location / { content_by_lua_block { ngx.say "hello" } }]] }
---     n:get "/"            -- { status, headers, body }
---     n:stop()

local curl = require "spec.support.curl"
local missing = require "spec.support.missing"
local shell = require "spec.support.shell"

local nginx = {}

local Nginx = {}
Nginx.__index = Nginx

local COMMAND = "spec/support/nginx-run"
local LIFETIME = 900

local quote, read, write = shell.quote, shell.read, shell.write

local function output_of(command)
  return (shell.output(command))
end

nginx.read, nginx.write, nginx.output_of = read, write, output_of
nginx.root = (output_of "pwd"):gsub("\n$", "")

--- Declares what a spec file needs. nginx runs LuaJIT whatever runs the specs, so that one interpreter is enough.
---@param name string what the file describes
---@return boolean # whether the specs can run; if not, one pending test says why
function nginx.usable(name)
  local reason
  if not rawget(_G, "jit") then
    reason = "runs under luajit only: what it tests is inside nginx"
  elseif output_of(COMMAND .. " --check >/dev/null 2>&1; echo $?") ~= "0\n" then
    reason = "needs nginx with its Lua module"
  end
  return (missing.declare(name, reason, 2))
end

--- Folder of lua-resty-http where `require "resty.http"` finds it, for the tests that need the real one.
---@return string? folder
function nginx.resty_http()
  local own = os.getenv "LOCKSMITH_RESTY_HTTP"
  for _, folder in ipairs { own or "/usr/share/lua/5.1", "/usr/local/share/lua/5.1", "/usr/local/openresty/lualib",
    "/usr/local/openresty/site/lualib" } do
    if read(folder .. "/resty/http.lua") ~= "" then return folder end
  end
end

local CONF = [[
@USER@
daemon off;
master_process @MASTER@;
worker_processes @WORKERS@;
worker_shutdown_timeout 10s;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log @LEVEL@;
@MAIN@
events { worker_connections 4096; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path @DIR@/body;
  proxy_temp_path @DIR@/proxy;
  fastcgi_temp_path @DIR@/fastcgi;
  uwsgi_temp_path @DIR@/uwsgi;
  scgi_temp_path @DIR@/scgi;
  keepalive_requests 1000000;
  lua_package_path "@PATH@@ROOT@/?.lua;@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;;";
  lua_package_cpath "@CPATH@/?.so;;";
  lua_socket_log_errors off;
  @HTTP@
  server {
    listen 127.0.0.1:@PORT1@;
    @SERVER@
  }
  @SERVERS@
}
]]

local function fill(text, fields)
  return (text:gsub("@(%u+)@", fields))
end

--- Starts nginx. In every text `@ROOT@` is the checkout and `@DIR@` the server's own folder; `@PORT1@` is the port of
--- the server, `@PORT2@` to `@PORT9@` are further free ones.
---@param options table `{ http, server, servers, main = configuration, workers = 1, path = "folder;" patterns before
--- the Lua path, conf = a whole configuration instead of the parts, level = of the error log, files = name -> text put
--- into the folder }`
---@return table nginx `{ url, port, ports, dir, pid }`
function nginx.start(options)
  local dir = shell.folder "nginx"
  local fields = {
    ROOT = nginx.root, DIR = dir, WORKERS = tostring(options.workers or 1), MAIN = options.main or "",
    HTTP = options.http or "", SERVER = options.server or "", SERVERS = options.servers or "",
    PATH = options.path or "", LEVEL = options.level or "warn", MASTER = options.master or "on",
    CPATH = os.getenv "LOCKSMITH_CORE_51" or nginx.root .. "/build/5.1",
  }
  local text = options.conf or CONF
  for _ = 1, 2 do text = fill(text, fields) end
  write(dir .. "/nginx.conf.in", text)
  for name, content in pairs(options.files or {}) do write(dir .. "/" .. name, content) end
  local line = output_of(("%s %s $PPID %d 2>%s/failure"):format(COMMAND, quote(dir), LIFETIME, quote(dir)))
  local words = {}
  for word in line:gmatch "%S+" do words[#words + 1] = word end
  if words[1] ~= "nginx" then
    local reason = read(dir .. "/failure")
    os.execute("rm -rf " .. quote(dir))
    error("nginx did not start: " .. reason, 2)
  end
  local ports = {}
  for i = 3, #words do ports[i - 2] = tonumber(words[i]) end
  return setmetatable({
    dir = dir, pid = tonumber(words[2]), ports = ports, port = ports[1], url = "http://127.0.0.1:" .. words[3],
  }, Nginx)
end

--- Sends one request.
---@param path string
---@param more? table fields of curl.request
---@return table response `{ status, headers, body }`, status 0 without an answer
function Nginx:get(path, more)
  local request = { url = self.url .. path }
  for name, value in pairs(more or {}) do request[name] = value end
  local _, response = curl.request(request)
  return response
end

---@return string # what was written to the error log
function Nginx:log()
  return read(self.dir .. "/error.log")
end

local function workers_of(pid)
  local pids = {}
  for word in output_of(("ps -o pid= --ppid %d 2>/dev/null"):format(pid)):gmatch "%d+" do
    pids[#pids + 1] = tonumber(word)
  end
  return pids
end

---@return integer[] # process ids of the workers, those that are shutting down included
function Nginx:workers()
  return workers_of(self.pid)
end

--- Sends a signal to the master process or a worker.
---@param signal string such as "HUP"
---@param pid? integer
function Nginx:signal(signal, pid)
  os.execute(("kill -%s %d 2>/dev/null"):format(signal, pid or self.pid))
end

--- Reloads the configuration and waits until workers of the new one are there.
---@return integer[] # process ids of the old workers
function Nginx:reload()
  local old = {}
  for _, pid in ipairs(self:workers()) do old[pid] = true end
  self:signal "HUP"
  for _ = 1, 500 do
    for _, pid in ipairs(self:workers()) do
      if not old[pid] then
        local pids = {}
        for each in pairs(old) do pids[#pids + 1] = each end
        return pids
      end
    end
    os.execute "sleep 0.01"
  end
  error("nginx did not reload: " .. self:log(), 2)
end

--- Waits for processes to end, as the workers of before a reload do once they have nothing left to answer.
---@param pids integer[]
function nginx.wait_for_end(pids)
  for _, pid in ipairs(pids) do
    output_of((". spec/support/alive.sh; n=0; while alive %d && [ $n -lt 1000 ]; do sleep 0.01; n=$((n+1)); done")
      :format(pid))
  end
end

---@param pid integer
---@return number # KiB of memory that a process has in use
function nginx.memory(pid)
  return tonumber(read(("/proc/%d/status"):format(pid)):match "VmRSS:%s+(%d+)") or 0
end

--- Stops nginx and removes its folder. May be called twice.
function Nginx:stop()
  if not self.pid then return end
  self:signal "TERM"
  -- The pid file goes last. The process itself may linger as a zombie until its new parent looks.
  output_of(("n=0; while [ -e %s/nginx.pid ] && [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done; "):format(self.dir)
    .. ("[ $n -lt 500 ] || kill -KILL %d 2>/dev/null; rm -rf %s"):format(self.pid, quote(self.dir)))
  self.pid = nil
end

return nginx
