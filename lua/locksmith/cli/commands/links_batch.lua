--- A link for each row of a file, exactly once over any number of runs.

local ascii = require "locksmith.ascii"
local link_rows = require "locksmith.cli.link_rows"
local status = require "locksmith.cli.status"

local COLUMNS = { "row", "name", "state", "short_url", "slug", "kind", "message" }
local STATES = { "created", "recovered", "journaled", "planned", "failed" }

---@class locksmith.cli.LinkBatch one run
---@field context locksmith.cli.Context
---@field rows locksmith.cli.LinkRows
---@field total integer? how many they are
---@field sent integer? and how many of these the library gets
---@field of table<table, locksmith.cli.LinkRow> by fields, of rows that were handed to the library
---@field bad locksmith.cli.LinkRow[] rows that were not, in their order, until their turn to be written has come
---@field counts table<string, integer> by state
---@field unknown integer rows that failed and may be there
local LinkBatch = {}
LinkBatch.__index = LinkBatch

local function write(self, row, result)
  result.row, result.name = row.number, row.name
  self.counts[result.state] = (self.counts[result.state] or 0) + 1
  if self.writer.format == "table" then self.progress:hide() end
  self.writer:row(result)
end

--- Writes the bad rows that come before one.
local function write_bad(self, number)
  while self.bad.first <= #self.bad and self.bad[self.bad.first].number < number do
    local row = self.bad[self.bad.first]
    self.bad.first = self.bad.first + 1
    write(self, row, { state = "failed", kind = "invalid_request", message = tostring(row.problem) })
  end
end

--- The fields of the next row that has any.
local function next_fields(self)
  for row in function() return self.rows:next() end do
    if row.fields then
      self.of[row.fields] = row
      return row.fields
    end
    if self.bad.first > #self.bad then self.bad = { first = 1 } end
    self.bad[#self.bad + 1] = row
  end
end

local function write_result(self, fields, link, err, response)
  local row = self.of[fields]
  self.of[fields] = nil
  write_bad(self, row.number)
  if link then
    local state = response.journaled and "journaled" or response.recovered and "recovered" or "created"
    return write(self, row, { state = state, short_url = link.short_url, slug = link.slug })
  end
  if err.outcome == "unknown" then self.unknown = self.unknown + 1 end
  write(self, row, { state = "failed", slug = err.slug, kind = err.kind, message = err.message })
end

local function make_all(self, arguments, journal)
  local client = self.context:client "lockpub"
  local opts = {
    journal = journal, total = self.sent, ordered = true, concurrency = arguments.concurrency,
    timeout = arguments.timeout, allow_in_memo = arguments.allow_in_memo,
    on_progress = function(told) self.progress:update(told) end,
  }
  if arguments.name_column then opts.name = function(fields) return self.of[fields].name end end
  for fields, link, err, response in client.links:create_each(function() return next_fields(self) end, opts) do
    write_result(self, fields, link, err, response)
  end
end

local function check_all(self, arguments)
  local client = self.context:client("lockpub", not self.context:has_key "lockpub" and "offline" or nil)
  for fields in function() return next_fields(self) end do
    local row = self.of[fields]
    write_bad(self, row.number)
    local fine, err = client.links:check(fields, { allow_in_memo = arguments.allow_in_memo, idempotent = row.name })
    if fine then
      write(self, row, { state = "planned", slug = fields.custom_slug })
    else
      write(self, row, { state = "failed", kind = err.kind, message = err.message })
    end
    self.of[fields] = nil
  end
end

local function summary(self)
  local parts = {}
  for _, state in ipairs(STATES) do
    if self.counts[state] then parts[#parts + 1] = ("%d %s"):format(self.counts[state], state) end
  end
  local text = ("%s of %s rows"):format(#parts > 0 and table.concat(parts, ", ") or "none", self.total or
    self.rows.number)
  if self.unknown > 0 then
    text = ("%s; of those that failed, %d may be there all the same: run it again"):format(text, self.unknown)
  end
  return text
end

--- Says what the rows would take.
local function forecast(self)
  local n = self.counts.planned or 0
  local plan = self.context:has_key "lockpub" and self.context:client("lockpub"):plan(n)
  local seconds = plan and (", in about %.0f seconds"):format(plan.seconds) or ""
  if plan and plan.fits and plan.fits < n then
    seconds = (", but only %.0f fit in this month's quota"):format(plan.fits)
  end
  self.context:say(("%d links would be made%s; nothing was sent"):format(n, seconds))
end

--- The journal's path; nil where there is none.
local function journal_of(self, arguments)
  if arguments.journal then return arguments.journal end
  if self.total then return arguments.file .. ".journal" end
  self.context:say "there is no journal, for want of a file's name: a repeated run asks for every row again (--journal)"
end

local function batch(context, arguments)
  if arguments.output and arguments.output == arguments.file then
    status.usage "--output: that is the file with the rows"
  end
  local total, bad = link_rows.count(arguments)
  local self = setmetatable({ context = context, total = total, sent = total and total - bad, of = {},
    bad = { first = 1 }, counts = {}, unknown = 0,
    rows = link_rows.open(arguments), progress = context:progress "made" }, LinkBatch)
  local journal = not context.dry_run and journal_of(self, arguments)
  self.writer = context:writer { columns = COLUMNS, path = arguments.output, each = true }
  local ok, raised = pcall(context.dry_run and check_all or make_all, self, arguments, journal)
  if ok then ok, raised = pcall(write_bad, self, math.huge) end
  if ok then ok, raised = pcall(self.writer.close, self.writer) end
  self.progress:hide()
  context:say(summary(self))
  if not ok then error(raised, 0) end
  if context.dry_run then forecast(self) end
  if self.unknown > 0 then return status.UNKNOWN end
  return self.counts.failed and status.SOME_FAILED or status.DONE
end

local function count(text)
  local n = ascii.number(text)
  if n and n >= 1 and n % 1 == 0 then return n end
  return nil, ("'%s' is not a number of rows"):format(text)
end

return function(links, runs)
  local command = links:command("batch", "Make a link for each row of a file, each exactly once however often the " ..
    "run is repeated. Prints a result for each row, in the order of the file.")
  link_rows.declare(command)
  command:option("--journal", "Where it is noted what was done. Default: FILE.journal."):argname "J"
  command:option("--output", "File for the results instead of standard output; its ending, .csv, .tsv or .jsonl, " ..
    "tells how they are written."):argname "OUT"
  command:option("--concurrency", "So many rows at a time; 4 without it."):argname("N"):convert(count)
  runs(command, batch)
end
