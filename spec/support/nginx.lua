--- Starts nginx with its Lua module for specs, on free ports of loopback; it ends when the test process does.
---
---     local nginx = require "spec.support.nginx"
---     local n = nginx.start { server = [[location / { content_by_lua_block { ngx.say "hello" } }]] }
---     n:get "/"            -- { status, headers, body }
---     n:stop()

local curl = require "spec.support.curl"
local find_nginx = require "locksmith.sandbox.server.find_nginx"
local missing = require "spec.support.missing"
local ports = require "locksmith.sandbox.server.ports"
local shell = require "spec.support.shell"

local nginx = {}

local Nginx = {}
Nginx.__index = Nginx

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
  elseif not find_nginx() then
    reason = "needs nginx with its Lua module"
  end
  return (missing.declare(name, reason, 2))
end

local function installed(name, own)
  for _, folder in ipairs { own or "/usr/share/lua/5.1", "/usr/local/share/lua/5.1", "/usr/local/openresty/lualib",
    "/usr/local/openresty/site/lualib" } do
    if read(("%s/resty/%s.lua"):format(folder, name)) ~= "" then return folder end
  end
end

--- Folder of lua-resty-http where `require "resty.http"` finds it, for the tests that need the real one.
---@return string? folder
function nginx.resty_http()
  return installed("http", os.getenv "LOCKSMITH_RESTY_HTTP")
end

--- The same of lua-resty-redis.
---@return string? folder
function nginx.resty_redis()
  return installed("redis", os.getenv "LOCKSMITH_RESTY_REDIS")
end

--- Folder patterns behind which neither of them is found, installed or not.
nginx.WITHOUT_RESTY = "@ROOT@/spec/support/no_resty/?.lua;"

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
  lua_package_path "@PATH@@WITHOUT@@ROOT@/?.lua;@ROOT@/lua/?.lua;@ROOT@/lua/?/init.lua;;";
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

-- Says when nginx is there, and ends it at the end of its own input, which is also that of the process with the test.
local RUN = [[
cd '@DIR@' || exit 1
@UNDER@ '@NGINX@' -p '@DIR@' -c '@DIR@/nginx.conf' @EARLY@ >start.log 2>&1 </dev/null &
child=$!
until [ -s nginx.pid ]; do
  sleep 0.02
  kill -0 "$child" 2>/dev/null || { echo failed; exit 1; }
done
echo "nginx $child"
cat >/dev/null
kill -TERM "$child" 2>/dev/null
wait "$child"
]]

--- Puts the configuration and the script that runs nginx into its folder.
local function prepare(dir, text, fields)
  local chosen = {}
  local function port(n)
    n = tonumber(n)
    while not chosen[n] do
      local candidate = ports.free()
      for _, other in pairs(chosen) do
        if other == candidate then candidate = nil end
      end
      chosen[n] = candidate
    end
    return tostring(chosen[n])
  end
  for n = 1, 9 do port(n) end
  write(dir .. "/nginx.conf", (fill(text, fields):gsub("@PORT(%d)@", port)))
  write(dir .. "/run.sh", fill(RUN, fields))
  return chosen
end

--- Starts nginx. In every text `@ROOT@` is the checkout and `@DIR@` the server's own folder; `@PORT1@` is the port of
--- the server, `@PORT2@` to `@PORT9@` are further free ones.
---@param options table `{ http, server, servers, main = configuration, workers = 1, path = "folder;" patterns before
--- the Lua path, conf = a whole configuration instead of the parts, level = of the error log, files = name -> text put
--- into the folder, under = a command that runs it, such as a profiler }`
---@return table nginx `{ url, port, ports, dir, pid }`
function nginx.start(options)
  local dir = shell.folder "nginx"
  local found = assert(find_nginx())
  local fields = {
    ROOT = nginx.root, DIR = dir, WORKERS = tostring(options.workers or 1), MAIN = options.main or "",
    HTTP = options.http or "", SERVER = options.server or "", SERVERS = options.servers or "",
    PATH = options.path or "", WITHOUT = nginx.WITHOUT_RESTY, LEVEL = options.level or "warn",
    MASTER = options.master or "on",
    CPATH = os.getenv "LOCKSMITH_CORE_51" or nginx.root .. "/build/5.1",
    USER = found.user, NGINX = found.path,
    UNDER = options.under or "", EARLY = found.early_log and "-e error.log" or "",
  }
  local text = found.load .. "\n" .. fill(fill(options.conf or CONF, fields), fields)
  for name, content in pairs(options.files or {}) do write(dir .. "/" .. name, content) end
  local handle, chosen, reason
  -- Another process may have taken a port in between.
  for _ = 1, 3 do
    chosen = prepare(dir, text, fields)
    local lines, line
    handle, lines, line = shell.start("sh " .. quote(dir .. "/run.sh"))
    if lines then lines:close() end
    local pid = line and line:match "^nginx (%d+)$"
    if pid then
      return setmetatable({
        dir = dir, pid = tonumber(pid), handle = handle, ports = chosen, port = chosen[1],
        url = "http://127.0.0.1:" .. ("%.0f"):format(chosen[1]),
      }, Nginx)
    end
    if handle then handle:close() end
    reason = read(dir .. "/start.log") .. read(dir .. "/error.log")
    if not reason:find("Address already in use", 1, true) then break end
  end
  os.execute("rm -rf " .. quote(dir))
  error("nginx did not start: " .. reason, 2)
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
  for word in read(("/proc/%d/task/%d/children"):format(pid, pid)):gmatch "%d+" do pids[#pids + 1] = tonumber(word) end
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
    shell.sleep(0.01)
  end
  error("nginx did not reload: " .. self:log(), 2)
end

--- Waits for processes to end, as the workers of before a reload do once they have nothing left to answer.
---@param pids integer[]
function nginx.wait_for_end(pids)
  for _, pid in ipairs(pids) do
    shell.eventually(function() return not shell.alive(pid) end)
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
  self.pid = nil
  self.handle:close()
  os.execute("rm -rf " .. quote(self.dir))
end

return nginx
