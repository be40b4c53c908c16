--- HTTP/1.1 as a server speaks it: requests read from a stream, answers as bytes.

local ascii = require "locksmith.ascii"

local http1 = {}

local HEAD_BYTES = 65536
local LINE_BYTES = 4096
local BODY_BYTES = 64 * 1024 * 1024

local REASONS = {
  [100] = "Continue", [200] = "OK", [201] = "Created", [202] = "Accepted", [204] = "No Content",
  [301] = "Moved Permanently", [302] = "Found", [303] = "See Other", [304] = "Not Modified",
  [307] = "Temporary Redirect", [308] = "Permanent Redirect", [400] = "Bad Request", [401] = "Unauthorized",
  [402] = "Payment Required", [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed",
  [406] = "Not Acceptable", [408] = "Request Timeout", [409] = "Conflict", [410] = "Gone",
  [413] = "Content Too Large", [415] = "Unsupported Media Type", [422] = "Unprocessable Content",
  [429] = "Too Many Requests", [431] = "Request Header Fields Too Large", [500] = "Internal Server Error",
  [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

local function has_token(value, token)
  return value ~= nil and ("," .. ascii.lower(value):gsub("[ \t]", "") .. ","):find("," .. token .. ",", 1, true) ~= nil
end

local function parse_head(text)
  local line, rest = text:match "^([^\r\n]*)\r\n(.*)$"
  local method, url, version = line:match "^([!-~]+) ([!-~\128-\255]+) HTTP/(1%.%d)$"
  if not method then return nil end
  local request, headers = { method = method, url = url, version = version, headers = {}, body = "" }, {}
  for field in rest:gmatch "([^\r\n]*)\r\n" do
    if field ~= "" then
      local name, value = field:match "^([!-9;-~]+):[ \t]*(.-)[ \t]*$"
      if not name then return nil end
      request.headers[#request.headers + 1] = { name, value }
      name = ascii.lower(name)
      headers[name] = headers[name] and headers[name] .. "," .. value or value
    end
  end
  if version ~= "1.0" and not headers.host then return nil end
  request.keep = not has_token(headers.connection, "close")
    and (version ~= "1.0" or has_token(headers.connection, "keep-alive"))
  return request, headers
end

local STATUS = { ["too large"] = 413, timeout = 408 }

local function status_of(problem)
  return STATUS[problem]
end

local function read_chunks(stream, deadline)
  local parts, total = {}, 0
  while true do
    local line, problem = stream:take_until("\r\n", LINE_BYTES, deadline)
    if not line then return nil, status_of(problem) end
    local digits = line:match "^(%x+)[ \t]*[;\r]"
    if not digits or #digits > 8 then return nil, 400 end
    local size = tonumber(digits, 16)
    total = total + size
    if total > BODY_BYTES then return nil, 413 end
    if size == 0 then break end
    local part
    part, problem = stream:take(size + 2, deadline)
    if not part then return nil, status_of(problem) end
    if part:sub(-2) ~= "\r\n" then return nil, 400 end
    parts[#parts + 1] = part:sub(1, -3)
  end
  repeat
    local line, problem = stream:take_until("\r\n", LINE_BYTES, deadline)
    if not line then return nil, status_of(problem) end
  until line == "\r\n"
  return table.concat(parts)
end

--- The length of the body: a number, or true for chunks; nil and a status where it cannot be told.
local function body_length(headers)
  local coding, length = headers["transfer-encoding"], headers["content-length"]
  if coding then
    if length then return nil, 400 end
    if ascii.lower(coding) ~= "chunked" then return nil, 501 end
    return true
  end
  if not length then return 0 end
  if not length:find "^%d+$" then return nil, 400 end
  if #length > 9 or tonumber(length) > BODY_BYTES then return nil, 413 end
  return tonumber(length)
end

--- Reads one request with its body; answers `Expect: 100-continue` on the way.
---@param stream table
---@param idle number seconds that may pass before it begins
---@param patience number seconds it may take from then on
---@return table? request `{ method, url, version, headers = { { name, value }, ... }, body, keep }`
---@return integer? status of a refusal, after which the connection is closed; nil when there is nobody to refuse
function http1.read(stream, idle, patience)
  if stream.buffer == "" and not stream:fill(stream.loop.now() + idle) then return nil end
  local deadline = stream.loop.now() + patience
  local text, problem = stream:take_until("\r\n\r\n", HEAD_BYTES, deadline)
  if not text then return nil, problem == "too large" and 431 or status_of(problem) end
  local request, headers = parse_head((text:gsub("^[\r\n]+", "")))
  if not request then return nil, 400 end
  local length, status = body_length(headers)
  if not length then return nil, status end
  if length == 0 then return request end
  if has_token(headers.expect, "100-continue") and stream.buffer == "" then
    stream:send("HTTP/1.1 100 Continue\r\n\r\n", deadline)
  end
  if length == true then
    request.body, status = read_chunks(stream, deadline)
  else
    request.body, problem = stream:take(length, deadline)
    status = status_of(problem)
  end
  if not request.body then return nil, status end
  return request
end

local function capital(first, rest)
  return string.char(first:byte() - 32) .. rest
end

local function bodiless(method, status)
  return method == "HEAD" or status == 204 or status == 304
end

--- The bytes of an answer.
---@param request table? as read; nil when it could not be
---@param response table `{ status, headers (lower-case name -> value), body }`
---@param sent string? what of the body is sent (default all)
---@return string
---@return boolean keep whether another request can follow on the connection
function http1.answer(request, response, sent)
  local status, body, method = response.status, sent or response.body, request and request.method
  local headers, names = {}, {}
  for name, value in pairs(response.headers) do headers[name] = tostring(value):gsub("[\r\n]+", " ") end
  headers["transfer-encoding"] = nil
  local keep = request ~= nil and request.keep and not sent and not has_token(headers.connection, "close")
  if sent then headers["content-length"] = ("%.0f"):format(#response.body) end
  if bodiless(method, status) then
    body = ""
    if status == 204 then headers["content-length"] = nil end
  elseif not headers["content-length"] then
    if request and request.version == "1.0" then
      keep = false
    else
      headers["transfer-encoding"] = "chunked"
      body = (body ~= "" and ("%x\r\n%s\r\n"):format(#body, body) or "") .. "0\r\n\r\n"
    end
  elseif tonumber(headers["content-length"]) ~= #body then
    keep = false
  end
  headers.connection = keep and "keep-alive" or "close"
  for name in pairs(headers) do names[#names + 1] = name end
  table.sort(names, ascii.before)
  local lines = { ("HTTP/1.1 %.0f %s"):format(status, REASONS[status] or "Status") }
  for _, name in ipairs(names) do
    lines[#lines + 1] = name:gsub("([a-z])([^-]*)", capital) .. ": " .. headers[name]
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body, keep
end

return http1
