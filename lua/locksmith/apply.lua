--- Carries out a plan: writes, looks at what it came to, and writes once more what did not take.
--
-- What may be written again, and when a flag may be toggled, is told in flags.lua.

local Error = require "locksmith.error"
local alias = require "locksmith.alias"
local flags = require "locksmith.flags"
local options = require "locksmith.options"
local parallel = require "locksmith.parallel"
local resource = require "locksmith.resource"
local tasks = require "locksmith.task"
local try = require "locksmith.try"
local walk = require "locksmith.walk"

local NAME = "locker.addresses.plan.apply"
local CONCURRENCY = 8
-- Someone else may change an alias meanwhile, a write may be lost; so often it is worth trying.
local ROUNDS = 3
-- Before it writes, apply looks whether something changed since the plan. Not where so many changes, and no deletions,
-- are to be made and the plan is not so many seconds old: writing them takes longer than that, and no look would be a
-- fresh one.
local MANY, MOMENT = 100, 2
-- Errors that every further write would meet.
local ENDS = { unauthenticated = true, closed = true, config = true, store = true, phase = true }

local APPLY = options.extend(options.CALL, {
  concurrency = options.check.bytes,
  confirm_deletions = options.check.count,
  on_progress = options.types "function",
})

local Report = { __name = "locksmith.Report" }

