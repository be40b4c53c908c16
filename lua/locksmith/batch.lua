--- Makes a link for each row, exactly once, over any number of runs.
---
--- Each row has a name, and the name makes its slug (link.lua): so a row that is sent again makes nothing new. The
--- journal adds that what is done is not asked for again, and that a row keeps its slug when the key, of which slugs
--- are made, becomes another.

local Error = require "locksmith.error"
local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local journal = require "locksmith.journal"
local link = require "locksmith.link"
local options = require "locksmith.options"
local outlook = require "locksmith.outlook"
local parallel = require "locksmith.parallel"
local response = require "locksmith.response"
local scheduler = require "locksmith.scheduler"
local task = require "locksmith.task"

local WHAT = "lockpub.links.create_each"
local CONCURRENCY = 4
-- A row waits for its turn, which others that use the key may put off.
local TIMEOUT = 600
-- So many rows of an array are begun in the journal at once: flushing it takes a disk milliseconds.
local AHEAD = 64
-- What every further row would meet, too.
local ENDS = { unauthenticated = true, forbidden = true, plan_required = true, quota_exceeded = true, closed = true,
  config = true, store = true }

---@class locksmith.BatchRow
---@field fields table as the caller gave them
---@field wire table? as they are sent; nil where they cannot be
---@field name string? what makes its slug; nil where it has one of its own
---@field row string? its name in the journal
---@field link locksmith.Link?
---@field result locksmith.Response|locksmith.Error|nil

---@class locksmith.Batch
---@field session locksmith.Session
---@field pull fun(): table? the next row
---@field total integer?
---@field ahead integer so many rows are looked at together
---@field concurrency integer
---@field opts table of the call
---@field each table what of them is for each row
---@field journal locksmith.Journal?
---@field ready locksmith.BatchRow[] rows that were looked at together
---@field taken integer so many of these are at work
---@field seen table<string, string> by name, what the fields of the row were
---@field repeats table<string, integer> how often rows of these fields came
---@field begun integer rows
---@field finished integer of these
---@field done integer of these, handed out with a link
---@field failed integer and with an error
---@field asked integer rows of this run that took a request
---@field since number? when the first of them began
---@field spent number seconds that all their attempts took together
---@field failure locksmith.Error? that ends the run
---@field results fun(): any, any, any
---@field closer table
local Batch = {}
Batch.__index = Batch

