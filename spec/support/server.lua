--- Starts and stops servers for specs. Each is on a free port of loopback and ends by itself when the test process
--- does.

local control = require "spec.support.control"
local curl = require "spec.support.curl"
local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"

local server = {}

local Sandbox = {}
Sandbox.__index = Sandbox

local root = debug.getinfo(1, "S").source:match "^@(.*)spec/support/server%.lua$" or ""

--- Whether a sandbox can be served here.
---@return boolean
function server.available()
  local _, status = shell.output "env -u LUA_PATH -u LUA_CPATH lua5.4 -e 'require [[socket]]' >/dev/null 2>&1"
  return status == 0
end

--- Serves a sandbox over HTTP.
---@param options? table of `locksmith.sandbox.server`, as far as JSON can hold them; `port` is a free one, if not
--- given; `lua` is the interpreter that serves (default lua5.4)
---@return table # `{ url, port, stop, control, call, ... }`; raises when it cannot start
function server.sandbox(options)
  local given = { port = 0 }
  for name, value in pairs(options or {}) do given[name] = value end
  local lua = given.lua or "lua5.4"
  given.lua = nil
  control.begin()
  -- The shell's parent is this process.
  local handle, lines, line = shell.start(('%s %s %s "$PPID" %s'):format(shell.quote(root .. "spec/support/served-run"),
    shell.quote(lua), shell.quote(root .. "spec/support/served.lua"), shell.quote(json.encode(given))))
  if not handle then error("the sandbox server did not start", 2) end
  lines:close()
  local url = line:match "^sandbox on (%S+)$"
  local self = setmetatable({
    url = url, port = tonumber(url:match "%d+$"), handle = handle, ca_file = given.tls and given.tls[1],
  }, Sandbox)
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
  if not self.handle then return end
  if pcall(self.control, "stop", {}) then self.handle:write "told\n" end
  self.handle:close()
  self.handle = nil
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
