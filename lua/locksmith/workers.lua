--- The items that a run of locksmith.parallel is at, whatever carries them out.

---@class locksmith.Workers
---@field next_item fun(): any
---@field ordered boolean results come in the order of the items
---@field concurrency integer
---@field workers table[] { item, done, value, err } in the order of their items
---@field exhausted boolean? there are no more items

local workers = {}

--- Begins items while places are free.
---@generic R: locksmith.Workers
---@param run R
---@param begin fun(run: R, item: any) adds a worker
function workers.fill(run, begin)
  while not run.exhausted and #run.workers < run.concurrency do
    local item = run.next_item()
    if item == nil then
      run.exhausted = true
    else
      begin(run, item)
    end
  end
end

--- Takes out what is to be handed out next.
---@param run locksmith.Workers
---@return table? worker
function workers.take(run)
  for i, worker in ipairs(run.workers) do
    if worker.done then return table.remove(run.workers, i) end
    if run.ordered then return nil end
  end
end

return workers
