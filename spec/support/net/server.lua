-- What the test servers share: options, listening on loopback, and ending with the process that started them.
local socket = require "socket"
local loop = require "spec.support.net.loop"
local stream = require "spec.support.net.stream"

local server = {}

local PARENT_POLL = 0.5

---Reads `--name value` options.
---@param argv table
---@return table options name -> string
function server.options(argv)
  local options = {}
  for i = 1, #argv, 2 do
    local name = argv[i]:match("^%-%-(.+)$")
    assert(name and argv[i + 1], "usage: --name value ...")
    options[name] = argv[i + 1]
  end
  return options
end

---Listens on 127.0.0.1.
---@param port integer 0 takes a free port
---@return table listener
---@return integer port
function server.listen(port)
  local listener = assert(socket.bind("127.0.0.1", port, 512))
  listener:settimeout(0)
  local _, bound = listener:getsockname()
  return listener, math.floor(tonumber(bound))
end

---Accepts connections until the listener is closed (close it, then call `loop.cancel`).
---@param listener table
---@param handle fun(stream: table) runs in a coroutine of its own; the stream is closed when it ends
function server.accept(listener, handle)
  local function accept_all()
    while true do
      local sock = listener:accept()
      if sock then
        local client = stream.wrap(sock)
        loop.spawn(function() handle(client) end, function() client:close() end)
      elseif not loop.wait(listener, "read") then
        return
      end
    end
  end
  loop.spawn(accept_all)
end

local function parent_pid()
  local file = io.open("/proc/self/stat")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text:match(".*%) %S (%d+)")
end

---Ends the server after `lifetime` seconds, when standard input ends, and when its parent changes.
---The parent is polled as well because a daemon started by the parent may have inherited the other end of the pipe.
---@param lifetime number seconds
---@param watch boolean false leaves only the lifetime (for running a server by hand)
function server.guard(lifetime, watch)
  loop.spawn(function()
    loop.sleep(lifetime)
    loop.stop()
  end)
  if not watch then return end
  loop.spawn(function()
    loop.wait({ getfd = function() return 0 end }, "read")
    loop.stop()
  end)
  loop.spawn(function()
    local parent = parent_pid()
    while parent and parent_pid() == parent do loop.sleep(PARENT_POLL) end
    if parent then loop.stop() end
  end)
end

---Tells the starter that the server is ready.
---@param ports table name -> port
function server.announce(ports)
  local parts = {}
  for name, port in pairs(ports) do parts[#parts + 1] = name .. "=" .. port end
  io.stdout:write(table.concat(parts, " "), "\n")
  io.stdout:flush()
end

return server
