--- Starts and stops servers for specs. Each is on a free port of loopback and ends by itself when the test process
--- does.

local curl = require "spec.support.curl"
local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"

local server = {}

local COMMAND = "spec/support/sandbox-server"
-- However the test process ends, no server outlives this.
local LIFETIME = 1800

local Sandbox = {}
Sandbox.__index = Sandbox

--- Whether nginx with its Lua module is here.
---@return boolean
function server.available()
  local pipe = io.popen(COMMAND .. " --check >/dev/null 2>&1; echo $?")
  local code = pipe:read "*l"
  pipe:close()
  return code == "0"
end

local function start_command(options, pid_file)
  local parts = {
    -- The shell's parent is this process; the server polls it.
    COMMAND, "--detach", "--parent", "$PPID", "--lifetime", tostring(LIFETIME), "--pid", curl.quote(pid_file),
    "--port", tostring(options.port or 0),
  }
  local function add(...)
    for _, part in ipairs { ... } do parts[#parts + 1] = part end
  end
  local inner = {}
  for name, value in pairs(options) do
    if name == "plan" then
      add("--plan", curl.quote(value))
    elseif name == "delay" then
      add("--delay", string.format("%.0f", value * 1000))
    elseif name == "tls" then
      add("--tls", curl.quote(value[1]), curl.quote(value[2]))
    elseif name ~= "port" then
      inner[name] = value
    end
  end
  if next(inner) then add("--options", curl.quote(json.encode(inner))) end
  return table.concat(parts, " ")
end

--- Serves a sandbox over HTTP.
---@param options? table options of `sandbox.new` that JSON can hold; `port` (default a free one);
--- `tls` `{ certificate, key }` PEM files, for https
---@return table # `{ url, port, pid, stop, control, call, ... }`; raises when it cannot start
function server.sandbox(options)
  options = options or {}
  local pid_file = os.tmpname()
  local pipe = io.popen(start_command(options, pid_file))
  local line = pipe:read "*l"
  pipe:close()
  local url = line and line:match("^sandbox on (%S+)$")
  if not url then error("the sandbox server did not start", 2) end
  local self = setmetatable({
    url = url, port = tonumber(url:match("%d+$")), pid_file = pid_file, ca_file = options.tls and options.tls[1],
  }, Sandbox)
  local handle = assert(io.open(pid_file))
  self.pid = handle:read "*n"
  handle:close()
  -- Also callable without the object, so that they can be passed on.
  self.stop = function() Sandbox.stop(self) end
  self.control = function(first, ...)
    if first == self then return Sandbox.control(self, ...) end
    return Sandbox.control(self, first, ...)
  end
  return self
end

--- Stops the server and waits for it to be gone. More than one call does no harm.
function Sandbox:stop()
  if not self.pid_file then return end
  local file = curl.quote(self.pid_file)
  os.execute("kill -TERM " .. string.format("%.0f", self.pid) .. " 2>/dev/null; n=0; "
    .. "while [ -s " .. file .. " ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done; rm -f " .. file)
  self.pid_file = nil
end

--- A control request, see locksmith/sandbox/control.lua.
---@param path string e.g. "state"
---@param body? table sent as JSON by POST; without it the request is a GET
---@return any # the answer; raises what the server refuses
function Sandbox:control(path, body)
  local response = assert(curl.request {
    url = self.url .. "/__sandbox__/" .. path, ca_file = self.ca_file,
    method = body and "POST" or "GET", body = body and json.encode(body),
  }, "the sandbox server does not answer")
  local value = json.decode(response.body)
  if response.status ~= 200 then error(value and value.error or response.body, 0) end
  return value
end

--- Calls a method of the served sandbox, e.g. `box:call("set_address", 1, { enabled = false })`.
---@param method string
---@return any # its result, null as nil
function Sandbox:call(method, ...)
  local args = json.array {}
  for i = 1, select("#", ...) do
    local arg = select(i, ...)
    args[i] = arg == nil and json.null or arg
  end
  local result = self:control("call", { method = method, args = args }).result
  if result == json.null then return nil end
  return result
end

--- Makes the served sandbox anew.
---@param options? table options of `sandbox.new` that JSON can hold
function Sandbox:reset(options)
  self:control("reset", options or {})
end

---@return table # see Sandbox:state
function Sandbox:state()
  return self:control "state"
end

---@return table[] # see Sandbox:log
function Sandbox:log()
  return self:control "log"
end

---@param rule table see Sandbox:fault
function Sandbox:fault(rule)
  self:control("fault", rule)
end

server.LOCKPUB_KEY, server.LOCKER_KEY = sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY

return server
