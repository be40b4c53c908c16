--- A select loop over LuaSocket: a coroutine for each connection, woken when its socket is ready or its time is up.

local socket = require "socket"

local loop = {}
loop.__index = loop

loop.now = socket.gettime

---@return table
function loop.new()
  return setmetatable({ waiting = {}, cleanups = {}, tasks = 0 }, loop)
end

-- Seconds after which a turn ends whatever happens, for the interpreter to heed a signal.
local LONGEST_TURN = 0.5

local function wake(self, task, ready)
  local ok, problem = coroutine.resume(task, ready)
  if not ok then io.stderr:write(debug.traceback(task, tostring(problem)), "\n") end
  if coroutine.status(task) ~= "dead" then return end
  local cleanup = self.cleanups[task]
  self.cleanups[task], self.tasks = nil, self.tasks - 1
  if cleanup then cleanup() end
end

--- Starts a coroutine at once.
---@param body fun()
---@param cleanup? fun() called when it has ended, in whichever way
function loop:start(body, cleanup)
  local task = coroutine.create(body)
  self.tasks, self.cleanups[task] = self.tasks + 1, cleanup
  wake(self, task)
end

--- Suspends the calling coroutine until a socket is ready.
---@param sock table? without one, only the time counts
---@param mode "read"|"write"|nil
---@param deadline number? as `loop.now`; nil is no limit
---@return boolean ready false when the time is up
function loop:wait(sock, mode, deadline)
  self.waiting[coroutine.running()] = { sock = sock, mode = mode, deadline = deadline }
  return coroutine.yield()
end

local function step(self)
  local readers, writers, nearest = {}, {}, loop.now() + LONGEST_TURN
  for _, wait in pairs(self.waiting) do
    local list = wait.mode == "write" and writers or readers
    if wait.sock then list[#list + 1] = wait.sock end
    if wait.deadline and wait.deadline < nearest then nearest = wait.deadline end
  end
  local readable, writable = socket.select(readers, writers, math.max(0, nearest - loop.now()))
  local now, due = loop.now(), {}
  for task, wait in pairs(self.waiting) do
    local ready = wait.sock and (wait.mode == "write" and writable or readable)[wait.sock] ~= nil
    if ready or (wait.deadline and wait.deadline <= now) then due[#due + 1] = { task, ready } end
  end
  for _, each in ipairs(due) do self.waiting[each[1]] = nil end
  for _, each in ipairs(due) do wake(self, each[1], each[2]) end
end

--- Runs until the condition holds, which is asked after every turn.
---@param ended fun(): boolean
function loop:run(ended)
  while not ended() do step(self) end
end

return loop
