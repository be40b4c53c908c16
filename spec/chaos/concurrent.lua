--- Many calls at once through a faulty network, by a process that is killed and started again: in the end each thing is
--- there once, and as it was asked for.

local core = require "locksmith.core"
local faults = require "spec.support.faults"
local ledger = require "spec.chaos.ledger"
local process = require "spec.support.process"
local random = require "spec.chaos.random"
local server = require "spec.support.server"
local shell = require "spec.support.shell"
local sockets = require "spec.chaos.sockets"

local JOB, ACCOUNT, ALIASES = "spec/chaos/concurrent_job.lua", "main", 150
local FIELDS = { "enabled", "block_spam", "description" }
-- Of several runs in a calm network each does all that is open.
local CALM_RUNS = 3
-- Seconds for what a process that is gone had sent.
local PATIENCE = 5

local concurrent = {}

local Concurrent = {}
Concurrent.__index = Concurrent

local function expect(so, problem, ...)
  if not so then error(problem:format(...), 0) end
end

-- Until all that the job has sent is through.
local function settle(self)
  local gives_up = core.now() + PATIENCE
  while self.proxy:state().open > 0 do
    expect(core.now() < gives_up, "connections of a process that is gone stay open")
    core.sleep(0.005)
  end
  self.proxy:state()
end

