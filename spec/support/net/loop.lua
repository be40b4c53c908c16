-- Select loop for the test servers: one coroutine per connection, resumed when its socket is ready or its time is up.
local socket = require "socket"

local loop = {}

local waiting = {} -- coroutine -> { sock, mode, deadline }
local on_exit = {} -- coroutine -> cleanup, called however the coroutine ends
local stopped = false

loop.now = socket.gettime

local function resume(co, ...)
  local ok, err = coroutine.resume(co, ...)
  if not ok then
    io.stderr:write(debug.traceback(co, tostring(err)), "\n")
  end
  if coroutine.status(co) == "dead" and on_exit[co] then
    local cleanup = on_exit[co]
    on_exit[co] = nil
    cleanup()
  end
end

---Starts a coroutine at once.
---@param task fun()
---@param cleanup? fun() called when the task returns or fails
function loop.spawn(task, cleanup)
  local co = coroutine.create(task)
  on_exit[co] = cleanup
  resume(co)
end

---Suspends the calling coroutine until a socket is ready.
---@param sock table|nil socket; nil only waits for the deadline
---@param mode "read"|"write"|nil
---@param deadline? number Unix time in seconds; nil waits without limit
---@return boolean ready false when the time is up or `loop.cancel` was called
function loop.wait(sock, mode, deadline)
  waiting[coroutine.running()] = { sock = sock, mode = mode, deadline = deadline }
  return coroutine.yield()
end

---@param seconds number
function loop.sleep(seconds)
  loop.wait(nil, nil, loop.now() + seconds)
end

---Wakes whoever waits for this socket; their `loop.wait` returns false. For a socket that is closed under them.
---@param sock table
function loop.cancel(sock)
  local woken = {}
  for co, wait in pairs(waiting) do
    if wait.sock == sock then woken[#woken + 1] = co end
  end
  for _, co in ipairs(woken) do
    waiting[co] = nil
    resume(co, false)
  end
end

function loop.stop()
  stopped = true
end

local function step()
  local readers, writers, nearest = {}, {}, nil
  for _, wait in pairs(waiting) do
    if wait.mode == "read" then
      readers[#readers + 1] = wait.sock
    elseif wait.mode == "write" then
      writers[#writers + 1] = wait.sock
    end
    if wait.deadline and (not nearest or wait.deadline < nearest) then nearest = wait.deadline end
  end
  local timeout = nearest and math.max(nearest - loop.now(), 0)
  local readable, writable = socket.select(readers, writers, timeout)
  local now = loop.now()
  local due = {}
  for co, wait in pairs(waiting) do
    local set = wait.mode == "read" and readable or writable
    if wait.sock and set[wait.sock] then
      due[#due + 1] = { co, wait, true }
    elseif wait.deadline and wait.deadline <= now then
      due[#due + 1] = { co, wait, false }
    end
  end
  for _, item in ipairs(due) do
    local co, wait, ready = item[1], item[2], item[3]
    -- A task resumed earlier in this round may have cancelled this one.
    if waiting[co] == wait then
      waiting[co] = nil
      resume(co, ready)
    end
  end
end

---Runs until `loop.stop()` is called.
function loop.run()
  while not stopped do step() end
end

return loop
