-- A server on loopback that answers whatever comes with the bytes it was told to send, once or without end; run as a
-- process of its own (lua5.4 with LuaSocket). The spec side is spec/support/sender.lua.
local root = arg[0]:match("^(.*)spec/support/[^/]+$") or "./"
package.path = root .. "?.lua;" .. package.path

local control = require "spec.support.net.control"
local loop = require "spec.support.net.loop"
local server = require "spec.support.net.server"

local PREFIX = "/__sender__/"
local PIECE = 64 * 1024

local options = server.options(arg)
local answers, state = {}, { connections = 0, questions = 0, sent = 0, open = 0 }
local routes = {}

local function send(client, bytes)
  if not client:write(bytes) then return false end
  state.sent = state.sent + #bytes
  return true
end

local function answer(client, script)
  if not send(client, script.head or "") then return false end
  local again, left = script.again, script.times or math.huge
  if again then
    local pause = script.every and script.every / 1000
    -- What comes without a pause comes in pieces of a size that fills the network.
    local pack = pause and 1 or math.max(1, PIECE // #again)
    while left > 0 do
      local count = math.floor(math.min(pack, left))
      if not send(client, again:rep(count)) then return false end
      left = left - count
      if pause then
        if client:wait_gone(pause) then return false end
      end
    end
  end
  return send(client, script.tail or "") and not script.close
end

local function serve(client)
  state.connections, state.open = state.connections + 1, state.open + 1
  while client:fill() do
    local script = answers[1] or {}
    if client.buffer:find(script.after or "", 1, true) then
      client.buffer = ""
      state.questions = state.questions + 1
      if #answers > 1 then table.remove(answers, 1) end
      if not answer(client, script) then break end
    end
  end
  state.open = state.open - 1
end

routes["POST script"] = function(list)
  answers, state = list, { connections = 0, questions = 0, sent = 0, open = state.open }
end

routes["GET state"] = function() return state end

routes["POST stop"] = function() loop.spawn(function() loop.sleep(0.01) loop.stop() end) end

local listener, port = server.listen(tonumber(options.port or 0))
server.accept(listener, serve)
local control_port = control.listen(PREFIX, routes)
server.guard(tonumber(options.lifetime or 600), options.watch ~= "no")
server.announce { port = port, control = control_port }
loop.run()
