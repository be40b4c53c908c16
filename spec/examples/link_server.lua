-- An HTTP server on cqueues that makes a link for each request, /?target=URL, without keeping the others waiting.
-- usage: link_server.lua PORT
local cqueues = require "cqueues"
local sockets = require "cqueues.socket"
local locksmith = require "locksmith"

locksmith.loop "cqueues"
local lockpub = locksmith.assert(locksmith.lockpub { base_url = os.getenv "LOCKPUB_URL" })

local function answer(request_line)
  local target = request_line:match "^GET /%?target=(%S+)"
  if not target then return "404 Not Found", "no target\n" end
  target = target:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  local link, err = lockpub.links:create({ type = "url", target_url = target, memo = "made on request",
    password = assert(os.getenv "LINK_PASSWORD") }, { idempotent = true })
  if link then return "201 Created", link.short_url .. "\n" end
  return err.kind == "invalid_request" and "400 Bad Request" or "503 Service Unavailable", tostring(err) .. "\n"
end

local function serve(connection)
  connection:setmode("b", "bf")
  local request_line = connection:read "*l"
  repeat local header = connection:read "*l" until not header or header == "\r" or header == ""
  local status, body = answer(request_line or "")
  connection:write(("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(status, #body, body))
  connection:flush()
  connection:close()
end

local server, queue = sockets.listen("127.0.0.1", tonumber(arg[1])), cqueues.new()
assert(server:listen())
print "ready"
io.stdout:flush()
queue:wrap(function()
  while true do queue:wrap(serve, server:accept()) end
end)
assert(queue:loop())
