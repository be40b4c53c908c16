--- Plans about aliases: printed, and carried out when it is asked for.

local number = require "locksmith.number"
local status = require "locksmith.cli.status"
local tally = require "locksmith.cli.tally"

local changes = {}

local COLUMNS = { "id", "full_address", "state", "change", "kind", "message" }
local FIELDS = { "enabled", "block_spam", "description" }

local function quoted(value)
  return type(value) == "string" and ('"%s"'):format(value) or tostring(value)
end

--- What a change does, for people; JSON has the change itself.
---@param change table|"delete"
---@param before table? what is so now
---@return string
function changes.text(change, before)
  if change == "delete" then return "delete for good" end
  local parts = {}
  for _, field in ipairs(FIELDS) do
    if change[field] ~= nil then
      local was = before and quoted(before[field]) .. " -> " or ""
      parts[#parts + 1] = ("%s: %s%s"):format(field, was, quoted(change[field]))
    end
  end
  return table.concat(parts, ", ")
end

---@param context locksmith.cli.Context
---@return locksmith.cli.Writer
function changes.writer(context)
  return context:writer { columns = COLUMNS }
end

local function add_row(context, writer, item, state, before, more)
  local row = { id = item.id, full_address = item.full_address, state = state }
  row.change = context.json and item.change or changes.text(item.change, before)
  if context.json then row.before = before end
  for name, value in pairs(more or {}) do row[name] = value end
  writer:row(row)
end

local function count(n, noun)
  return ("%s %s%s"):format(number.text(n), noun, n == 1 and "" or "s")
end

local function summary(plan)
  return ("%s, %s, %d unchanged"):format(count(plan.changes, "change"), count(plan.deletions, "deletion"),
    plan.unchanged)
end

--- Prints what a plan would do.
local function show(context, writer, plan)
  for _, item in ipairs(plan) do add_row(context, writer, item, "planned", item.before) end
  writer:close()
  context:say(summary(plan))
end

--- Prints those that a plan leaves as they are.
---@param writer locksmith.cli.Writer
---@param plan locksmith.Plan
---@param addresses locksmith.Address[]
---@return integer # how many they are
function changes.show_unchanged(writer, plan, addresses)
  local changed, unchanged = {}, 0
  for _, item in ipairs(plan) do changed[item.id] = true end
  for _, address in ipairs(addresses) do
    if not changed[address.id] then
      unchanged = unchanged + 1
      writer:row { id = address.id, full_address = address.full_address, state = "unchanged" }
    end
  end
  return unchanged
end

--- Plans what `decide` says.
---@param context locksmith.cli.Context
---@param decide fun(address: locksmith.Address): table|"delete"|nil
---@return locksmith.Plan
function changes.plan(context, decide)
  return (context:check(context:client("locker").addresses:plan(decide)))
end

local function apply(context, plan, deletions)
  local shown = context:progress "done"
  local ok, report, err = pcall(plan.apply, plan, { confirm_deletions = deletions,
    on_progress = function(told) shown:update(told) end })
  shown:hide()
  if not ok then error(report, 0) end
  return (context:check(report, err))
end

-- Prints what became of each change, in the order of the plan.
---@return any # what every further change would meet, if something like that came up
local function tell(context, writer, plan, report, counts)
  local results, ended = {}, nil
  for _, list in ipairs { "applied", "skipped", "failed" } do
    for _, item in ipairs(report[list]) do
      results[item.id] = { state = list, item = item }
      local ok, raised = true, nil
      if list == "applied" then
        counts:succeed()
      else
        ok, raised = pcall(counts.fail, counts, item.err or status.SOME_FAILED)
      end
      ended = ended or not ok and raised or nil
    end
  end
  for _, planned in ipairs(plan) do
    local result = results[planned.id]
    local err = result.item.err
    add_row(context, writer, planned, result.state, planned.before,
      { kind = err and err.kind, message = err and tostring(err) or result.item.reason })
  end
  return ended
end

--- Carries a plan out and prints what became of each change.
---@param context locksmith.cli.Context
---@param writer locksmith.cli.Writer
---@param plan locksmith.Plan
---@param options { apply: boolean, confirm: integer?, counts: locksmith.cli.Tally? } confirm: how many deletions were
---  agreed to; counts: what became of other items
---@return integer # exit status
function changes.carry_out(context, writer, plan, options)
  local counts = options.counts or tally.new()
  if context.dry_run or not options.apply then
    show(context, writer, plan)
    if context.dry_run and options.apply then context:say "nothing was sent" end
    return counts:status()
  end
  if plan.deletions > 0 and options.confirm ~= plan.deletions then
    status.usage(("the plan deletes %d for good: pass --confirm-deletes %d"):format(plan.deletions, plan.deletions))
  end
  local report = apply(context, plan, plan.deletions > 0 and plan.deletions or nil)
  local ended = tell(context, writer, plan, report, counts)
  writer:close()
  local parts = { ("%d applied"):format(#report.applied) }
  for _, list in ipairs { "failed", "skipped" } do
    if #report[list] > 0 then parts[#parts + 1] = ("%d %s"):format(#report[list], list) end
  end
  parts[#parts + 1] = ("%d unchanged"):format(plan.unchanged)
  context:say(("%s; %s"):format(table.concat(parts, ", "), count(report.requests, "request")))
  if ended then error(ended, 0) end
  return counts:status()
end

return changes
