--- Event loops that calls wait in, when they are made in a coroutine of one.

local core = require "locksmith.core"
local options = require "locksmith.options"
local scheduler = require "locksmith.scheduler"

---@class locksmith.Descriptor
---@field fd integer
---@field read boolean
---@field write boolean

---@class locksmith.Loop: locksmith.Place
---@field runs fun(self: locksmith.Loop, thread: thread): boolean whether that coroutine, which runs, is one of the loop
---@field poll fun(fds: locksmith.Descriptor[], seconds: number) returns when one is ready or the time has passed
---@field now (fun(): number)?
local Loop = {}
Loop.__index = Loop
Loop.apart = true

function Loop.runs()
  return true
end

function Loop:wait(lines, seconds)
  local fds = {}
  for _, line in ipairs(lines) do
    local own, most = line:descriptors()
    for _, descriptor in ipairs(own) do fds[#fds + 1] = descriptor end
    seconds = math.min(seconds, most)
  end
  self.poll(fds, math.max(0, seconds))
end

local function events_of(descriptor)
  return (descriptor.read and "r" or "") .. (descriptor.write and "w" or "")
end

local known = {}

function known.cqueues()
  local cqueues = require "cqueues"
  local loop = {}
  function loop.runs()
    local _, is_its = cqueues.running()
    return is_its
  end
  function loop.poll(fds, seconds)
    local objects = {}
    for i, descriptor in ipairs(fds) do
      objects[i] = { pollfd = descriptor.fd, events = events_of(descriptor) }
    end
    objects[#objects + 1] = seconds
    cqueues.poll((table.unpack or unpack)(objects))
    -- libcurl may close them before the next wait, and the loop is to be told before.
    for _, descriptor in ipairs(fds) do cqueues.cancel(descriptor.fd) end
  end
  return loop
end

function known.luv()
  local uv = require "luv"
  return {
    poll = function(fds, seconds)
      local thread, handles, over = coroutine.running(), {}, false
      local function wake()
        if over then return end
        over = true
        for _, handle in ipairs(handles) do handle:close() end
        assert(coroutine.resume(thread))
      end
      for i, descriptor in ipairs(fds) do
        handles[i] = uv.new_poll(descriptor.fd)
        handles[i]:start(events_of(descriptor), wake)
      end
      local timer = uv.new_timer()
      handles[#handles + 1] = timer
      timer:start(math.ceil(seconds * 1000), 0, wake)
      coroutine.yield()
    end,
  }
end

-- copas waits for sockets of LuaSocket only: there one looks again and again, so soon.
local NAP, NAP_MAX = 0.001, 0.01

-- copas tells threads apart by what they wait for, and sockets by their descriptors: each that waits has one.
local function new_turn()
  local socket = assert(require "socket".udp())
  assert(socket:setsockname("127.0.0.1", 0)) -- until then there is no descriptor
  local turn = { waits = false }
  function turn.getfd() return socket:getfd() end
  function turn.dirty() return false end
  function turn.close() end -- copas closes what a thread that ended had waited for last
  function turn.send()
    turn.waits = not turn.waits
    if turn.waits then return nil, "timeout", 0 end
    return 1
  end
  return turn
end

--- A way to let the other threads of a copas run that has no sleep (before 2.0): sockets that can always be written,
--- and a pause that is short even for a busy loop.
local function yield_in_turn(copas)
  local free, napped = {}, 0
  return function()
    local turn = table.remove(free) or new_turn()
    copas.send(turn, "")
    free[#free + 1] = turn
    if core.now() - napped > NAP then
      core.sleep(NAP)
      napped = core.now()
    end
  end
end

function known.copas()
  local copas = require "copas"
  local sleep = copas.pause or copas.sleep or yield_in_turn(copas)
  return {
    poll = function(fds, seconds)
      -- Only libcurl's own look tells whether something is ready: a wait with descriptors is a short one.
      sleep(#fds > 0 and math.min(seconds, NAP_MAX) or seconds)
    end,
  }
end

--- Makes the clients of this Lua state wait in an event loop, in coroutines of it.
local function loop(which)
  if which == nil then
    scheduler.loop = nil
    return
  end
  local own = which
  if known[which] then
    local here, problem = pcall(require, which)
    if not here then
      options.misuse(("locksmith.loop: %s cannot be used: %s"):format(which, tostring(problem):match "[^\n]*"))
    end
    own = known[which]()
  elseif type(which) ~= "table" or type(which.poll) ~= "function" then
    options.misuse 'locksmith.loop: argument 1 must be "cqueues", "luv", "copas" or { poll = function, now = function }'
  end
  scheduler.loop = setmetatable({ poll = own.poll, now = own.now, runs = own.runs }, Loop)
end

return loop