--- The same text for the same fields, whatever their order and spelling, on every Lua.
local function canonical(value)
  if type(value) == "string" then return #value .. ":" .. value end
  if type(value) == "number" then return core.number(value) end
  if type(value) ~= "table" then return type(value) == "boolean" and tostring(value) or "null" end
  local parts = {}
  for key, inner in pairs(value) do parts[#parts + 1] = canonical(key) .. "=" .. canonical(inner) .. ";" end
  table.sort(parts, ascii.before)
  return "{" .. table.concat(parts) .. "}"
end

local function refused(row, message)
  row.result = Error.refused("invalid_request", message, link.OPERATION)
end

--- Names a row.
local function identify(self, row)
  local wire, problem = core.fields("link", row.fields, 0, true) -- what was done stays so when its time has passed
  if not wire then return refused(row, problem) end
  local _, err = link.encode(link.OPERATION, wire)
  if err then
    row.result = err
    return
  end
  local digest, own = core.digest(canonical(wire)), wire.customSlug
  local name
  row.wire = wire
  if own then
    name = "slug " .. own
  elseif self.opts.name then
    row.name = self.opts.name(row.fields)
    if type(row.name) == "number" then row.name = core.number(row.name) end
    if type(row.name) ~= "string" or #row.name < 1 or #row.name > 512 then
      return refused(row, "option 'name' must return a text of 1 to 512 bytes for each row")
    end
    name = "name " .. row.name
  else
    self.repeats[digest] = (self.repeats[digest] or 0) + 1
    row.name = ("row %s %.0f"):format(digest, self.repeats[digest])
    name = row.name
  end
  if own or self.opts.name then
    local hash = core.digest(name)
    if (self.seen[hash] or digest) ~= digest then
      return refused(row, (own and "custom_slug" or "the name that option 'name' gives it") ..
        " is that of a row before, whose fields are others")
    end
    self.seen[hash] = digest
  end
  if self.journal then row.row = self.journal:row(name) end
end

--- Looks at the next rows.
local function look(self)
  local rows = {}
  while #rows < self.ahead do
    local fields = self.pull()
    if fields == nil then break end
    if type(fields) ~= "table" then
      options.misuse(("%s: argument 'rows' must hold tables of fields, not a %s"):format(WHAT, type(fields)))
    end
    rows[#rows + 1] = { fields = fields }
    identify(self, rows[#rows])
  end
  self.ready, self.taken = rows, 0
end

--- The next row to work at; none after a failure that ends the run.
local function next_row(self)
  if self.failure then return nil end
  if self.taken == #self.ready then look(self) end
  local row = self.ready[self.taken + 1]
  if not row then return nil end
  self.taken, self.begun = self.taken + 1, self.begun + 1
  row.together = self.ready
  return row
end

local function fail(self, err)
  self.failure = self.failure or err
  return err
end

local function out_of_reach(message)
  return Error.refused("store", message, link.OPERATION)
end

--- Notes in the journal that a row is begun, and those that were looked at together with it.
---@return string? problem
local function note(self, row, slug, secret)
  local book, entries = self.journal, {}
  if book.begun[row.row] == slug then return nil end
  for _, other in ipairs(row.together) do
    local its = other == row and slug or not other.result and not book.begun[other.row] and not book.done[other.row] and
      (other.wire.customSlug or secret and core.slug_for(secret, other.name))
    if its then entries[#entries + 1] = { row = other.row, slug = its } end
  end
  return book:begin(entries)
end

--- Has a row on the disk before it is sent. Rows of an iterator that are taken at the same time are flushed together.
---@return locksmith.Error?
local function begin(self, row, slug, secret)
  local problem = note(self, row, slug, secret)
  if not problem and self.journal.loose and self.ahead == 1 then scheduler.step_aside() end
  problem = problem or self.journal:flush()
  if not problem then return nil end
  local err = out_of_reach(problem)
  err.slug = slug
  return err
end

--- Makes the link of a row that is not done.
local function make(self, row)
  local session, book, fields, opts = self.session, self.journal, row.fields, options.copy(self.each)
  local slug = row.wire.customSlug or book and book.begun[row.row]
  opts.idempotent = slug and true or row.name
  if slug and not row.wire.customSlug then
    fields = options.copy(fields)
    fields.custom_slug = slug
  end
  local function noted(chosen, secret)
    slug = chosen
    return book and begin(self, row, chosen, secret)
  end
  self.since = self.since or session.now()
  row.link, row.result = task.new(session):carry_out(link.create, fields, opts, noted)
  self.asked = self.asked + 1
  for _, attempt in ipairs(row.result.attempts) do self.spent = self.spent + (attempt.elapsed or 0) end
  if not row.link then
    if ENDS[row.result.kind] then fail(self, row.result) end
  elseif book then
    local problem = book:finish(row.row, row.link, slug)
    if problem then fail(self, out_of_reach(problem)) end
  end
end

--- Hands out what the journal tells of a row that is done.
local function recall(self, row, known)
  local found = options.copy(row.wire)
  found.customSlug = known.slug
  row.link = link.recovered(self.session, found)
  for name, value in pairs(known) do row.link[name] = value end
  row.result = response.new({ journaled = true, recovered = false, attempts = {}, elapsed = 0, headers = {} })
end

local function work(self, row)
  local known = not row.result and self.journal and self.journal:link(row.row)
  if known then
    recall(self, row, known)
  elseif row.result then
    task.new(self.session):finish(nil, row.result) -- which tells on_event
  else
    make(self, row)
  end
  self.finished = self.finished + 1
  return true
end

--- How long the rest will take: as long as the windows and the quota demand, and as the attempts so far let expect.
---@return number?
local function seconds_left(self)
  if not self.total then return nil end
  local session = self.session
  local known = self.journal and math.max(0, self.journal.finished - (self.finished - self.asked)) or 0
  local rest = math.max(0, self.total - self.finished - known)
  if rest == 0 then return 0 end
  local seconds = 0
  if self.spent > 0 then
    local side_by_side = math.max(1, math.min(self.concurrency, self.spent / (session.now() - self.since)))
    seconds = rest * self.spent / self.asked / side_by_side
  end
  local state, now = outlook.state(session, WHAT)
  if not state then return seconds end
  local unsent = math.max(0, rest - (self.begun - self.finished))
  return math.max(seconds, outlook.seconds(state, session.windows, now, unsent))
end

local function report(self)
  if not self.opts.on_progress then return end
  self.opts.on_progress { done = self.done, failed = self.failed, total = self.total,
    seconds_left = seconds_left(self) }
end

local function close(self)
  local meta = getmetatable(self.closer)
  if meta then meta.__close(self.closer) end
  if self.journal then self.journal:close() end
end

--- The next result.
---@return table? fields
---@return locksmith.Link?
---@return locksmith.Error?
---@return locksmith.Response?
local function next_result(self)
  while true do
    local row, finished, raised = self.results()
    if row and finished then
      if row.link then self.done = self.done + 1 end
      local ends = not row.link and ENDS[row.result.kind]
      if not row.link and not ends then self.failed = self.failed + 1 end
      if not ends then
        report(self)
        if row.link then return row.fields, row.link, nil, row.result end
        return row.fields, nil, row.result
      end
    else
      close(self)
      if row then error(raised, 0) end
      if self.failure then error(self.failure, 0) end
      return nil
    end
  end
end

local batch = {}

--- Begins a run. See Links.create_each.
---@param session locksmith.Session
---@param rows table[]|fun(): table?
---@param opts table checked
---@return locksmith.Batch?
---@return string? message why the journal cannot be used
local function new(session, rows, opts)
  local self = setmetatable({ session = session, opts = opts, ready = {}, taken = 0, seen = {}, repeats = {}, begun = 0,
    finished = 0, done = 0, failed = 0, asked = 0, spent = 0 }, Batch)
  self.pull, self.ahead, self.concurrency, self.total = rows, 1, opts.concurrency or CONCURRENCY, opts.total
  if type(rows) == "table" then
    local index = 0
    self.total, self.ahead = #rows, opts.journal and AHEAD or 1
    function self.pull()
      index = index + 1
      return rows[index]
    end
  end
  self.each = { timeout = opts.timeout or math.max(TIMEOUT, session.options.timeout),
    attempt_timeout = opts.attempt_timeout, max_retries = opts.max_retries, pacing = opts.pacing,
    allow_in_memo = opts.allow_in_memo }
  if not opts.journal then return self end
  local problem
  self.journal, problem = journal.open(opts.journal)
  if not self.journal then return nil, problem end
  for known in self.journal:links() do link.learn(session, known) end
  return self
end

--- Carries out Links.create_each.
function batch.create_each(own, rows, opts)
  local self, problem = new(own.session, rows, opts)
  -- What comes of this function is called by a loop, which would say of nil only that it is none.
  if not self then own:raise(Error.refused("invalid_request", problem, WHAT)) end
  local _
  self.results, _, _, self.closer = parallel(function() return next_row(self) end, function(row)
    return work(self, row)
  end, { concurrency = self.concurrency, ordered = opts.ordered })
  local closer = setmetatable({}, { __close = function() close(self) end })
  return function()
    local fields, made, err, how = next_result(self) -- see parallel.lua
    return fields, made, err, how
  end, nil, nil, closer
end

return batch
