--- One chaos run: makes random calls in a world, keeps a model of what they must have done, and compares.

local Error = require "locksmith.error"
local calls = require "spec.chaos.calls"
local judge = require "spec.chaos.judge"
local memory = require "spec.chaos.memory"
local model = require "spec.chaos.model"
local random = require "spec.chaos.random"
local trace = require "spec.chaos.trace"

local Run = {}
Run.__index = Run

local run = {}

-- One that went wrong tends to be followed by more that say the same.
local FAILURES_MAX = 5

---@param world table see spec/chaos/sockets.lua and spec/chaos/virtual.lua
---@param options table { seed, calls, journal = path of a file, window = calls between two comparisons with the log,
---seconds = after so long no further call is made }
---@return table
function run.new(world, options)
  local self = setmetatable({
    world = world, seed = options.seed, calls = options.calls, window = options.window,
    seconds = options.seconds or math.huge, random = random.new(options.seed),
    number = 0, made = 0, accounts = {}, failures = {}, records = {}, last_entry = {}, memory = {},
    figures = { calls = 0, succeeded = 0, retries = 0, recovered = 0, resumed = 0, requests = 0, forwarded = 0,
      worst = -math.huge, longest = 0 },
    by_name = {}, by_error = {}, by_outcome = {}, by_fault = {},
  }, Run)
  self.journal_path = options.journal
  self.journal = assert(io.open(options.journal, "w"))
  for i, given in ipairs(world.accounts) do
    local account = model.account(given.name, given.plan)
    account.client = given.client
    for _, address in ipairs(world.truth(given.name, "addresses").addresses) do account:add(address) end
    self.accounts[i] = account
  end
  return self
end

--- Notes what went wrong; the run goes on for a while.
---@param text string
function Run:fail(text)
  local call = self.current
  self.failures[#self.failures + 1] = ("seed %d, call %d%s: %s"):format(self.seed, self.number,
    call and " (" .. call.name .. ")" or "", text)
end

local function add(map, name, by)
  map[name] = (map[name] or 0) + (by or 1)
end

--- The options of the next call: now and then a deadline that nothing can meet.
---@return table
function Run:limits()
  local limits = self.world.limits
  local timeout = self.random:chance(0.1) and self.random:pick(limits.short) or limits.timeout
  return { timeout = timeout, attempt_timeout = limits.attempt }
end

local function begin(self, call)
  local world = self.world
  world.settle()
  self.current = call
  call.from = world.mark()
  self.records[#self.records + 1] = call
  return world.now()
end

local function finish(self, call, began, result)
  local world = self.world
  call.took = world.now() - began
  if type(result) ~= "table" or type(result.attempts) ~= "table" then return end
  call.attempts, call.recovered = #result.attempts, result.recovered
  for _, attempt in ipairs(result.attempts) do
    local unlogged = attempt.kind == "connect" and not world.logs_connects
    if attempt.kind == "timeout" or unlogged then call.timed_out = true end
  end
  -- What the client has given up may still be on its way.
  if call.attempts > 1 or Error.is(result) then world.sync() end
end

--- Makes a call, judges its result and brings the model up to date.
---@param call table see spec/chaos/calls.lua
---@param action fun(opts: table): any, table
---@return any value
---@return table result
function Run:make(call, action)
  local opts = self:limits()
  opts.max_retries = call.retries
  call.timeout = opts.timeout
  local outer, began = self.current, begin(self, call)
  local value, result = action(opts)
  local failed = Error.is(result)
  finish(self, call, began, result)
  local figures = self.figures
  figures.longest = math.max(figures.longest, call.took)
  figures.worst = math.max(figures.worst, call.took - call.timeout)
  if call.took > call.timeout + self.world.slack then
    self:fail(("took %.3f s with a timeout of %.3f s"):format(call.took, call.timeout))
  end
  self:made_call(call.name, failed and result or nil)
  if failed then
    judge.failure(self, call, result)
  else
    judge.success(self, call, value, result)
  end
  figures.retries = figures.retries + math.max(0, (call.attempts or 0) - 1)
  if call.recovered then figures.recovered = figures.recovered + 1 end
  self.current = outer
  return value, result
end

--- Counts a call, or a whole walk.
---@param name string
---@param err locksmith.Error?
function Run:made_call(name, err)
  self.made = self.made + 1
  add(self.by_name, name)
  if err then
    add(self.by_error, err.kind)
    add(self.by_outcome, err.outcome)
  else
    self.figures.succeeded = self.figures.succeeded + 1
  end
end

--- One step of a walk: reads only, each with a deadline of its own.
---@param account table
---@param action fun(): boolean, any
function Run:step(account, action)
  local outer, call = self.current, { name = "step of a walk", account = account }
  local began = begin(self, call)
  local ok, item = action()
  finish(self, call, began, not ok and item or nil)
  self.current = outer
  return ok, item
end

--- Remembers how often a link must exist, outside this process's memory.
function Run:expect_link(tag, least, most)
  self.journal:write(tag, " ", least, " ", most, "\n")
end

local function compare_all(self)
  for _, account in ipairs(self.accounts) do
    local problem = account:difference(self.world.truth(account.name, "everything"))
    if problem then self:fail(("account %s: %s"):format(account.name, problem)) end
  end
end

local function close_window(self)
  self.current = nil
  local entries = self.world.drain()
  for _, entry in ipairs(entries) do
    add(self.by_fault, entry.fault)
    self.figures.requests = self.figures.requests + 1
    if entry.forwarded then self.figures.forwarded = self.figures.forwarded + 1 end
  end
  trace.check(self, self.records, entries)
  compare_all(self)
  self.records = {}
  -- A sandbox in this process grows with what it holds.
  if not self.world.in_process then self.memory[#self.memory + 1] = memory.sample() end
end

local function compare_links(self)
  self.journal:close()
  local found = {}
  local links = self.world.links()
  for _, link in ipairs(links) do add(found, link.memo) end
  local expected = 0
  for line in io.lines(self.journal_path) do
    local tag, least, most = line:match "^(%S+) (%d) (%d)$"
    local count = found[tag] or 0
    expected = expected + count
    if count < tonumber(least) then self:fail(("link %s is lost"):format(tag)) end
    if count > tonumber(most) then self:fail(("link %s exists %d times instead of %s"):format(tag, count, most)) end
    found[tag] = nil
  end
  for tag in pairs(found) do self:fail("there is a link that no call made: " .. tag) end
  self.figures.links = #links
end

--- Runs to the end.
---@return table self with failures and figures
function Run:go()
  self.world.begin_window(self.random:int(1000000))
  local next_window = self.window
  local began = self.world.now()
  while self.made < self.calls and #self.failures < FAILURES_MAX and self.world.now() - began < self.seconds do
    self.number = self.number + 1
    self.random:weighted(calls.LIST).run(self)
    if self.made >= next_window then
      close_window(self)
      next_window = next_window + self.window
      self.world.begin_window(self.random:int(1000000))
    end
  end
  self.world.calm()
  close_window(self)
  self.figures.calls, self.figures.seconds = self.made, self.world.now() - began
  local growth, problem = memory.growth(self.memory)
  self.figures.memory = growth
  if problem then self:fail(problem) end
  compare_links(self)
  local arrived = self.world.requests_arrived and self.world.requests_arrived()
  if arrived and arrived ~= self.figures.forwarded then
    self:fail(("%d requests arrived, but %d were let through"):format(arrived, self.figures.forwarded))
  end
  return self
end

return run
