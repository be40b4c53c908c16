--- HTTP for specs, since plain Lua has no sockets and the client under test must not test itself: by the curl program
--- where TLS or the bytes of the answer matter, which takes as long as many a test, otherwise by the process of
--- spec/support/control.lua.

local control = require "spec.support.control"
local shell = require "spec.support.shell"

local curl = { quote = shell.quote }

local function command(request, files)
  local parts = {
    "curl", "--silent", "--max-time", tostring(request.timeout or 20), "--path-as-is", "--noproxy", "'*'",
    "--output", curl.quote(files.out), "--dump-header", curl.quote(files.head), "--write-out", "'%{http_code}'",
  }
  local function add(...)
    for _, part in ipairs { ... } do parts[#parts + 1] = part end
  end
  if request.ca_file then add("--cacert", curl.quote(request.ca_file)) end
  if request.method == "HEAD" then add("--head") elseif request.method then add("--request", request.method) end
  -- Without these two, curl would add headers of its own.
  if request.body then add("--header", "'Content-Type:'", "--header", "'Expect:'") end
  for _, pair in ipairs(request.headers or {}) do
    local line = pair[2] == "" and pair[1] .. ";" or pair[1] .. ": " .. pair[2]
    add("--header", curl.quote(line))
  end
  if request.body then
    shell.write(files.body, request.body)
    add("--data-binary", curl.quote("@" .. files.body))
  end
  add(curl.quote(request.url))
  return table.concat(parts, " ")
end

--- Sends one request.
---@param request table `{ method, url, headers = { {name, value}, ... }, body, timeout (seconds, 20), ca_file }`
---@return table? response `{ status, headers, body }`; nil when there was no whole answer
---@return table response what did arrive, with `status` 0 if nothing
function curl.request(request)
  if request.url:find "^http:" then
    local response = control.request(request)
    if response.status == 0 then response.body = "" end
    return response.whole and response or nil, response
  end
  local files = { out = os.tmpname(), head = os.tmpname(), body = os.tmpname() }
  local status, code = shell.output(command(request, files))
  local response = { status = tonumber(status) or 0, headers = {}, body = shell.read(files.out) }
  for line in shell.read(files.head):gmatch("[^\r\n]+") do
    local name, value = line:match("^([^:%s]+):%s*(.*)$")
    if name then response.headers[name:lower()] = value end
  end
  for _, path in pairs(files) do os.remove(path) end
  -- There curl writes the headers in place of a body.
  if request.method == "HEAD" then response.body = "" end
  if code ~= 0 then return nil, response end
  return response, response
end

--- Sends one request and shows the answer as raw bytes, chunk framing included.
---@param arguments string options and URLs as written in a shell
---@return table answer { exit, text = all bytes shown, head, body, status, seconds }
function curl.raw(arguments)
  local output, exit = shell.output("curl -q -s -i --raw --noproxy '*' --max-time 10 -w '\\nseconds=%{time_total}' "
    .. arguments .. " 2>/dev/null")
  local text, seconds = output:match("^(.*)\nseconds=(%S+)$")
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  return {
    exit = exit, text = text, head = head, body = body, status = tonumber(text:match("^HTTP/1.1 (%d+)")),
    seconds = tonumber((seconds:gsub(",", "."))),
  }
end

return curl
