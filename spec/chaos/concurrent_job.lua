--- The process of a concurrent chaos run that makes the calls, 16 at once, and is killed.
--
-- Environment: URL; LOCKER_API_KEY, LOCKPUB_API_KEY; LEDGER, a path; SEED; LAST, the number of the last call to make.
-- Says on its output what no fault explains, and "done" in the end.

local judge = require "spec.chaos.judge"
local ledger = require "spec.chaos.ledger"
local locksmith = require "locksmith"
local random = require "spec.chaos.random"

local AT_ONCE = 16
local OPERATIONS = { { "named", weight = 26 }, { "plain", weight = 10 }, { "enabled", weight = 18 },
  { "block_spam", weight = 10 }, { "describe", weight = 10 }, { "make", weight = 10 }, { "delete", weight = 6 },
  { "get", weight = 10 } }

local path, seed, last = os.getenv "LEDGER", tonumber(os.getenv "SEED"), tonumber(os.getenv "LAST")
local book = ledger.read(path)
local chance = random.new(seed + book.calls)
local options = { base_url = os.getenv "URL", rate = false, timeout = 4, attempt_timeout = 0.5, connect_timeout = 2,
  max_response_bytes = 200000, random = function() return chance:unit() * 0.02 end }
local locker, lockpub = assert(locksmith.locker(options)), assert(locksmith.lockpub(options))
local file = assert(io.open(path, "a"))

local function note(...)
  file:write(table.concat({ ... }, " "), "\n")
  file:flush()
end

local function say(...)
  io.stdout:write(string.format(...), "\n")
  io.stdout:flush()
end

-- Aliases that are there for certain, and about which nothing is open.
local free, place = {}, {}

local function release(id)
  if place[id] or book.busy[id] or book.gone[id] then return end
  free[#free + 1] = id
  place[id] = #free
end

local function take(index)
  local id, other = free[index], free[#free]
  free[index], place[other] = other, index
  free[#free], place[id] = nil, nil
  return id
end

local function find_aliases()
  local found
  repeat found = locker.addresses:all() until found
  for _, address in ipairs(found) do
    local call = book.made[address.id]
    -- Of others that were made nobody can tell whether something is still under way.
    if call and call.outcome == "ok" or address.description:find "^alias " or book.wanted[address.id] then
      release(address.id)
    end
  end
end

local again = {}
for number = 1, book.calls do
  local call = book.list[number]
  if call and ledger.is_open(call) then again[#again + 1] = call end
end

local function next_call()
  local open = table.remove(again)
  if open then return book:begin(open.number, open.operation, open.id, open.value) end
  if book.calls >= last then return nil end
  local number, operation, id, value = book.calls + 1, chance:weighted(OPERATIONS)[1], nil, nil
  if operation ~= "named" and operation ~= "plain" and operation ~= "make" then
    if #free == 0 then return nil end
    id = take(chance:int(#free))
    if operation == "delete" and not book.made[id] then operation = "get" end
    value = operation == "describe" and "words-" .. number or tostring(chance:chance(0.5))
  end
  return book:begin(number, operation, id, value)
end

local function link_fields(memo)
  return { type = "url", target_url = "https://example.com/" .. memo, password = "not-in-the-memo", memo = memo }
end

local carry_out = {
  named = function(call)
    local tag = ("n%d"):format(call.number)
    return lockpub.links:create(link_fields(tag), { idempotent = tag })
  end,
  plain = function(call) return lockpub.links:create(link_fields(("p%d"):format(call.number))) end,
  enabled = function(call) return locker.addresses:set_enabled(call.id, call.value == "true") end,
  block_spam = function(call) return locker.addresses:set_block_spam(call.id, call.value == "true") end,
  describe = function(call) return locker.addresses:update(call.id, { description = call.value }) end,
  make = function(call) return locker.addresses:create { description = ("a%d"):format(call.number) } end,
  delete = function(call) return locker.addresses:delete(call.id) end,
  get = function(call) return locker.addresses:get(call.id) end,
}

local function check_read(call, address)
  local made = book.made[call.id]
  if made and not (book.wanted[call.id] or {}).description and address.description ~= ("a%d"):format(made.number) then
    say("alias %d is described as %q", call.id, address.description)
  end
  for field, want in pairs(book.wanted[call.id] or {}) do
    if address[field] ~= want then say("%s of alias %d is %s", field, call.id, tostring(address[field])) end
  end
end

local function work(call)
  note("begin", call.number, call.operation, call.id or "-", call.value or "-")
  local value, err = carry_out[call.operation](call)
  local outcome, id = "ok", call.operation == "make" and value and value.id or nil
  if value then
    if call.operation == "get" then check_read(call, value) end
  else
    outcome = err.outcome
    id = call.operation == "make" and err.value and err.value.id or nil
    -- An earlier request of ours may have done it.
    if call.operation == "delete" and err.kind == "not_found" and call.tries > 1 then outcome = "ok" end
    -- A 409 whose text was spoiled may be anybody's.
    local explained = judge.TRANSIENT[err.kind] or call.operation == "named" and err.kind == "conflict"
    if outcome ~= "ok" and not explained then say("%s: %s", call.operation, tostring(err)) end
  end
  note("end", call.number, outcome, id or "-")
  book:finish(call.number, outcome, id)
  if outcome == "ok" or call.operation == "get" then
    if call.id then release(call.id) end
    if id then release(id) end
  end
end

find_aliases()
for call, _, raised in locksmith.parallel(next_call, work, { concurrency = AT_ONCE }) do
  if raised then say("%s raised %s", call.operation, tostring(raised)) end
end
say "done"
