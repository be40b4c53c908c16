--- A walk over a list in the middle of the chaos: complete, without repeats, resumed after every failure, while the
--- loop deletes what it visits and somebody makes and deletes aliases.

local locksmith = require "locksmith"

local walk = {}

local NAME = "locker.addresses.each"
local RESUMES_MAX = 20

local function iterator_of(account, run, q, opts)
  if run.random:chance(0.7) then return account.client.addresses:each(q, opts), false end
  return account.client.addresses:pages(q, opts), true
end

local function note_all(account, known)
  for id in pairs(account.aliases) do known[id] = true end
end

local function visit(run, account, item, state)
  if state.seen[item.id] then run:fail(("the walk repeats alias %s"):format(tostring(item.id))) end
  state.seen[item.id] = true
  -- What was deleted during the walk may be in a page that was read before.
  if account.aliases[item.id] then
    local problem = account:mismatch(item)
    if problem then run:fail("walk: " .. problem) end
  elseif not state.known[item.id] then
    run:fail(("the walk shows alias %s, which there never was"):format(tostring(item.id)))
  end
  if not state.changes then return end
  local calls = require "spec.chaos.calls"
  if account.aliases[item.id] and account.count > 5 and run.random:chance(0.4) then
    calls.delete_alias(run, account, item.id)
  elseif run.random:chance(0.1) then
    if account.count > 5 and run.random:chance(0.5) then
      calls.delete_alias(run, account, run.random:key(account.aliases))
    else
      calls.create_alias(run)
    end
    note_all(account, state.known)
  end
end

---@param run table
---@param account table of the model
function walk.run(run, account)
  local q = run.random:pick { {}, { size = 5 }, { size = 7 }, { size = 25 } }
  local state = { seen = {}, known = {}, changes = account:paid() and account.count > 20 and run.random:chance(0.5) }
  note_all(account, state.known)
  local before = {}
  for id in pairs(account.aliases) do before[#before + 1] = id end
  local opts = run:limits()
  local iterator, by_page = iterator_of(account, run, q, opts)
  local resumes = 0
  while true do
    local ok, item = run:step(account, function() return pcall(iterator) end)
    if ok and item == nil then break end
    if ok then
      for _, each in ipairs(by_page and item or { item }) do visit(run, account, each, state) end
    else
      if not locksmith.is_error(item) or type(item.resume) ~= "table" then
        return run:fail("a walk raised something else: " .. tostring(item))
      end
      resumes = resumes + 1
      if resumes > RESUMES_MAX then return run:made_call(NAME, item) end
      iterator, by_page = account.client.addresses:each(item.resume, opts), false
    end
  end
  for _, id in ipairs(before) do
    if account.aliases[id] and not state.seen[id] then run:fail(("the walk skips alias %s"):format(tostring(id))) end
  end
  run:made_call(NAME)
  if resumes > 0 then run.figures.resumed = run.figures.resumed + 1 end
end

return walk
