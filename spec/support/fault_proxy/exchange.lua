-- One request on its way through the proxy: forwarding it, answering it, and keeping its log entry true.
local http = require "spec.support.net.http"
local stream = require "spec.support.net.stream"

local CONNECT_TIMEOUT = 5

local Exchange = {}
Exchange.__index = Exchange

local exchange = {}

---@param client table stream
---@param request table
---@param entry table log entry, updated as things happen
---@param upstream table { host, port, idle = list of streams, opened = count }
---@return table
function exchange.new(client, request, entry, upstream)
  return setmetatable({ client = client, request = request, entry = entry, upstream = upstream }, Exchange)
end

local function take_connection(upstream)
  while #upstream.idle > 0 do
    local pooled = table.remove(upstream.idle)
    if not pooled:is_stale() then return pooled end
    pooled:close()
  end
  upstream.opened = upstream.opened + 1
  return stream.connect(upstream.host, upstream.port, CONNECT_TIMEOUT)
end

---Sends the request to the upstream and reads its whole answer. A failed exchange is never repeated: the upstream
---must see a request exactly as often as the client sent it.
---@return table|nil response
---@return table|nil partial response cut off by the upstream itself
function Exchange:forward()
  local entry, request, upstream = self.entry, self.request, self.upstream
  local connection, err = take_connection(upstream)
  if not connection then
    entry.error = "upstream: " .. tostring(err)
    return nil
  end
  local headers = http.without(request.header_list, "connection", "proxy-connection", "keep-alive", "expect")
  local first_line = ("%s %s HTTP/1.1"):format(request.method, request.path)
  entry.forwarded = connection:write(http.head(first_line, headers) .. request.raw_body)
  local response, read_err, partial = http.read_response(connection, request.method)
  if not response then
    entry.error = "upstream: " .. tostring(read_err)
    connection:close()
    return nil, partial
  end
  entry.upstream_status = response.status
  if response.keep_alive then
    upstream.idle[#upstream.idle + 1] = connection
  else
    connection:close()
  end
  return response
end

---Forwards and, if the upstream itself fails, shows the client the same failure.
---@return table|nil response
function Exchange:forward_or_fail()
  local response, partial = self:forward()
  if response then return response end
  if partial then
    self.client:write(partial.raw_head .. partial.raw_body)
  elseif not self.entry.forwarded then
    self:respond(502, { { "Connection", "close" } }, "fault proxy: " .. self.entry.error)
  end
  return nil
end

---Sends a complete answer.
---@param status integer for the log
---@param bytes string
---@return boolean answered
function Exchange:answer(status, bytes)
  self.entry.status = status
  self.entry.answered = self.client:write(bytes)
  return self.entry.answered
end

---Answers with a message made here.
---@param status integer
---@param header_list table
---@param body string
---@return boolean answered
function Exchange:respond(status, header_list, body)
  local headers = http.without(header_list)
  if status == 204 or status == 304 then
    body = ""
  else
    headers[#headers + 1] = { "Content-Length", tostring(#body) }
  end
  if self.request.method == "HEAD" then body = "" end
  return self:answer(status, http.head(http.status_line(status), headers) .. body)
end

return exchange