function Report:__tostring()
  return ("%d applied, %d failed, %d skipped; %d requests in %.1f s"):format(#self.applied, #self.failed,
    #self.skipped, self.requests, self.elapsed)
end

---@class locksmith.Writing what is being done about one alias
---@field item locksmith.PlannedChange
---@field need table<string, any> what is still to be brought about
---@field known table its state as last seen
---@field sent table<string, boolean>? the flags of the last PUT
---@field certain boolean? the answer of the last write leaves nothing to be seen
---@field err locksmith.Error? of the last write
---@field doubtful boolean? which says that no such alias is there, or none of that name
---@field lost boolean? some write may yet take effect
---@field flipped boolean? and it was a toggle

---@class locksmith.Applying
---@field task locksmith.Task
---@field opts table of each call
---@field given table options of apply
---@field report locksmith.Report
---@field total integer
---@field pending integer written, and not looked at yet
---@field began number
---@field writing number? when the first write began
---@field stop table? { err } or { raised }: nothing more is sent

local apply = {}

-- When, and as which of its client's tasks, a plan was made, until it is applied.
local fresh = setmetatable({}, { __mode = "k" })

--- Remembers from when the list of a plan is.
---@param plan locksmith.Plan
---@param task locksmith.Task
---@param read number
function apply.note(plan, task, read)
  fresh[plan] = { read = read, number = task.number }
end

--- Whether another look would tell no more than the plan does.
local function is_fresh(run, plan)
  local note, session = fresh[plan], run.task.session
  fresh[plan] = nil
  local nothing_else = note and note.number == run.task.number - 1
  return nothing_else and run.total >= MANY and math.abs(session.now() - note.read) < MOMENT
    and not flags.drops(session)
end

local function settle(run, list, writing, name, value)
  local item = writing.item
  local row = { id = item.id, full_address = item.full_address, change = item.change }
  if name then row[name] = value end
  local rows = run.report[list]
  rows[#rows + 1] = row
end

local function skip(run, writing, reason)
  settle(run, "skipped", writing, "reason", reason)
end

local function fail(run, writing, err)
  settle(run, "failed", writing, "err", err)
end

local function needed(item, present)
  local need = {}
  if item.change == "delete" then return need end
  for field, want in pairs(item.change) do
    if present[field] ~= want then need[field] = want end
  end
  return need
end

local function moved(item, present)
  if not present then return "it was deleted since the plan" end
  if present.full_address ~= item.full_address then
    return ("it was renamed to %s since the plan"):format(tostring(present.full_address))
  end
end

--- Why an alias is not what it was when the plan was made, nor what the plan makes of it.
local function changed(item, present)
  for field, was in pairs(item.before) do
    local now, want = present[field], nil
    if item.change ~= "delete" then want = item.change[field] end
    if now ~= was and (want == nil or now ~= want) then
      return ("its %s was changed since the plan"):format(field)
    end
  end
end

--- Everything as it is now.
---@return table<integer|string, locksmith.Address>?
---@return locksmith.Response|locksmith.Error
local function look(run)
  local task = run.task
  local source = { task = task, operation = "locker.addresses.list", opts = task:within(run.opts) }
  local addresses, response = walk.all(source, {})
  if not addresses then return nil, response end
  local by_id = {}
  for _, address in ipairs(addresses) do by_id[address.id] = address end
  return by_id, response
end

--- Leaves out what needs no change, and what changed.
local function sieve(run, writings, by_id)
  local left = {}
  for _, writing in ipairs(writings) do
    local item, present = writing.item, by_id[writing.item.id]
    local reason = moved(item, present)
    if not reason then
      writing.need, writing.known = needed(item, present), present
      if item.change ~= "delete" and next(writing.need) == nil then
        reason = "it is so already"
      else
        reason = changed(item, present)
      end
    end
    if reason then skip(run, writing, reason) else left[#left + 1] = writing end
  end
  return left
end

--- Brings about with a PUT what it can, with toggles the rest.
local function change(own, writing, id, opts)
  local toggles = flags.drops(own.session) and not writing.lost
  local put, flips = {}, {}
  writing.sent = {}
  for field, want in pairs(writing.need) do
    if field == "description" then
      put[field] = want
    elseif toggles then
      flips[#flips + 1] = field
    else
      put[field], writing.sent[field] = want, want
    end
  end
  if next(put) ~= nil then
    local name = writing.item.full_address:match "^[^@]*"
    local err = alias.put(own, id, alias.with_name(put, name), opts)
    if err then return nil, err end
  end
  writing.certain = next(writing.sent) == nil
  for _, flag in ipairs(flips) do
    local flipped, response = own:call(alias.NAME .. "toggle_" .. flag, opts, { id = id })
    if Error.is(response) then
      writing.flipped = response.outcome == "unknown"
      return resource.step_failed(response, NAME, not writing.flipped and own.changed or nil)
    end
    writing.certain = writing.certain and type(flipped) == "table" and flipped[flag] == writing.need[flag]
  end
  return true
end

local function write(own, writing, opts)
  local id = options.id(writing.item.id, NAME)
  opts = own:within(opts)
  if writing.item.change ~= "delete" then return change(own, writing, id, opts) end
  local _, response = own:call(alias.NAME .. "delete", opts, { id = id })
  if Error.is(response) then return nil, response end
  writing.certain = true
  return true
end

local function tell_progress(run)
  local on_progress = run.given.on_progress
  if not on_progress then return end
  local report, total = run.report, run.total
  local done, failed, skipped = #report.applied + run.pending, #report.failed, #report.skipped
  local elapsed, left = run.task.session.now() - run.writing, total - done - failed - skipped
  local ok, raised = try(on_progress, { done = done, failed = failed, skipped = skipped, total = total,
    seconds_left = elapsed / (done + failed) * left })
  if not ok then run.stop = run.stop or { raised = raised } end
end

--- What came of a write, as far as its answer tells.
---@return boolean # whether a look has to tell
local function take_answer(run, writing)
  local err = writing.err
  if err and ENDS[err.kind] then run.stop = run.stop or { err = err } end
  local outcome = err and err.outcome
  if outcome == "unknown" then writing.lost = true end
  if not err or outcome == "unknown" or outcome == "applied" and not err.status then
    run.pending = run.pending + 1
    return true
  end
  writing.doubtful = err.kind == "not_found" or writing.item.change ~= "delete" and alias.is_about_name(err)
  if not writing.doubtful then fail(run, writing, err) end
  return writing.doubtful
end

--- Writes, several at a time.
---@return locksmith.Writing[] # what is to be looked at
local function send(run, writings)
  local session, index, left = run.task.session, 0, {}
  local function next_writing()
    if run.stop then return nil end
    index = index + 1
    return writings[index]
  end
  local function work(writing)
    local own = tasks.new(session)
    own.operation = NAME
    local _, err = own:carry_out(write, writing, run.opts)
    writing.err = err
    run.report.requests = run.report.requests + #(own.attempts or {})
  end
  local next_result = parallel(next_writing, work, { concurrency = run.given.concurrency or CONCURRENCY })
  while true do
    local writing, _, raised = next_result()
    if not writing then break end
    if raised ~= nil then
      run.stop = run.stop or { raised = raised }
    else
      if take_answer(run, writing) then left[#left + 1] = writing end
      tell_progress(run)
    end
  end
  local err = run.stop and run.stop.err
  for i = index + 1, err and #writings or 0 do
    fail(run, writings[i], Error.refused(err.kind, "not sent, since another change failed: " .. err.message, NAME))
  end
  return left
end

--- Learns from the PUTs that were answered whether this account's plan obeys them.
local function learn(run, writings, by_id)
  local obeyed
  for _, writing in ipairs(writings) do
    local present = not writing.err and by_id[writing.item.id]
    for flag, want in pairs(present and writing.sent or {}) do
      if writing.known[flag] ~= want then obeyed = obeyed or present[flag] == want end
    end
  end
  if obeyed ~= nil then flags.learn(run.task.session, obeyed) end
end

local function not_applied(writing, response)
  return Error.about(response, { kind = "not_applied", operation = NAME, outcome = "unknown",
    message = writing.item.change == "delete" and "the service accepted the deletion, but the alias is still there"
      or "the service accepted the change, but it is not so; someone else may be changing it",
  })
end

--- What a look says about one alias.
---@return boolean? # whether another round is to be made
local function judge(run, writing, present, response, last)
  local item, err = writing.item, writing.err
  local reason = moved(item, present)
  if not present and item.change == "delete" and not writing.doubtful then return settle(run, "applied", writing) end
  if not present or reason and writing.doubtful then return skip(run, writing, reason) end
  if writing.doubtful then return fail(run, writing, err) end
  writing.need, writing.known = needed(item, present), present
  if item.change ~= "delete" then
    if next(writing.need) == nil then return settle(run, "applied", writing) end
    local description = writing.need.description and present.description
    if description and description ~= item.before.description then
      return skip(run, writing, "someone else changed its description meanwhile")
    end
  end
  if last or writing.flipped or run.stop then
    if err and writing.lost then err.message = err.message .. "; it does not show, but may yet take effect" end
    return fail(run, writing, err or not_applied(writing, response))
  end
  return true
end

--- Looks at what the writes came to.
---@return locksmith.Writing[] # what did not take
local function verify(run, writings, last)
  local by_id, response = look(run)
  local left = {}
  if by_id then learn(run, writings, by_id) end
  for _, writing in ipairs(writings) do
    if by_id then
      if judge(run, writing, by_id[writing.item.id], response, last) then left[#left + 1] = writing end
    elseif writing.certain and not writing.err then
      settle(run, "applied", writing)
    else
      fail(run, writing, writing.err or Error.new { kind = response.kind, operation = NAME, outcome = "unknown",
        source = response.source, status = response.status,
        message = "the service accepted the change; whether it took is not known, as the list failed: "
          .. response.message })
    end
  end
  run.pending = 0
  return left
end

local function of_kind(writings, deletions)
  local some = {}
  for _, writing in ipairs(writings) do
    if (writing.item.change == "delete") == deletions then some[#some + 1] = writing end
  end
  return some
end

local function carry_out(run, writings)
  run.task.changed, run.task.made = "unknown", run.report -- should something raise
  run.writing = run.task.session.now()
  for round = 1, ROUNDS do
    local left = send(run, of_kind(writings, false))
    for _, writing in ipairs(send(run, of_kind(writings, true))) do left[#left + 1] = writing end
    if run.stop and run.stop.raised ~= nil then error(run.stop.raised, 0) end
    if #left == 0 then break end
    writings = verify(run, left, round == ROUNDS)
    if #writings == 0 then break end
  end
end

local function check_deletions(deletions, opts)
  if deletions == 0 or opts.confirm_deletions == deletions then return nil end
  return Error.refused("invalid_request", ("the plan deletes %d for good: pass confirm_deletions = %d%s"):format(
    deletions, deletions, opts.confirm_deletions and (", not %d"):format(opts.confirm_deletions) or ""), NAME)
end

--- Carries a plan out: one write for each change, deletions last; then one list to see what it came to, and more where
--- something did not take. An alias that is found changed since the plan is skipped. What is so already is not written.
apply.method = resource.method({ name = NAME, arguments = { function(plan) return plan end }, options = APPLY },
  function(task, plan, opts)
    local writings = {}
    for i, item in ipairs(plan) do
      writings[i] = { item = item, known = item.before, need = item.change ~= "delete" and item.change or {} }
    end
    local deletions = #of_kind(writings, true)
    local err = check_deletions(deletions, opts) or task:ready(NAME)
    if err then return nil, err end
    local report = setmetatable({ applied = {}, failed = {}, skipped = {}, requests = 0, elapsed = 0 }, Report)
    local run = { task = task, opts = opts, given = opts, report = report, total = #writings, pending = 0,
      began = task.session.now() }
    if #writings > 0 and (deletions > 0 or not is_fresh(run, plan)) then
      local by_id, failure = look(run)
      if not by_id then return resource.step_failed(failure, NAME, resource.unchanged(failure)) end
      writings = sieve(run, writings, by_id)
    end
    if #writings > 0 then carry_out(run, writings) end
    report.requests = report.requests + #(task.attempts or {})
    report.elapsed = task.session.now() - run.began
    return report
  end)

return apply
