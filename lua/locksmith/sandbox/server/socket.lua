--- Serves a sandbox by LuaSocket, in this process.

local exchange = require "locksmith.sandbox.server.exchange"
local sandbox = require "locksmith.sandbox"
local watch = require "locksmith.sandbox.server.watch"

local backend = {}

-- Seconds: between two requests of a connection, for a request or its answer, after a refusal.
local IDLE, PATIENCE, LINGER = 75, 60, 1
-- Connections at a time: select knows descriptors below 1024.
local MOST = 900
local BACKLOG = 512
-- Bytes kept of what a client sends while its request is being answered.
local AHEAD = 65536

---@return string? reason why LuaSocket cannot serve
function backend.missing(options)
  if options.tls then return "LuaSocket serves no https" end
  if not pcall(require, "socket") then return "LuaSocket is not here" end
end

local function serve(state, http1, stream, peer)
  local now = stream.loop.now
  while true do
    local request, status = http1.read(stream, IDLE, PATIENCE)
    if not request then
      if status then
        stream:send((http1.answer(nil, { status = status, headers = {}, body = "" })), now() + PATIENCE)
        stream:finish(now() + LINGER)
      end
      return
    end
    request.peer = peer
    local outcome = exchange.outcome(state, request)
    if outcome.delay > 0 and not stream:stay(AHEAD, now() + outcome.delay) then return end
    if not outcome.response then return end
    local bytes, keep = http1.answer(request, outcome.response, outcome.cut and exchange.half(outcome.response) or nil)
    if not stream:send(bytes, now() + PATIENCE) or not keep or state.stopping then return end
  end
end

local function accept_all(loop, listener, handle)
  while true do
    local client = loop.tasks <= MOST and listener:accept()
    if client then
      loop:start(function() handle(client) end, function() client:close() end)
    elseif loop.tasks <= MOST then
      loop:wait(listener, "read")
    else
      loop:wait(nil, nil, loop.now() + watch.INTERVAL)
    end
  end
end

---@param options table see `server.run`; `sandbox` are those of `sandbox.new`
---@return true? ended
---@return string? message
function backend.run(options)
  local socket = require "socket"
  local http1 = require "locksmith.sandbox.server.http1"
  local loops = require "locksmith.sandbox.server.loop"
  local streams = require "locksmith.sandbox.server.stream"

  local listener = assert(socket.tcp())
  listener:setoption("reuseaddr", true)
  local bound, problem = listener:bind("127.0.0.1", options.port)
  if bound then bound, problem = listener:listen(BACKLOG) end
  if not bound then
    listener:close()
    if problem == "address already in use" then problem = ("port %.0f is in use"):format(options.port) end
    return nil, problem
  end
  listener:settimeout(0)
  local _, port = listener:getsockname()

  -- The system's clock has whole seconds only, in plain Lua.
  math.randomseed(math.floor(socket.gettime() * 1000) % 2147483647)
  local function new(given)
    local own = { clock = { now = socket.gettime } }
    for name, value in pairs(given or {}) do own[name] = value end
    return sandbox.new(own)
  end
  local state = { new = new, box = new(options.sandbox) }

  local loop = loops.new()
  loop:start(function()
    accept_all(loop, listener, function(client)
      serve(state, http1, streams.new(loop, client), (client:getpeername()))
    end)
  end)
  local ended = watch.new({ options.parent }, options.lifetime, loop.now())
  if ended then
    loop:start(function()
      while not ended(loop.now()) do loop:wait(nil, nil, loop.now() + watch.INTERVAL) end
      state.stopping = true
    end)
  end

  options.announce(("http://127.0.0.1:%.0f"):format(tonumber(port)))
  local fine, message = pcall(loop.run, loop, function() return state.stopping == true end)
  listener:close()
  -- So the interpreter words SIGINT.
  if not fine and not tostring(message):find("interrupted!", 1, true) then error(message, 0) end
  return true
end

return backend
