-- A faulty HTTP/1.1 proxy on loopback, run as a process of its own (lua5.4 with LuaSocket).
-- The spec side is spec/support/faults.lua; the faults are described there.
local root = arg[0]:match("^(.*)spec/support/[^/]+$") or "./"
package.path = root .. "?.lua;" .. package.path

local control = require "spec.support.net.control"
local effects = require "spec.support.fault_proxy.effects"
local exchange = require "spec.support.fault_proxy.exchange"
local http = require "spec.support.net.http"
local loop = require "spec.support.net.loop"
local plan = require "spec.support.fault_proxy.plan"
local server = require "spec.support.net.server"

local PREFIX = "/__proxy__/"

local options = server.options(arg)
local host, upstream_port = assert(options.upstream, "--upstream host:port is missing"):match("^([^:]+):(%d+)$")
assert(host, "--upstream must be host:port")

local faults = plan.new()
local upstream = { host = host, port = tonumber(upstream_port), idle = {}, opened = 0 }
local log, last_number = {}, 0
local accepted, open, busy, idle = 0, 0, 0, {}
local listener, port
local routes = {}

local function log_entry(connection, request, fault)
  last_number = last_number + 1
  local entry = {
    n = last_number, connection = connection, method = request and request.method, path = request and request.path,
    fault = fault, forwarded = false, answered = false, time = loop.now(),
  }
  log[#log + 1] = entry
  return entry
end

-- Waits for the next request's first bytes; false when the client has left.
local function await_request(client)
  if #client.buffer > 0 then return true end
  idle[client] = true
  local arrived = client:fill()
  idle[client] = nil
  return arrived
end

-- A request whose bytes arrived on a connection that is closed without looking at them.
local function log_unread(client, connection)
  local method, path = client.buffer:match("^(%u+) (%S+) HTTP/")
  if method then log_entry(connection, { method = method, path = path }, "closed_on_next") end
end

local function serve(client, connection)
  if faults:refuses_connection() then
    log_entry(connection, nil, "refuse")
    client:close("rst")
    return
  end
  local first, fate = true, nil
  while await_request(client) do
    if fate == "on_next" then
      log_unread(client, connection)
      return
    end
    local request, err = http.read_request(client)
    if not request then
      if err ~= "closed" then log_entry(connection, nil, "pass").error = "request: " .. err end
      return
    end
    if control.answer(client, request, PREFIX, routes) then
      fate = "keep"
    else
      local fault = faults:fault_for(request, first)
      first = false
      local entry = log_entry(connection, request, fault.kind)
      busy = busy + 1
      local ok, result = xpcall(effects[fault.kind], debug.traceback, exchange.new(client, request, entry, upstream),
        fault)
      busy = busy - 1
      if not ok then error(result, 0) end
      fate = result
      if fate == "on_next" then client.closing_how = fault.how end
    end
    if not request.keep_alive or (fate ~= "keep" and fate ~= "on_next") then
      log_unread(client, connection)
      client:close(fate)
      return
    end
  end
end

local function listen(wanted_port)
  listener, port = server.listen(wanted_port)
  server.accept(listener, function(client)
    accepted = accepted + 1
    open = open + 1
    local ok, err = xpcall(serve, debug.traceback, client, accepted)
    open = open - 1
    if not ok then io.stderr:write(err, "\n") end
    client:close(client.closing_how)
  end)
end

local function close_idle(how)
  local clients = {}
  for client in pairs(idle) do clients[#clients + 1] = client end
  for _, client in ipairs(clients) do client:close(how) end
  return #clients
end

routes["POST script"] = function(entries) return faults:set_script(entries) end
routes["POST chaos"] = function(settings) return faults:set_chaos(settings) end

routes["POST reset"] = function()
  faults:reset()
  log, last_number = {}, 0
  if not listener then listen(port) end
end

routes["GET log"] = function() return control.list(log) end

routes["GET state"] = function()
  return {
    pending = faults:pending(), listening = listener ~= nil, accepted = accepted, open = open,
    busy = busy, upstream_opened = upstream.opened,
  }
end

routes["POST listen"] = function(wanted)
  if type(wanted) ~= "table" or type(wanted.on) ~= "boolean" then return nil, "listen takes { on = boolean }" end
  if wanted.on and not listener then
    listen(port)
  elseif not wanted.on and listener then
    local closed = listener
    listener = nil
    closed:close()
    loop.cancel(closed)
    close_idle("fin")
  end
end

routes["POST close_idle"] = function(how)
  return { closed = close_idle(type(how) == "table" and how.how or "fin") }
end

routes["POST stop"] = function() loop.spawn(function() loop.sleep(0.01) loop.stop() end) end

listen(tonumber(options.port or 0))
local control_port = control.listen(PREFIX, routes)
server.guard(tonumber(options.lifetime or 600), options.watch ~= "no")
server.announce { port = port, control = control_port }
loop.run()
