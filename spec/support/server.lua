--- Starts and stops servers for specs. Each is on a free port of loopback and ends by itself when the test process
--- does.

local control = require "spec.support.control"
local curl = require "spec.support.curl"
local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"

local server = {}

local COMMAND = "spec/support/sandbox-server"
-- However the test process ends, no server outlives this.
local LIFETIME = 1800

local Sandbox = {}
Sandbox.__index = Sandbox

--- Whether nginx with its Lua module is here.
---@return boolean
function server.available()
  local _, status = shell.output(COMMAND .. " --check >/dev/null 2>&1")
  return status == 0
end

local function start_command(options, pid_file)
  local parts = {
    -- The shell's parent is this process; the server polls it.
    COMMAND, "--detach", "--parent", "$PPID", "--lifetime", tostring(LIFETIME), "--pid", shell.quote(pid_file),
    "--port", tostring(options.port or 0),
  }
  local function add(...)
    for _, part in ipairs { ... } do parts[#parts + 1] = part end
  end
  local inner = {}
  for name, value in pairs(options) do
    if name == "plan" then
      add("--plan", shell.quote(value))
    elseif name == "delay" then
      add("--delay", string.format("%.0f", value * 1000))
    elseif name == "tls" then
      add("--tls", shell.quote(value[1]), shell.quote(value[2]))
    elseif name ~= "port" then
      inner[name] = value
    end
  end
  if next(inner) then add("--options", shell.quote(json.encode(inner))) end
  return table.concat(parts, " ")
end

--- Serves a sandbox over HTTP.
---@param options? table options of `sandbox.new` that JSON can hold; `port` (default a free one);
--- `tls` `{ certificate, key }` PEM files, for https
---@return table # `{ url, port, pid, stop, control, call, ... }`; raises when it cannot start
function server.sandbox(options)
  options = options or {}
  local pid_file = os.tmpname()
  control.begin()
  local url = shell.output(start_command(options, pid_file)):match "^sandbox on (%S+)\n$"
  if not url then error("the sandbox server did not start", 2) end
  local self = setmetatable({
    url = url, port = tonumber(url:match("%d+$")), pid_file = pid_file, ca_file = options.tls and options.tls[1],
  }, Sandbox)
  self.pid = tonumber(shell.read(pid_file))
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
  local file = shell.quote(self.pid_file)
  os.execute("kill -TERM " .. string.format("%.0f", self.pid) .. " 2>/dev/null; n=0; "
    .. "while [ -s " .. file .. " ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done; rm -f " .. file)
  self.pid_file = nil
end

--- A control request, see locksmith/sandbox/control.lua.
---@param path string e.g. "state"
---@param body? table sent as JSON by POST; without it the request is a GET
---@return any # the answer; raises what the server refuses
function Sandbox:control(path, body)
  local url, method, sent = self.url .. "/__sandbox__/" .. path, body and "POST" or "GET", body and json.encode(body)
  local status, text
  if self.ca_file then
    local _, response = curl.request { url = url, ca_file = self.ca_file, method = method, body = sent }
    status, text = response.status, response.body
  else
    status, text = control.ask(method, url, sent)
  end
  if not status or status == 0 then error("the sandbox server does not answer: " .. text, 0) end
  local value = json.decode(text)
  if status ~= 200 then error(value and value.error or text, 0) end
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
