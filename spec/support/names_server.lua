-- A name server on loopback: every name it is told of is 127.0.0.1, others do not exist. Run as a process of its own
-- (lua5.4 with LuaSocket). The spec side is spec/support/names.lua.
local root = arg[0]:match("^(.*)spec/support/[^/]+$") or "./"
package.path = root .. "?.lua;" .. package.path

local socket = require "socket"
local control = require "spec.support.net.control"
local loop = require "spec.support.net.loop"
local server = require "spec.support.net.server"

local options = server.options(arg)
local known, asked = {}, {}
for name in (options.names or ""):gmatch("[^,]+") do known[name] = true end

local TYPE_A = 1

local function question(packet)
  local labels, at = {}, 13
  while packet:byte(at) and packet:byte(at) > 0 do
    local length = packet:byte(at)
    labels[#labels + 1] = packet:sub(at + 1, at + length)
    at = at + length + 1
  end
  return table.concat(labels, "."):lower(), packet:byte(at + 1) * 256 + packet:byte(at + 2), packet:sub(13, at + 4)
end

local function answer(packet)
  local name, kind, text = question(packet)
  asked[#asked + 1] = name
  local count = known[name] and kind == TYPE_A and 1 or 0
  local head = packet:sub(1, 2) .. "\129" .. (known[name] and "\128" or "\131") .. "\0\1\0" .. string.char(count)
    .. "\0\0\0\0"
  -- A pointer to the name in the question, type A, class IN, no time to live, four bytes.
  return head .. text .. (count == 1 and "\192\12\0\1\0\1\0\0\0\0\0\4\127\0\0\1" or "")
end

local udp = assert(socket.udp())
assert(udp:setsockname("127.0.0.1", 0))
udp:settimeout(0)
local _, port = udp:getsockname()

loop.spawn(function()
  while loop.wait(udp, "read") do
    local packet, ip, from = udp:receivefrom()
    if packet and #packet > 16 then udp:sendto(answer(packet), ip, from) end
  end
end)

local control_port = control.listen("/__names__/", {
  ["GET asked"] = function() return control.list(asked) end,
  ["POST stop"] = function() loop.spawn(function() loop.sleep(0.01) loop.stop() end) end,
})
server.guard(tonumber(options.lifetime or 600), true)
server.announce { port = math.floor(tonumber(port)), control = control_port }
loop.run()
