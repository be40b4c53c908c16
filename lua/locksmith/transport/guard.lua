--- A cosocket that ends an answer whose headers never end. lua-resty-http reads them all, however many come.

local guard = {}
guard.__index = guard

guard.HEADERS_MAX = 256 * 1024
guard.TOO_MUCH = "the headers of the answer are larger than 256 KiB"

--- Puts itself between lua-resty-http and its socket.
---@param client table of lua-resty-http, connected
---@return table? guard nil where this release keeps its socket elsewhere
function guard.wrap(client)
  if type(client.sock) ~= "table" then return nil end
  local self = setmetatable({ real = client.sock, left = guard.HEADERS_MAX }, guard)
  client.sock = self
  return self
end

--- The headers are through.
function guard:lift()
  self.left = math.huge
end

function guard:receive(...)
  if self.left <= 0 then return nil, guard.TOO_MUCH end
  local data, err, partial = self.real:receive(...)
  if data then self.left = self.left - #data - 2 end
  return data, err, partial
end

function guard:send(...) return self.real:send(...) end
function guard:close() return self.real:close() end
function guard:setkeepalive(...) return self.real:setkeepalive(...) end
function guard:getreusedtimes() return self.real:getreusedtimes() end
function guard:settimeout(...) return self.real:settimeout(...) end
function guard:settimeouts(...) return self.real:settimeouts(...) end

return guard
