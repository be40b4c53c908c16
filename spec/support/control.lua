--- Requests of specs: to the control endpoints of test servers, and others where the client under test must not test
--- itself. A process for each would cost more than most tests do, so one process (spec/support/control_client.lua)
--- sends them all, one after another.

local shell = require "spec.support.shell"

local control = {}

local asker

--- Starts the process, which otherwise the first question does: for those who count what is open.
function control.begin()
  if asker then return end
  local root = debug.getinfo(1, "S").source:match "^@(.*)spec/support/control%.lua$" or ""
  local handle, lines = shell.start("lua5.4 " .. shell.quote(root .. "spec/support/control_client.lua"))
  if not handle then error("lua5.4 with LuaSocket is needed", 2) end
  asker = { handle = handle, lines = lines }
end

--- Sends one request.
---@param request table `{ method, url, headers = { {name, value}, ... }, body, timeout (seconds, 20) }`; http:// only
---@return table response `{ status, headers (lower-case name -> last value), body, whole }`: `whole` is false when the
--- answer broke off; without one status is 0 and the body says why
function control.request(request)
  control.begin()
  local head = {}
  for i, pair in ipairs(request.headers or {}) do head[i] = ("%s: %s\r\n"):format(pair[1], pair[2]) end
  local block, body = table.concat(head), request.body
  asker.handle:write(("%s %s %s %d %d\n"):format(request.method or "GET", request.url, request.timeout or 20, #block,
    body and #body or -1), block, body or "")
  asker.handle:flush()
  local status, whole, head_size, size = (asker.lines:read "*l" or ""):match "^(%d+) ([01]) (%d+) (%d+)$"
  if not status then error("the process that asks test servers is gone", 2) end
  local function read(length)
    return length == "0" and "" or asker.lines:read(tonumber(length))
  end
  local response = { status = tonumber(status), headers = {}, whole = whole == "1" }
  for line in read(head_size):gmatch "[^\r\n]+" do
    local name, value = line:match "^([^:%s]+):%s*(.*)$"
    if name then response.headers[name:lower()] = value end
  end
  response.body = read(size)
  return response
end

--- Asks a control endpoint.
---@param method string
---@param url string http:// on loopback
---@param body? string JSON
---@return integer? status nil when there was no answer
---@return string body, or what went wrong
function control.ask(method, url, body)
  local response = control.request { method = method, url = url, body = body,
    headers = body and { { "Content-Type", "application/json" } } }
  return response.status ~= 0 and response.status or nil, response.body
end

return control
