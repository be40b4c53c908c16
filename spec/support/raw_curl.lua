-- Runs the curl command and shows its answer as raw bytes (chunk framing included), as a client sees them.
local raw_curl = {}

---Runs a shell command.
---@param command string
---@return string output
---@return integer exit status
function raw_curl.sh(command)
  local pipe = assert(io.popen(command .. '; echo "exit=$?"', "r"))
  local output = pipe:read("*a")
  pipe:close()
  local text, exit = output:match("^(.*)exit=(%d+)\n$")
  return text, tonumber(exit)
end

---@param arguments string options and URLs as written in a shell
---@return table answer { exit, text = all bytes shown, head, body, status, seconds }
function raw_curl.get(arguments)
  local output, exit = raw_curl.sh("curl -q -s -i --raw --noproxy '*' --max-time 10 -w '\\nseconds=%{time_total}' "
    .. arguments .. " 2>/dev/null")
  local text, seconds = output:match("^(.*)\nseconds=(%S+)$")
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  return {
    exit = exit, text = text, head = head, body = body, status = tonumber(text:match("^HTTP/1.1 (%d+)")),
    seconds = tonumber((seconds:gsub(",", "."))),
  }
end

---Polls until a condition holds.
---@param condition fun(): boolean
---@return boolean held false after five seconds
function raw_curl.eventually(condition)
  for _ = 1, 250 do
    if condition() then return true end
    os.execute("sleep 0.02")
  end
  return false
end

return raw_curl
