-- A tiny HTTP/1.1 origin on loopback, run as a process of its own (lua5.4 with LuaSocket).
-- The spec side is spec/support/origin.lua.
local root = arg[0]:match("^(.*)spec/support/[^/]+$") or "./"
package.path = root .. "?.lua;" .. package.path

local cjson = require "cjson"
local control = require "spec.support.net.control"
local http = require "spec.support.net.http"
local loop = require "spec.support.net.loop"
local script = require "spec.support.net.script"
local server = require "spec.support.net.server"

local PREFIX = "/__origin__/"
local OPTIONS = {
  status = "number", headers = "table", body = "string", json = "table", chunked = "boolean", close = "boolean",
  delay = "number", raw = "string", when = "table", times = "number",
}

local options = server.options(arg)
local answers, default_answer, requests = script.new(), nil, {}
local routes = {}

local function check(answer)
  if type(answer) ~= "table" then return nil, "an answer is a table" end
  for name, value in pairs(answer) do
    if type(value) ~= OPTIONS[name] then return nil, "unknown option or wrong type: " .. tostring(name) end
  end
  return true
end

local function chunked(body)
  local parts = {}
  for at = 1, #body, 1000 do
    local piece = body:sub(at, at + 999)
    parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#piece, piece)
  end
  return table.concat(parts) .. "0\r\n\r\n"
end

local function message(answer, request)
  local status, body = math.floor(answer.status or 200), answer.body or ""
  local headers = http.header_list(answer.headers)
  if answer.json then
    body = cjson.encode(answer.json)
    if #http.without(headers, "content-type") == #headers then
      headers[#headers + 1] = { "Content-Type", "application/json" }
    end
  end
  if answer.close then headers[#headers + 1] = { "Connection", "close" } end
  if status == 204 or status == 304 then
    body = ""
  elseif answer.chunked then
    headers[#headers + 1] = { "Transfer-Encoding", "chunked" }
    body = chunked(body)
  else
    headers[#headers + 1] = { "Content-Length", tostring(#body) }
  end
  return http.head(http.status_line(status), headers) .. (request.method == "HEAD" and "" or body)
end

local accepted = 0

local function serve(client)
  accepted = accepted + 1
  local connection = accepted
  while true do
    local request = http.read_request(client)
    if not request then return end
    if not control.answer(client, request, PREFIX, routes) then
      local n = #requests + 1
      requests[n] = {
        n = n, connection = connection, method = request.method, path = request.path, headers = request.headers,
        body = request.body, raw = request.raw_head .. request.raw_body, time = loop.now(),
      }
      local answer = answers:take(request) or default_answer
        or { json = { n = n, method = request.method, path = request.path, body = request.body } }
      if answer.delay and client:wait_gone(answer.delay / 1000) then return end
      if not client:write(answer.raw or message(answer, request)) or answer.close then return end
    end
    if not request.keep_alive then return end
  end
end

routes["POST script"] = function(list)
  if type(list) ~= "table" then return nil, "a script is a list of answers" end
  for _, answer in ipairs(list) do
    local ok, err = check(answer)
    if not ok then return nil, err end
  end
  answers:set(list)
end

routes["POST default"] = function(answer)
  if answer then
    local ok, err = check(answer)
    if not ok then return nil, err end
  end
  default_answer = answer
end

routes["GET requests"] = function() return control.list(requests) end

routes["POST reset"] = function()
  answers:set {}
  default_answer, requests = nil, {}
end

routes["POST stop"] = function() loop.spawn(function() loop.sleep(0.01) loop.stop() end) end

local listener, port = server.listen(tonumber(options.port or 0))
server.accept(listener, serve)
local control_port = control.listen(PREFIX, routes)
server.guard(tonumber(options.lifetime or 600), options.watch ~= "no")
server.announce { port = port, control = control_port }
loop.run()
