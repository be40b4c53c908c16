--- Requests from inside one nginx to another, many at a time, with the time each took.

local core = require "locksmith.core"

local load = {}

--- One request over a connection that is kept, or not.
---@param port integer
---@param path string
---@param once? boolean the connection is for this request only
---@return integer? status
---@return string body, or what went wrong
---@return number seconds
function load.get(port, path, once)
  local began = core.now()
  local sock = ngx.socket.tcp()
  sock:settimeouts(5000, 5000, 60000)
  local ok, err = sock:connect("127.0.0.1", port, { pool = "load " .. port, pool_size = 2000 })
  if not ok then return nil, "connect: " .. err, 0 end
  sock:send(("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n"):format(path, once and "Connection: close\r\n" or ""))
  local line
  line, err = sock:receive "*l"
  if not line then return nil, "status: " .. err, core.now() - began end
  local status, length, chunked, closes = tonumber(line:match "^HTTP/1%.1 (%d+)"), 0, false, false
  while true do
    line, err = sock:receive "*l"
    if not line then return nil, "headers: " .. err, core.now() - began end
    if line == "" then break end
    local name, value = line:match "^(.-): (.*)$"
    name = name:lower()
    if name == "content-length" then length = tonumber(value) end
    if name == "transfer-encoding" then chunked = true end
    if name == "connection" and value == "close" then closes = true end
  end
  local parts = {}
  repeat
    if chunked then length = tonumber(sock:receive "*l" or "", 16) or 0 end
    if length > 0 then
      local part
      part, err = sock:receive(length)
      if not part then return nil, "body: " .. err, core.now() - began end
      parts[#parts + 1] = part
    end
    if chunked then sock:receive(2) end
  until not chunked or length == 0
  if closes then sock:close() else sock:setkeepalive(60000) end
  return status, table.concat(parts), core.now() - began
end

--- The share of `list` that is at most the result.
function load.percentile(list, share)
  local sorted = {}
  for i = 1, #list do sorted[i] = list[i] end
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * share))] or 0
end

--- Requests `path` `count` times, `width` at a time, and meanwhile `beside` one after the other.
---@param options table { port, path = "%d" in it is the number of the request, count, width, once? = a connection for
--- each, beside?, samples? = how often `beside` at least }
---@return table { seconds = of all, answers = "status body" -> count, times = list, beside = list of seconds }
function load.run(options)
  local result = { answers = {}, times = {}, beside = {} }
  local left, running, began = options.count, 0, core.now()
  local function work()
    running = running + 1
    while left > 0 do
      left = left - 1
      local status, body, seconds = load.get(options.port, options.path:format(left), options.once)
      local answer = tostring(status) .. " " .. body
      result.answers[answer] = (result.answers[answer] or 0) + 1
      result.times[#result.times + 1] = seconds
    end
    running = running - 1
    if running == 0 then result.seconds = core.now() - began end
  end
  local threads = {}
  for i = 1, options.width or 0 do threads[i] = ngx.thread.spawn(work) end
  while options.beside and (running > 0 or #result.beside < (options.samples or 0)) do
    local status, body, seconds = load.get(options.port, options.beside)
    if status ~= 200 then error("beside: " .. body) end
    result.beside[#result.beside + 1] = seconds
  end
  for _, thread in ipairs(threads) do ngx.thread.wait(thread) end
  return result
end

return load