-- Runs the job; without `seconds` to its end.
local function run(self, last, seconds)
  local words, lua = {}, shell.quote(process.interpreter())
  local variables = { URL = self.proxy.url, LEDGER = self.ledger, SEED = self.seed, LAST = last,
    LOCKER_API_KEY = server.LOCKER_KEY, LOCKPUB_API_KEY = server.LOCKPUB_KEY, LUA_PATH = package.path,
    LUA_CPATH = package.cpath }
  for name, value in pairs(variables) do words[#words + 1] = shell.quote(name .. "=" .. value) end
  local launcher = seconds and ("timeout -s KILL %.3f "):format(seconds) or ""
  local output = shell.output(("(env -u LUA_INIT %s %s%s %s; true) 2>&1"):format(table.concat(words, " "), launcher,
    lua, JOB)):gsub("Killed\n$", "")
  self.runs = self.runs + 1
  local done = output:sub(-5) == "done\n"
  local said = done and output:sub(1, -6) or output
  expect(said == "", "%s", said)
  expect(done or seconds, "the job did not end")
  if not done then self.killed = self.killed + 1 end
  settle(self)
end

local function count(list, field)
  local times = {}
  for _, item in ipairs(list) do times[item[field]] = (times[item[field]] or 0) + 1 end
  return times
end

local function check_links(self, book)
  local links = self.box:call "links"
  local times, known = count(links, "memo"), 0
  for number, call in pairs(book.list) do
    local named = call.operation == "named"
    if named or call.operation == "plain" then
      local memo = (named and "n%d" or "p%d"):format(number)
      local found, ok = times[memo] or 0, call.outcome == "ok"
      local possible = named and call.outcome ~= "ok" or call.outcome == nil or call.outcome == "unknown"
      expect(found > 0 or not ok, "link %s is lost", memo)
      expect(found < 2, "link %s is there %d times", memo, found)
      expect(found == 0 or ok or possible, "link %s is there in spite of its outcome: %s", memo, call.outcome)
      known = known + found
    end
  end
  expect(known == #links, "there are %d links that nobody made", #links - known)
  return known
end

local function check_made(book, address, call)
  expect(not book.gone[address.id], "alias %d is back", address.id)
  local described = (book.wanted[address.id] or {}).description
  if call.outcome == "ok" and not described and not book.busy[address.id] then
    expect(address.description == ("a%d"):format(call.number), "alias %d has another description", address.id)
  end
end

local function check_aliases(self, book)
  local found, strange = {}, 0
  for _, address in ipairs(self.box:call("addresses", ACCOUNT)) do
    local id = address.id
    found[id] = true
    local call = book.made[id]
    if call then
      check_made(book, address, call)
    elseif not self.first[id] then
      strange = strange + 1
      local number = tonumber(address.description:match "^a(%d+)$")
      expect(address.description == "" or number and book.list[number].outcome == nil,
        "nobody can have made alias %d (%s)", id, address.description)
    end
    for _, field in ipairs(not book.busy[id] and FIELDS or {}) do
      local want = (book.wanted[id] or {})[field]
      if want == nil then want = (self.first[id] or {})[field] end
      expect(want == nil or address[field] == want, "%s of alias %d is %s", field, id, tostring(address[field]))
    end
  end
  local possible = 0
  for _, call in pairs(book.list) do
    if call.operation == "make" and (call.outcome == nil or call.outcome == "unknown") then possible = possible + 1 end
  end
  expect(strange <= possible, "%d aliases that nobody made, of %d that may be", strange, possible)
  for id in pairs(self.first) do expect(found[id], "alias %d is lost", id) end
  for id, call in pairs(book.made) do
    expect(found[id] or book.gone[id] or book.busy[id], "alias %d, made by call %d, is lost", id, call.number)
  end
end

local function check(self)
  local book = ledger.read(self.ledger)
  check_aliases(self, book)
  return book, check_links(self, book)
end

local function is_settled(book)
  for _, call in pairs(book.list) do
    if ledger.is_open(call) then return false end
  end
  return true
end

local function figures_of(self, book, links)
  local figures = { calls = 0, tries = 0, open = 0, links = links, killed = self.killed, runs = self.runs,
    requests = 0, faults = 0 }
  for _, call in pairs(book.list) do
    figures.calls, figures.tries = figures.calls + 1, figures.tries + call.tries
    if call.outcome == nil or call.outcome == "unknown" then figures.open = figures.open + 1 end
  end
  for _, entry in ipairs(self.proxy:log()) do
    figures.requests = figures.requests + 1
    if entry.fault ~= "pass" then figures.faults = figures.faults + 1 end
  end
  return figures
end

local function go(self)
  local chance = random.new(self.seed)
  self.proxy:chaos { seed = self.seed, rate = self.rate, kinds = sockets.MIX }
  local done, kills = 0, 0
  while done < self.calls do
    -- So many calls more each time; the last processes are not killed.
    local last = math.min(self.calls, done + math.ceil(self.calls / math.max(1, self.kills)))
    local seconds = kills < self.kills and self.least + self.most * chance:unit() or nil
    run(self, last, seconds)
    kills = kills + 1
    done = check(self).calls
  end
  self.proxy:chaos { rate = 0 }
  for _ = 1, CALM_RUNS do
    run(self, self.calls)
    if is_settled(ledger.read(self.ledger)) then break end
  end
  if self.meddle then self.meddle(self.box) end
  local book, links = check(self)
  expect(is_settled(book), "something could not be brought about in a calm network")
  return figures_of(self, book, links)
end

--- Runs to the end. Raises what is wrong.
---@param options table { seed, calls, kills, rate = share of requests with a fault, ledger = path of a file,
---  least, most = seconds that a process that is killed has, and so many more by chance; meddle = function(box), called
---  before the last comparison }
---@return table figures { calls, tries, open, links, killed, runs, requests, faults }
function concurrent.run(options)
  local self = setmetatable({ killed = 0, runs = 0, first = {} }, Concurrent)
  for name, value in pairs(options) do self[name] = value end
  self.box = server.sandbox { plan = "premium", rate = false, throttle = false, quota = 1e9, log_limit = 1 }
  for i = 1, ALIASES do
    local address = self.box:call("add_address", ACCOUNT, { description = "alias " .. i })
    self.first[address.id] = address
  end
  self.proxy = faults.start { upstream = self.box.url, lifetime = 1800 }
  os.remove(self.ledger)
  local ok, result = pcall(go, self)
  self.proxy:stop()
  self.box.stop()
  if not ok then error(result, 0) end
  return result
end

return concurrent
