--- Ports of loopback, as far as the system says which of them are in use (Linux does).

local ports = {}

--- Whether a process listens on a port.
---@param port integer
---@return boolean
function ports.in_use(port)
  local pattern = ("^%%s*%%d+: %%x+:%04X %%x+:%%x+ 0A"):format(port)
  local found = false
  for _, name in ipairs { "/proc/net/tcp", "/proc/net/tcp6" } do
    local file = io.open(name)
    if file then
      for line in file:lines() do found = found or line:find(pattern) ~= nil end
      file:close()
    end
  end
  return found
end

--- A port nobody listens on, below the range that the system takes outgoing ports from.
---@return integer
function ports.free()
  local file = io.open("/dev/urandom", "rb")
  local port
  repeat
    local high, low = math.random(0, 255), math.random(0, 255)
    if file then high, low = file:read(2):byte(1, 2) end
    port = 10000 + (high * 256 + low) % 20000
  until not ports.in_use(port)
  if file then file:close() end
  return port
end

return ports
