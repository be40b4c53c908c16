--- HTTP for specs through the curl program: plain Lua has no sockets, and the client under test must not test itself.

local curl = {}

---@param text string
---@return string # one word of a shell command
function curl.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read(path)
  local handle = io.open(path, "rb")
  if not handle then return "" end
  local text = handle:read "*a"
  handle:close()
  return text
end

local function write(path, text)
  local handle = assert(io.open(path, "wb"))
  handle:write(text)
  handle:close()
end

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
    write(files.body, request.body)
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
  local files = { out = os.tmpname(), head = os.tmpname(), body = os.tmpname() }
  local pipe = io.popen(command(request, files) .. "; echo \" $?\"")
  local status, code = pipe:read("*a"):match("^(%d+) (%d+)")
  pipe:close()
  local response = { status = tonumber(status) or 0, headers = {}, body = read(files.out) }
  for line in read(files.head):gmatch("[^\r\n]+") do
    local name, value = line:match("^([^:%s]+):%s*(.*)$")
    if name then response.headers[name:lower()] = value end
  end
  for _, path in pairs(files) do os.remove(path) end
  -- There curl writes the headers in place of a body.
  if request.method == "HEAD" then response.body = "" end
  if code ~= "0" then return nil, response end
  return response, response
end

return curl
