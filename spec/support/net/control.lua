-- JSON control endpoints of a test server.
local cjson = require "cjson"
local http = require "spec.support.net.http"
local server = require "spec.support.net.server"

local control = {}

-- lua-cjson writes an empty table as {}; every list of the endpoints is wrapped to stay a list.
local LIST = {}

---Marks a table as a JSON list.
---@param items table
---@return table
function control.list(items)
  return setmetatable({ items = items }, LIST)
end

local function encode(value)
  if value == nil then return "{}" end
  if getmetatable(value) == LIST then
    return #value.items == 0 and "[]" or cjson.encode(value.items)
  end
  return cjson.encode(value)
end

local function run(route, request)
  if not route then return 404, '{"error":"no such control endpoint"}' end
  local argument
  if request.body ~= "" then
    local ok, value = pcall(cjson.decode, request.body)
    if not ok then return 400, cjson.encode { error = value } end
    argument = value
  end
  local value, err = route(argument)
  if err then return 400, cjson.encode { error = err } end
  return 200, encode(value)
end

---Answers a request if it is one of the control endpoints.
---@param stream table
---@param request table
---@param prefix string such as "/__proxy__/"
---@param routes table "METHOD name" -> function(decoded body) returning value | nil, message
---@return boolean handled
function control.answer(stream, request, prefix, routes)
  if request.path:sub(1, #prefix) ~= prefix then return false end
  local name = request.path:sub(#prefix + 1):match("^[^?]*")
  local status, body = run(routes[request.method .. " " .. name], request)
  stream:write(http.head(http.status_line(status), {
    { "Content-Type", "application/json" }, { "Content-Length", tostring(#body) },
  }) .. body)
  return true
end

---Serves the endpoints on a port of their own, where no fault can reach them.
---@param prefix string
---@param routes table
---@return integer port
function control.listen(prefix, routes)
  local listener, port = server.listen(0)
  server.accept(listener, function(stream)
    repeat
      local request = http.read_request(stream)
    until not request or not control.answer(stream, request, prefix, routes) or not request.keep_alive
  end)
  return port
end

return control
