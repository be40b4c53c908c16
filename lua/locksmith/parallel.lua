--- Carries out work for many items, some at a time.

local core = require "locksmith.core"
local options = require "locksmith.options"
local scheduler = require "locksmith.scheduler"
local transport = require "locksmith.transport"
local workers = require "locksmith.workers"

local WHAT = "locksmith.parallel"
local CONCURRENCY = 8
-- While results are handed out, what is at work goes on after so many seconds at the latest.
local LATEST = 0.01

local OPTIONS = { concurrency = options.check.positive, ordered = options.types "boolean" }

--- One item's coroutine, in which its calls wait.
---@class locksmith.Worker: locksmith.Place
---@field item any
---@field thread thread
---@field lines table[]? what it waits for
---@field wakes number? when it looks up at the latest
---@field left boolean?
local Worker = {}
Worker.__index = Worker

-- Tells our waits from yields of the work's own.
local OURS = {}

function Worker:wait(lines, seconds)
  if self.left then return end
  self.lines, self.wakes = lines, core.now() + seconds
  coroutine.yield(OURS)
  self.lines, self.wakes = nil, nil
end

---@class locksmith.Run one loop over the results of parallel
---@field next_item fun(): any
---@field work fun(item: any): any, any
---@field ordered boolean
---@field workers locksmith.Worker[] that are at work, in the order of their items
---@field results table[] { item, value, err } not handed out yet
---@field exhausted boolean there are no more items
---@field waiting table[] transports that were waited for last
---@field stepped number when those at work went on last
---@field apart boolean? see locksmith.Place
---@field resting table<table, boolean> likewise
local Run = {}
Run.__index = Run

local function conclude(worker, ok, value, err)
  worker.done = true
  if ok then
    worker.value, worker.err = value, err
  else
    worker.value, worker.err = nil, value == nil and "the work raised nil" or value
  end
end

local resume

--- A yield of the work's own, such as one for an event loop, is for the coroutine that runs this loop.
local function pass_on(self, worker, ...)
  local thread, is_main = coroutine.running()
  if not thread or is_main or self.closing then return end
  return resume(self, worker, coroutine.yield(...))
end

local function resumed(self, worker, ok, first, ...)
  if coroutine.status(worker.thread) == "dead" then return conclude(worker, ok, first, ...) end
  if first ~= OURS then return pass_on(self, worker, first, ...) end
end

function resume(self, worker, ...)
  return resumed(self, worker, coroutine.resume(worker.thread, ...))
end

local function begin(self, item)
  local worker = setmetatable({ item = item, thread = coroutine.create(self.work), apart = self.apart,
    resting = self.resting }, Worker)
  scheduler.put(worker.thread, worker)
  self.workers[#self.workers + 1] = worker
  resume(self, worker, item)
end

local function may_go_on(worker, now)
  if not worker.wakes or worker.wakes <= now then return true end
  for _, line in ipairs(worker.lines) do
    if line:has_ended() then return true end
  end
  return false
end

--- Lets those go on that can.
---@return boolean # whether one could
local function step(self)
  self.stepped = core.now()
  for i, line in ipairs(self.waiting) do
    -- Those that are not apart share what moves them.
    if i == 1 or self.apart then line:advance() end
  end
  local now, went_on = core.now(), false
  for _, worker in ipairs(self.workers) do
    if not worker.done and may_go_on(worker, now) then
      went_on = true
      resume(self, worker, worker.item)
    end
  end
  return went_on
end

local function wait(self)
  local lines, wakes = {}, nil
  for _, worker in ipairs(self.workers) do
    for _, line in ipairs(worker.lines or {}) do lines[#lines + 1] = line end
    if worker.wakes and (not wakes or worker.wakes < wakes) then wakes = worker.wakes end
  end
  self.waiting = lines
  scheduler.wait(scheduler.here(), lines, math.max(0, (wakes or 0) - core.now()))
end

--- The next result.
---@return any item
---@return any value
---@return any err
function Run:next()
  if not self.closing and math.abs(core.now() - self.stepped) > LATEST then
    workers.fill(self, begin)
    step(self)
  end
  while not self.closing do
    workers.fill(self, begin)
    local worker = workers.take(self)
    if worker then return worker.item, worker.value, worker.err end
    if #self.workers == 0 then return self:close() end
    local place = scheduler.here()
    if place and place.left then return self:close() end
    if not step(self) then wait(self) end
  end
end

--- No more results are wanted: what is in flight ends now.
function Run:close()
  if self.closing then return end
  self.closing, self.exhausted = true, true
  for _, worker in ipairs(self.workers) do worker.left = true end
  for _, worker in ipairs(self.workers) do
    if not worker.done then resume(self, worker) end
  end
  self.workers = {}
  for used in pairs(self.resting) do used:rest() end
end

local function items_of(items)
  if type(items) == "function" then return items end
  if type(items) ~= "table" then
    options.misuse(WHAT .. ": argument 'items' must be an array or an iterator function, not a " .. type(items))
  end
  local index = 0
  return function()
    index = index + 1
    return items[index]
  end
end

--- Iterates over items and what a function made of them, several at a time.
local function parallel(items, work, opts)
  local next_item = items_of(items)
  options.argument(work, "function", "work", WHAT)
  opts = options.read(opts, OPTIONS, WHAT)
  local given = { next_item = next_item, work = work, ordered = opts.ordered or false,
    concurrency = opts.concurrency or CONCURRENCY, workers = {}, waiting = {}, resting = {},
    stepped = core.now() }
  if transport.under_nginx() then return require("locksmith.nginx.parallel").run(given) end
  local run, place = setmetatable(given, Run), scheduler.here()
  run.apart = place and place.apart
  local closer = setmetatable({}, { __close = function() run:close() end })
  return function()
    local item, value, err = run:next() -- no tail call: where it was called from shows whether it can yield
    return item, value, err
  end, nil, nil, closer
end

return parallel
