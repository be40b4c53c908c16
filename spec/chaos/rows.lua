--- Links of rows by a job that is killed again and again, through a network that loses answers: whatever happens, there
--- is one link for each row, each run that ends has told of all its rows, and none is asked for that is done.

local json = require "locksmith.json"
local process = require "spec.support.process"
local random = require "spec.chaos.random"
local shell = require "spec.support.shell"

local JOB = "spec/support/batch_job.lua"
-- Steps (see spec/support/steps.lua) before a job has opened its journal.
local FIRST_STEPS = 20
-- So often a job that nobody kills may have to be repeated, while the service answers some rows with errors.
local RUNS = 5

local rows = {}

local Rows = {}
Rows.__index = Rows

local function expect(so, problem, ...)
  if not so then error(problem:format(...), 0) end
end

--- Runs the job once.
---@param url string where it sends to
---@param journal string path
---@param variables table<string, any> of its environment, see there
---@param launcher string? words before the program
---@param setup string? shell commands before it
---@return string output
function rows.job(url, journal, variables, launcher, setup)
  local words = {}
  variables.URL, variables.JOURNAL, variables.LUA_PATH, variables.LUA_CPATH = url, journal, package.path, package.cpath
  for name, value in pairs(variables) do words[#words + 1] = shell.quote(name .. "=" .. value) end
  -- What a shell says of one that was killed is not the job's.
  return (shell.output(("(%s env -u LUA_INIT %s %s %s %s; true) 2>&1"):format(setup or "", table.concat(words, " "),
    launcher or "", shell.quote(process.interpreter()), JOB)):gsub("Killed\n$", ""))
end

--- The slugs that a journal tells to be done.
---@param journal string path
---@return table<string, boolean>
---@return integer
function rows.done(journal)
  local slugs, n = {}, 0
  for line in (shell.read(journal) or ""):gmatch "[^\n]+\n" do
    local ok, entry = json.decode(line)
    if ok and type(entry) == "table" and entry.done then slugs[entry.slug], n = true, n + 1 end
  end
  return slugs, n
end

-- Reads what a job told, and looks at what it asked for.
local function check(self, output, known)
  local complete, told, failed = output:match "steps (%d+)\n$", 0, 0
  for row, what, how in output:gmatch "row (%d+) (%S+) (%S+)\n" do
    told = told + 1
    if how == "failed" then
      failed = failed + 1
    else
      expect((self.slugs[row] or what) == what, "row %s has two links", row)
      expect((self.rows[what] or row) == row, "two rows have the link %s", what)
      expect((known[what] or false) == (how == "journaled"), "row %s was %s", row, how)
      self.slugs[row], self.rows[what] = what, row
    end
  end
  local log = self.box:log()
  for i = self.seen + 1, #log do
    local ok, sent = json.decode(log[i].body)
    expect(ok and not known[sent.customSlug], "a row that was done was asked for")
  end
  self.seen = #log
  local now = rows.done(self.journal)
  for slug in pairs(known) do expect(now[slug], "the journal forgot %s", slug) end
  if not complete then
    local rest = output:gsub("row %d+ %S+ %a+\n", ""):gsub("^row [%w ]*$", "")
    expect(rest == "", "the job ended with: %s", rest)
    return nil
  end
  expect(told == self.count, "%d rows were told of, not %d", told, self.count)
  return tonumber(complete), failed
end

local function run(self, kill, seconds)
  local known = rows.done(self.journal)
  local launcher = seconds and ("timeout -s KILL %g"):format(seconds)
  self.runs = self.runs + 1
  -- Every other run gets them from an iterator.
  return check(self, rows.job(self.url, self.journal, { KEY = self.key, ROWS = self.count, KILL = kill,
    ITERATOR = self.runs % 2 == 0 and 1 or nil }, launcher), known)
end

local function forget(self)
  self.reset()
  os.remove(self.journal)
  self.slugs, self.rows, self.seen = {}, {}, 0
end

--- Kills the job until it was killed often enough, and lets it end then. Raises what is wrong.
---@param options table { box, url, proxy = of spec/support, reset = function() that makes the service anew, journal =
---  path, count = rows, kills, seed, faults = see Proxy:chaos }
---@return table figures { killed, runs, requests, links }
function rows.run(options)
  local self = setmetatable({ runs = 0, killed = 0 }, Rows)
  for name, value in pairs(options) do self[name] = value end
  forget(self)
  self.key = self.box:call "key"
  -- How many steps it takes to make all links, and to hear of the journal that all are made.
  local making, hearing = run(self), run(self)
  expect(making and hearing, "the job did not end")
  forget(self)
  self.proxy:chaos(self.faults)
  local chance = random.new(self.seed)
  for round = 1, 2 * self.kills do
    local finished
    if round % 3 == 0 then
      finished = run(self, nil, 0.02 + 0.1 * chance:unit())
    else
      local _, done = rows.done(self.journal)
      local share = done / self.count
      local all = hearing * share + making * (1 - share)
      local some = hearing * share + making * 3 * chance:unit() / self.kills
      finished = run(self, math.floor(math.max(FIRST_STEPS, math.min(some, all * 0.9))))
    end
    if not finished then self.killed = self.killed + 1 end
    if self.killed == self.kills then break end
    if round == math.floor(self.kills / 2) then self.key = self.box:call "rotate" end
  end
  local finished, failed
  for _ = 1, RUNS do
    finished, failed = run(self)
    if finished and failed == 0 then break end
  end
  self.proxy:chaos { rate = 0 }
  finished, failed = run(self)
  expect(finished and failed == 0, "%s rows have no link", failed or "all")
  local links = self.box:call "links"
  expect(#links == self.count, "there are %d links for %d rows", #links, self.count)
  for _, link in ipairs(links) do expect(self.rows[link.slug], "nobody was told of the link %s", link.slug) end
  -- All is done: nothing is asked any more.
  local before = self.seen
  run(self)
  expect(self.seen == before, "a run of which all was done made requests")
  expect(not shell.read(self.journal):find("password", 1, true), "the journal tells a field")
  return { killed = self.killed, runs = self.runs, requests = self.seen, links = #links }
end

return rows
