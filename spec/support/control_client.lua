-- Asks test servers what it is told to ask, run as a process of its own (lua5.4 with LuaSocket) by
-- spec/support/control.lua. Question: a line "METHOD URL LENGTH" and a body of that length, -1 for none. Answer: a line
-- "STATUS LENGTH" and a body; status 0 is none, with the reason for a body.
local http = require "socket.http"
local ltn12 = require "ltn12"

http.TIMEOUT = 20

local function ask(method, url, body)
  local parts = {}
  local headers = { ["content-length"] = body and tostring(#body), ["content-type"] = body and "application/json" }
  local ok, status = http.request {
    method = method, url = url, headers = headers, source = body and ltn12.source.string(body), redirect = false,
    sink = ltn12.sink.table(parts),
  }
  if not ok then return 0, tostring(status) end
  return status, table.concat(parts)
end

print "ready"
io.stdout:flush()
for line in io.lines() do
  local method, url, length = line:match "^(%S+) (%S+) (%-?%d+)$"
  local body = nil
  if tonumber(length) >= 0 then body = length == "0" and "" or io.read(tonumber(length)) end
  local status, answer = ask(method, url, body)
  io.stdout:write(("%d %d\n"):format(status, #answer), answer)
  io.stdout:flush()
end
