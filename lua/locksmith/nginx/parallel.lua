--- locksmith.parallel inside nginx: a light thread for each item that is at work.
--
-- A loop that is left begins nothing more; what its threads are at goes on to its end, for which nginx keeps the
-- request, or is ended with the request by ngx.exit.

local workers = require "locksmith.workers"

local parallel = {}

---@class locksmith.LightRun: locksmith.Workers
---@field work fun(item: any): any, any
local Run = {}
Run.__index = Run

local function carry_out(worker, work)
  local ok, value, err = pcall(work, worker.item)
  if ok then
    worker.value, worker.err = value, err
  else
    worker.err = value == nil and "the work raised nil" or value
  end
  worker.done = true
end

local function begin(self, item)
  local worker = { item = item }
  self.workers[#self.workers + 1] = worker
  local ok, thread = pcall(ngx.thread.spawn, carry_out, worker, self.work)
  if ok then
    worker.thread = thread
  elseif not worker.done then
    carry_out(worker, self.work) -- in a phase that has no light threads
  end
end

local function wait(self)
  local threads = {}
  for _, worker in ipairs(self.workers) do
    if not worker.done then threads[#threads + 1] = worker.thread end
  end
  ngx.thread.wait(unpack(threads))
end

function Run:next()
  while true do
    workers.fill(self, begin)
    local worker = workers.take(self)
    if worker then
      if worker.thread then ngx.thread.wait(worker.thread) end -- until then nginx keeps what is left of it
      return worker.item, worker.value, worker.err
    end
    if #self.workers == 0 then return nil end
    wait(self)
  end
end

---@param given table { next_item, work, ordered, concurrency, workers }
---@return fun(): any, any, any # item, value, err
function parallel.run(given)
  local run = setmetatable(given, Run)
  return function() return run:next() end
end

return parallel
