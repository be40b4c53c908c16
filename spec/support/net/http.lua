-- HTTP/1.1 messages on a stream. Raw bytes are kept next to the parsed view, for a proxy to pass on unchanged.
local http = {}

local HEAD_LIMIT = 1024 * 1024
local LINE_LIMIT = 64 * 1024
http.BODY_LIMIT = 256 * 1024 * 1024

http.reasons = {
  [200] = "OK", [201] = "Created", [204] = "No Content", [301] = "Moved Permanently", [302] = "Found",
  [303] = "See Other", [304] = "Not Modified", [307] = "Temporary Redirect", [308] = "Permanent Redirect",
  [400] = "Bad Request", [401] = "Unauthorized", [402] = "Payment Required", [403] = "Forbidden", [404] = "Not Found",
  [408] = "Request Timeout", [409] = "Conflict", [413] = "Content Too Large", [422] = "Unprocessable Content",
  [429] = "Too Many Requests", [500] = "Internal Server Error", [501] = "Not Implemented", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

local function parse_head(raw)
  local message = { raw_head = raw, header_list = {}, headers = {}, raw_body = "", body = "" }
  local first = true
  for line in raw:gmatch("([^\r\n]*)\r?\n") do
    if first then
      message.first_line = line
      first = false
    elseif line ~= "" then
      local name, value = line:match("^([^:]+):[ \t]*(.-)[ \t]*$")
      if not name then return nil, "malformed header" end
      message.header_list[#message.header_list + 1] = { name, value }
      local key = name:lower()
      message.headers[key] = message.headers[key] and message.headers[key] .. ", " .. value or value
    end
  end
  return message
end

local function has_token(value, token)
  return value ~= nil and ("," .. value:lower():gsub("%s", "") .. ","):find("," .. token .. ",", 1, true) ~= nil
end

local function keeps_alive(message, version)
  local connection = message.headers.connection
  if version == "1.0" then return has_token(connection, "keep-alive") end
  return not has_token(connection, "close")
end

local function read_chunked(stream, message)
  local raw, decoded, total = {}, {}, 0
  local function fail(err, partial)
    raw[#raw + 1] = partial
    message.raw_body, message.body = table.concat(raw), table.concat(decoded)
    return nil, err
  end
  while true do
    local line, err = stream:read_until("\r\n", LINE_LIMIT)
    if not line then return fail(err) end
    raw[#raw + 1] = line
    local size = tonumber(line:match("^%x+") or "", 16)
    if not size then return fail("malformed chunk") end
    total = total + size
    if total > http.BODY_LIMIT then return fail("too large") end
    if size == 0 then break end
    local data, data_err, partial = stream:read_exact(size + 2)
    if not data then return fail(data_err, partial) end
    raw[#raw + 1] = data
    decoded[#decoded + 1] = data:sub(1, size)
  end
  repeat
    local line, err = stream:read_until("\r\n", LINE_LIMIT)
    if not line then return fail(err) end
    raw[#raw + 1] = line
  until line == "\r\n"
  message.raw_body, message.body = table.concat(raw), table.concat(decoded)
  return true
end

local function read_body(stream, message)
  if has_token(message.headers["transfer-encoding"], "chunked") then
    return read_chunked(stream, message)
  end
  local length = tonumber(message.headers["content-length"])
  if not length then return true end
  if length > http.BODY_LIMIT then return nil, "too large" end
  local data, err, partial = stream:read_exact(length)
  message.raw_body = data or partial
  message.body = message.raw_body
  if not data then return nil, err end
  return true
end

---Reads one request with its whole body; answers `Expect: 100-continue` on the way.
---@param stream table
---@return table|nil request { method, path, version, headers, header_list, raw_head, raw_body, body, keep_alive }
---@return string|nil err
function http.read_request(stream)
  local raw, err = stream:read_until("\r\n\r\n", HEAD_LIMIT)
  if not raw then return nil, err end
  local request, parse_err = parse_head(raw)
  if not request then return nil, parse_err end
  request.method, request.path, request.version = request.first_line:match("^(%u+) (%S+) HTTP/(1%.[01])$")
  if not request.method then return nil, "malformed request line" end
  request.keep_alive = keeps_alive(request, request.version)
  if has_token(request.headers.expect, "100-continue") then
    stream:write("HTTP/1.1 100 Continue\r\n\r\n")
  end
  local ok, body_err = read_body(stream, request)
  if not ok then return nil, body_err end
  return request
end

---Reads one final response; interim 1xx responses are skipped.
---@param stream table
---@param method string of the request
---@return table|nil response { status, headers, header_list, raw_head, raw_body, body, until_close, keep_alive }
---@return string|nil err
---@return table|nil partial the response as far as it came, if its head was complete
function http.read_response(stream, method)
  local response, err
  repeat
    local raw
    raw, err = stream:read_until("\r\n\r\n", HEAD_LIMIT)
    if not raw then return nil, err end
    response, err = parse_head(raw)
    if not response then return nil, err end
    response.version, response.status = response.first_line:match("^HTTP/(1%.[01]) (%d%d%d)")
    response.status = tonumber(response.status)
    if not response.status then return nil, "malformed status line" end
  until response.status >= 200
  response.keep_alive = keeps_alive(response, response.version)
  if method == "HEAD" or response.status == 204 or response.status == 304 then
    response.bodiless = true
    return response
  end
  if not response.headers["content-length"] and not has_token(response.headers["transfer-encoding"], "chunked") then
    response.until_close, response.keep_alive = true, false
    response.raw_body = stream:read_to_close()
    response.body = response.raw_body
    return response
  end
  local ok, body_err = read_body(stream, response)
  if not ok then return nil, body_err, response end
  return response
end

---Writes a header block.
---@param first_line string
---@param header_list table list of { name, value }
---@return string
function http.head(first_line, header_list)
  local lines = { first_line }
  for _, header in ipairs(header_list) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

---Copies a header list without some names.
---@param header_list table list of { name, value }
---@param ... string lower-case names to leave out
---@return table
function http.without(header_list, ...)
  local left_out, kept = {}, {}
  for _, name in ipairs { ... } do left_out[name] = true end
  for _, header in ipairs(header_list) do
    if not left_out[header[1]:lower()] then kept[#kept + 1] = header end
  end
  return kept
end

---@param status integer
---@return string
function http.status_line(status)
  return ("HTTP/1.1 %d %s"):format(status, http.reasons[status] or "Status")
end

---Header list of a table that maps names to a value or a list of values, in a fixed order.
---@param map table|nil
---@return table
function http.header_list(map)
  local names, list = {}, {}
  for name in pairs(map or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local values = map[name]
    if type(values) ~= "table" then values = { values } end
    for _, value in ipairs(values) do
      local text = type(value) == "number" and ("%.14g"):format(value) or tostring(value)
      list[#list + 1] = { name, text }
    end
  end
  return list
end

return http
