--- Waits for a subrequest no longer than it may take. nginx cannot break one off whose answer has begun without ending
--- the visitor's request too. So it runs in a light thread of its own: when its time is over the caller goes on, what
--- still comes is thrown away, and when the caller's code has ended, the visitor gets the rest of the page and the
--- connection is closed, which ends the subrequest.

local loaded, semaphore = pcall(require, "ngx.semaphore")

local subrequest = {}

-- Seconds between two looks at whether the caller's code has ended.
local GLANCE = 0.02
-- Where more of the visitor's request may be to come, the subrequest may end by itself for so long.
local LINGER = 10
-- nginx's own time limits end the wait for a head, but not where something of the server holds the subrequest up.
local PATIENCE = 60

---@class locksmith.Subrequest
---@field done boolean?
---@field ok boolean
---@field answer any what ngx.location.capture gave, or raised
---@field wakes table semaphore

-- Semaphores that nobody waits at: making one, and collecting it, is dear.
local FREE_MAX = 64
local free = {}

local function give_back(wakes)
  if #free < FREE_MAX and wakes:count() == 0 then free[#free + 1] = wakes end
end

local function carry(task, location, options)
  task.ok, task.answer = pcall(ngx.location.capture, location, options)
  task.done = true
  task.wakes:post(1)
end

-- Only the thread that nginx began ends the visitor's request when it ends.
local function is_light_thread(thread)
  local _, message = ngx.thread.kill(thread) -- no thread can kill itself
  return message ~= "not user thread"
end

--- Ends what nobody waits for any more.
local function see_off(task, caller, may_go_on)
  while not task.done and coroutine.status(caller) ~= "dead" do ngx.sleep(GLANCE) end
  local ends = ngx.now() + (may_go_on and LINGER or 0)
  while not task.done and ngx.now() < ends do ngx.sleep(GLANCE) end
  if task.done then return end
  if ngx.get_phase() == "content" then
    ngx.flush(true)
    ngx.eof()
  end
  return ngx.exit(ngx.HTTP_CLOSE)
end

--- Carries out a subrequest.
---@param location string
---@param options table of ngx.location.capture; its ctx is shared with what runs in the location, which notes in
--- `locksmith_seen` that an answer has begun
---@param limit number seconds
---@param forget function called as soon as nginx has read the options
---@return boolean? ok nil when it did not end in time: a late answer that had not begun may take as long again
---@return table|string answer of ngx.location.capture, or what it raised
function subrequest.run(location, options, limit, forget)
  local shared = options.ctx
  if not loaded then
    local ok, answer = pcall(ngx.location.capture, location, options)
    forget()
    return ok, answer
  end
  local task = { wakes = table.remove(free) or semaphore.new(), done = false, ok = false, answer = false }
  local spawned, problem = pcall(ngx.thread.spawn, carry, task, location, options)
  forget()
  if not spawned then return false, problem end
  if not task.done then task.wakes:wait(limit) end
  if not task.done and not shared.locksmith_seen then
    shared.locksmith_wakes = task.wakes
    task.wakes:wait(PATIENCE)
    if not task.done and shared.locksmith_seen then task.wakes:wait(limit) end
  end
  if task.done then
    give_back(task.wakes)
    return task.ok, task.answer
  end
  shared.locksmith_given_up = true
  local caller = coroutine.running()
  ngx.thread.spawn(see_off, task, caller, is_light_thread(caller) or ngx.get_phase() ~= "content")
  return nil
end

return subrequest
