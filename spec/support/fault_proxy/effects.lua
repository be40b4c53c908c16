-- What each fault does to an exchange. A function returns how the client connection goes on:
-- "keep", "on_next" (close it when the next request arrives), "rst", or nil for an orderly close.
local cjson = require "cjson"
local http = require "spec.support.net.http"
local loop = require "spec.support.net.loop"

local effects = {}

local FOREVER_MS = 3600 * 1000
local HUGE_BYTES = 1024 * 1024 * 1024
local BLOCK = ("x"):rep(16384)

local function position(fault, size, largest)
  local at = fault.at or math.floor(size * (fault.fraction or 0.5))
  return math.max(math.min(math.floor(at), largest), 0)
end

-- Head and body of an answer whose end does not depend on the connection's end, so that cutting it can be noticed.
local function framed(response)
  if not response.until_close then return response.raw_head, response.raw_body end
  local headers = http.without(response.header_list, "connection")
  headers[#headers + 1] = { "Content-Length", tostring(#response.raw_body) }
  return http.head(response.first_line, headers), response.raw_body
end

local function after_answer(exchange, response)
  return exchange.entry.answered and response.keep_alive and "keep" or nil
end

-- For faults that may or may not let the service act. False when the upstream itself failed.
local function act(exchange, fault)
  if fault.forward == false then return true end
  return exchange:forward_or_fail() ~= nil
end

local function start_body(exchange, fault)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  local head, body = framed(response)
  exchange.entry.status = response.status
  -- An empty body cannot be cut: the blank line that ends the head is held back instead.
  if body == "" or exchange.request.method == "HEAD" then
    return exchange.client:write(head:sub(1, -3))
  end
  return exchange.client:write(head .. body:sub(1, position(fault, #body, #body - 1)))
end

function effects.pass(exchange)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  exchange:answer(response.status, response.raw_head .. response.raw_body)
  return after_answer(exchange, response)
end

function effects.refuse()
  return "rst"
end

function effects.drop_before(_, fault)
  return fault.how
end

function effects.drop_after(exchange, fault)
  exchange:forward()
  return fault.how
end

function effects.cut_headers(exchange, fault)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  local head = response.raw_head
  exchange.client:write(head:sub(1, position(fault, #head, #head - 1)))
  return fault.how
end

function effects.cut_body(exchange, fault)
  return start_body(exchange, fault) and fault.how or nil
end

function effects.delay(exchange, fault)
  local seconds = (fault.ms or 20) / 1000
  if fault.before and exchange.client:wait_gone(seconds) then return nil end
  local response = exchange:forward_or_fail()
  if not response then return nil end
  if not fault.before and exchange.client:wait_gone(seconds) then return nil end
  exchange:answer(response.status, response.raw_head .. response.raw_body)
  return after_answer(exchange, response)
end

function effects.stall(exchange, fault)
  if fault.forward ~= false then exchange:forward() end
  exchange.client:wait_gone((fault.ms or FOREVER_MS) / 1000)
end

function effects.stall_body(exchange, fault)
  if start_body(exchange, fault) then
    exchange.client:wait_gone((fault.ms or FOREVER_MS) / 1000)
  end
end

function effects.wrong_length(exchange, fault)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  local by = math.floor(fault.by or 10)
  local headers = http.without(response.header_list, "content-length", "transfer-encoding", "connection")
  headers[#headers + 1] = { "Content-Length", tostring(math.max(#response.body + by, 0)) }
  exchange:answer(response.status, http.head(response.first_line, headers) .. response.body)
  -- Too short a length leaves the rest of the body on a live connection, where it looks like the next answer.
  return by < 0 and "keep" or nil
end

function effects.garbage(exchange, fault)
  if not act(exchange, fault) then return nil end
  exchange.client:write(fault.body or "\1\2\3\250\251 this is not HTTP\r\n\r\n")
end

function effects.bad_json(exchange, fault)
  if not act(exchange, fault) then return nil end
  local headers = { { "Content-Type", "application/json" } }
  exchange:respond(math.floor(fault.status or 200), headers, fault.body or '{"id": 1, "add')
  return "keep"
end

local function respond_status(exchange, fault, default)
  local status = math.floor(fault.status or default)
  local headers = http.header_list(fault.headers)
  local body, content_type = fault.body, nil
  if fault.json then
    body, content_type = cjson.encode(fault.json), "application/json"
  elseif not body then
    local title = http.status_line(status):match(" (.*)")
    body = ("<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"):format(title, title)
    content_type = "text/html"
  end
  if content_type and #http.without(headers, "content-type") == #headers then
    headers[#headers + 1] = { "Content-Type", content_type }
  end
  if fault.close then headers[#headers + 1] = { "Connection", "close" } end
  exchange:respond(status, headers, body)
  return not fault.close and "keep" or nil
end

function effects.status(exchange, fault)
  return respond_status(exchange, fault, 503)
end

function effects.status_after(exchange, fault)
  if not exchange:forward_or_fail() then return nil end
  return respond_status(exchange, fault, 502)
end

function effects.trickle(exchange, fault)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  local head, body = framed(response)
  local bytes, size = head .. body, math.max(math.floor(fault.bytes or 1), 1)
  exchange.entry.status = response.status
  for at = 1, #bytes, size do
    if not exchange.client:write(bytes:sub(at, at + size - 1)) then return nil end
    if at + size <= #bytes and exchange.client:wait_gone((fault.ms or 2) / 1000) then return nil end
  end
  exchange.entry.answered = true
  return "keep"
end

function effects.idle_close(exchange, fault)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  local head, body = framed(response)
  exchange:answer(response.status, head .. body)
  -- An RST overtakes bytes the client has not read yet, which would be another fault.
  local ms = fault.ms or (fault.how == "rst" and 50 or 0)
  if ms > 0 then exchange.client:fill(ms / 1000) end
  return fault.how
end

function effects.idle_close_on_next(exchange)
  local response = exchange:forward_or_fail()
  if not response then return nil end
  local head, body = framed(response)
  exchange:answer(response.status, head .. body)
  return exchange.entry.answered and "on_next" or nil
end

-- The start of a gzip stream is right in "noise" and "truncated", so that a decoder gets as far as it can.
local GZIP = {
  noise = "\31\139\8\0\0\0\0\0\0\3" .. ("\255\254 not deflate "):rep(4),
  truncated = "\31\139\8\0\0\0\0\0\0\3\171\86",
}

function effects.gzip_bad(exchange, fault)
  local body = GZIP[fault.how or "noise"]
  if fault.forward ~= false then
    local response = exchange:forward_or_fail()
    if not response then return nil end
    body = body or response.body
  end
  local headers = { { "Content-Type", "application/json" }, { "Content-Encoding", "gzip" } }
  exchange:respond(200, headers, body or '{"id": 1}')
  return "keep"
end

function effects.huge(exchange, fault)
  if not act(exchange, fault) then return nil end
  local how, limit = fault.how or "chunked", fault.bytes or HUGE_BYTES
  local headers, block = { { "Content-Type", "application/json" } }, BLOCK
  if how == "chunked" then
    headers[2] = { "Transfer-Encoding", "chunked" }
    block = ("%x\r\n%s\r\n"):format(#BLOCK, BLOCK)
  elseif how == "length" then
    headers[2] = { "Content-Length", "1000000000000" }
  elseif how == "close" then
    headers[2] = { "Connection", "close" }
  else
    block = "X-Filler: " .. BLOCK:sub(1, 1000) .. "\r\n"
  end
  local head = http.head(http.status_line(200), headers)
  exchange.entry.status = 200
  if not exchange.client:write(how == "headers" and head:sub(1, -3) or head) then return nil end
  local sent = 0
  while sent < limit and exchange.client:write(block) do
    sent = sent + #block
    loop.sleep(0) -- other connections get their turn
  end
end

return effects
