--- Waits no longer than it may for something that nginx itself does not bound, in a light thread of its own.

local loaded, semaphore = pcall(require, "ngx.semaphore")

local function carry(task, action, ...)
  task.ok, task.problem = pcall(action, ...)
  task.wakes:post(1)
end

---@param seconds number
---@param action function raises as this function then does
---@return boolean done false: its time was over, and it was ended
return function(seconds, action, ...)
  if not loaded then
    action(...)
    return true
  end
  local task = { wakes = semaphore.new() }
  local thread = ngx.thread.spawn(carry, task, action, ...)
  if not task.wakes:wait(math.max(0.001, seconds)) then
    ngx.thread.kill(thread)
    return false
  end
  ngx.thread.wait(thread) -- until then nginx keeps what is left of it
  if not task.ok then error(task.problem, 0) end
  return true
end
