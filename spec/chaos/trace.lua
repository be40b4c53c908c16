--- Compares what a call said with the requests that came to the service because of it.
---
--- A log entry: { at, method (nil: refused when accepted), path, fault, forwarded, status = of the service's own
--- answer, truly = that answer was sent to the client, refused = the answer said plainly that nothing was done,
--- absent = it never left }.

local trace = {}

local function is_toggle(entry)
  return entry.path ~= nil and (entry.path:find "/enabled$" or entry.path:find "/block_spam$") ~= nil
end

local function is_write(entry)
  return entry.method ~= "GET" and entry.method ~= nil and not entry.absent
end

local function surely_refused(entry)
  return entry.refused or entry.absent or (entry.truly and entry.status >= 400)
end

local function was_refused(entry)
  return surely_refused(entry) or (entry.forwarded and entry.status ~= nil and entry.status >= 400)
end

local function story(entries)
  local words = {}
  for i, entry in ipairs(entries) do
    words[i] = ("%s %s %s%s"):format(entry.method or "-", entry.path or "-", entry.fault,
      entry.forwarded and " (acted: " .. tostring(entry.status) .. ")" or "")
  end
  return "\n    " .. table.concat(words, "\n    ")
end

local checks = {}

--- No request is sent behind the caller's back, and none is made up.
function checks.attempts(call, entries, vanishing)
  if not call.single or not call.attempts then return nil end
  local sent = #entries
  if sent > call.attempts and (call.writes or call.attempts == 0) then return "more requests than attempts" end
  if sent < call.attempts and not call.timed_out and not vanishing then return "fewer requests than attempts" end
end

--- A create is sent again only after an answer that nothing was done.
function checks.creates(call, entries)
  if not call.creates or call.creates == "keyed" then return nil end
  local open
  for _, entry in ipairs(entries) do
    if entry.method == "POST" then
      if open then return "a create was repeated blindly" end
      open = not surely_refused(entry)
    end
  end
end

--- Between two toggles lies a look, unless the first did certainly nothing; and nothing is written after one that was
--- not answered.
function checks.toggles(_, entries)
  local blind, open = false, false
  for _, entry in ipairs(entries) do
    if open and is_write(entry) then return "a write followed a toggle that was not answered" end
    if is_toggle(entry) then
      if blind then return "a toggle was repeated blindly" end
      blind = not surely_refused(entry)
      open = blind and not (entry.truly and entry.status < 300)
    elseif entry.method == "GET" and entry.forwarded then
      blind = false
    end
  end
end

function checks.not_sent(call, entries)
  if call.outcome ~= "not_sent" or not call.writes then return nil end
  for _, entry in ipairs(entries) do
    if is_write(entry) then return "not_sent, but a write arrived" end
  end
end

function checks.rejected(call, entries)
  if call.outcome ~= "rejected" or not call.writes then return nil end
  for _, entry in ipairs(entries) do
    local ignored = call.drops and entry.method == "PUT" and not is_toggle(entry)
    if is_write(entry) and not ignored and not was_refused(entry) then
      return "rejected, but a write was not refused"
    end
  end
end

--- "unknown" is no excuse for not looking: some write must have been left open.
function checks.unknown(call, entries, vanishing)
  if call.outcome ~= "unknown" or not call.writes or call.timed_out or vanishing then return nil end
  for _, entry in ipairs(entries) do
    local open = entry.method == nil or (is_write(entry) and not surely_refused(entry))
    if open and not (call.single and entry.truly) then return nil end
  end
  return "unknown, but every write was answered"
end

function checks.applied(call, entries)
  if call.outcome ~= "applied" then return nil end
  for _, entry in ipairs(entries) do
    if is_write(entry) and entry.truly and entry.status < 400 then return nil end
  end
  return "applied, but no write was answered with success"
end

function checks.success(call, entries)
  if not call.succeeded or not call.writes or not call.single then return nil end
  local done, first = 0, nil
  for _, entry in ipairs(entries) do
    if entry.forwarded and entry.status and entry.status < 300 then done = done + 1 end
    first = first or (entry.method and entry)
  end
  if call.recovered then return nil end
  if done == 0 then return "a success that no answer told of" end
  if call.creates and done > 1 then return "done more than once" end
end

-- A request that meets a connection which is closed at that very moment is lost without a trace.
local function may_vanish(before, entries)
  local vanishing = before ~= nil and before.fault == "idle_close"
  for _, entry in ipairs(entries) do vanishing = vanishing or entry.fault == "idle_close" end
  return vanishing
end

local function check_call(run, call, entries)
  -- Each client has a connection of its own.
  local client = call.account and call.account.name or "lockpub"
  local vanishing = may_vanish(run.last_entry[client], entries)
  run.last_entry[client] = entries[#entries] or run.last_entry[client]
  for _, check in pairs(checks) do
    local problem = check(call, entries, vanishing)
    if problem then
      run.current = call
      run:fail(("%s: %s%s"):format(problem, tostring(call.error or "success"), story(entries)))
    end
  end
end

---@param run table
---@param records table[] calls, in the order they began; their `from` says from where on log entries are theirs
---@param entries table[] the log, in the order of `at`
function trace.check(run, records, entries)
  local at = 1
  while entries[at] and records[1] and entries[at].at < records[1].from do
    run:fail("a request before the first call: " .. story { entries[at] })
    at = at + 1
  end
  for i, call in ipairs(records) do
    local mine, following = {}, records[i + 1]
    while entries[at] and (not following or entries[at].at < following.from) do
      mine[#mine + 1] = entries[at]
      at = at + 1
    end
    check_call(run, call, mine)
  end
end

return trace
