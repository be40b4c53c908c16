--- The server-side half of the Redis store: one script, one key, one atomic step per question.
---
--- The key is a sorted set, so that it is evicted, expired and replicated as one. A slot is a member with its instant
--- (microseconds of the server's clock) as score. A fact is a member with a negative score, hence below every slot:
---   born, seq   which memory this is, and how many slots it has given: by them a client sees that it forgot something
---   now         what the clock said last
---   longest     the longest window any client has had
---   dropped     the newest slot that no window reaches any more
---   paused      nobody sends before
---   gather      nobody is given a slot before: after a loss, the clients first tell what they remember
---   probe       one client asks whether the quota has started anew; nobody else before
---   quota …     the quota as text; its score says nothing
--- The rules for slots are those of the C core (pace.h).

local script = {}

script.TEXT = [[
if redis.replicate_commands then redis.replicate_commands() end
local key, op = KEYS[1], ARGV[1]
local clock = redis.call("TIME")
local now = clock[1] * 1000000 + clock[2]

local DISAGREEMENT, GATHER, PROBE_HOLD = 60000000, 3000000, 30000000
local SLACK, QUOTA_LIFE = 60000000, 33 * 86400 * 1000000
local HISTORY_MAX, NEWS_MAX = 20000, 500

local function whole(number) return string.format("%.0f", number) end

local facts, quota = {}, ""
local found = redis.call("ZRANGEBYSCORE", key, "-inf", "(0", "WITHSCORES")
for i = 1, #found, 2 do
  if string.sub(found[i], 1, 6) == "quota " then
    quota = string.sub(found[i], 7)
  else
    facts[found[i] ] = -tonumber(found[i + 1])
  end
end

local function set(name, value)
  if facts[name] == value then return end
  facts[name] = value
  redis.call("ZADD", key, whole(-value), name)
end

local function raise(name, value)
  if value > (facts[name] or 0) then set(name, value) end
end

local function clear(name)
  if facts[name] then redis.call("ZREM", key, name) end
  facts[name] = nil
end

-- The n-th newest slot, nil when there are fewer.
local function newest(n)
  local score = tonumber(redis.call("ZREVRANGE", key, n - 1, n - 1, "WITHSCORES")[2] or -1)
  return score >= 0 and score or nil
end

-- The first instant from `time` on at which one more send breaks no window that ends there.
local function allowed_from(time, windows)
  while true do
    local allowed, to = time, whole(time)
    for _, window in ipairs(windows) do
      local nth = redis.call("ZREVRANGEBYSCORE", key, to, "0", "WITHSCORES", "LIMIT", window[1] - 1, "1")[2]
      nth = nth and tonumber(nth) or facts.dropped
      if nth then allowed = math.max(allowed, nth + window[2]) end
    end
    if allowed == time then return time end
    time = allowed
  end
end

-- How far the clock was set back since the call before; small steps are waited out.
local function step_back()
  local step = (facts.now or now) - now
  return step > (facts.longest or DISAGREEMENT) and step or 0
end

local function follow_clock()
  local step = step_back()
  if step > 0 then
    local slots = redis.call("ZRANGEBYSCORE", key, "0", "+inf", "WITHSCORES")
    for i = 1, #slots, 2 do redis.call("ZADD", key, whole(slots[i + 1] - step), slots[i]) end
    for _, name in ipairs { "dropped", "paused", "gather" } do
      if facts[name] then set(name, facts[name] - step) end
    end
  end
  set("now", now)
end

local function drop(from, to)
  local last = redis.call("ZREVRANGEBYSCORE", key, to, from, "WITHSCORES", "LIMIT", "0", "1")[2]
  if not last then return end
  raise("dropped", tonumber(last))
  redis.call("ZREMRANGEBYSCORE", key, from, to)
end

local function insert(id, at)
  if not facts.longest then return end
  if redis.call("ZCARD", key) > HISTORY_MAX then
    drop("0", redis.call("ZRANGEBYSCORE", key, "0", "+inf", "WITHSCORES", "LIMIT", "0", "1")[2])
  end
  redis.call("ZADD", key, whole(at), id)
end

-- Called after every change, so that no key stays for ever.
local function keep()
  local last = (newest(1) or now) + (facts.longest or 0)
  local life = math.max(last, facts.paused or 0, facts.gather or 0, facts.probe or 0) - now + SLACK
  if quota ~= "" then life = math.max(life, QUOTA_LIFE) end
  redis.call("PEXPIRE", key, whole(math.ceil(life / 1000)))
end

if op == "release" then -- id, "1" when it was the probe
  redis.call("ZREM", key, ARGV[2])
  if ARGV[3] == "1" then clear("probe") end
  return 1
elseif op == "move" then -- id, instant
  insert(ARGV[2], tonumber(ARGV[3]))
  if facts.longest then keep() end
  return 1
elseif op == "pause" then -- span
  follow_clock()
  raise("paused", now + tonumber(ARGV[2]))
  keep()
  return 1
elseif op == "quota" then -- text it is thought to be, text it should be; changed only if the first is right
  if quota == ARGV[2] and quota ~= ARGV[3] then
    if quota ~= "" then redis.call("ZREM", key, "quota " .. quota) end
    quota = ARGV[3]
    redis.call("ZADD", key, "-1", "quota " .. quota)
    clear("probe")
    keep()
  end
  return { now, quota }
elseif op == "look" then -- "1" for the slots too
  local step = step_back()
  local answer = { now, (facts.paused or step) - step, quota }
  if ARGV[2] == "1" then
    local slots = redis.call("ZRANGEBYSCORE", key, "0", "+inf", "WITHSCORES")
    for i = 2, #slots, 2 do answer[#answer + 1] = slots[i] - step end
  end
  return answer
end

-- reserve: 2 id, 3 longest wait or "off", 4 "" (no quota), "ask" or the quota text that the caller has judged to admit,
-- 5 born and 6 seq as the caller remembers them or "" and 0, 7 "1" when Redis was out of reach lately, 8 newest slot
-- known, 9 span of a pause not told yet, 10 sends to merge "id age id age …", 11 "1" when these are all it remembers,
-- 12 "1" when it waited for the slot of that id and is about to send, 13… windows: requests, span
local unpaced, since = ARGV[3] == "off", ARGV[8]
local known, seq = tonumber(ARGV[5]), tonumber(ARGV[6])
local behind = known and known == facts.born and seq > facts.seq
local lost = behind or known and known ~= facts.born
if lost and ARGV[11] ~= "1" then return { "lost", now } end

local windows = {}
for i = 13, #ARGV, 2 do
  local window = { tonumber(ARGV[i]), tonumber(ARGV[i + 1]) }
  windows[#windows + 1] = window
  raise("longest", window[2])
end
if facts.longest or facts.paused then follow_clock() end
if facts.longest then
  local fresh = behind or not facts.born
  if fresh then
    set("born", now)
    set("seq", 1)
    clear("gather")
  end
  if (lost or fresh and ARGV[7] == "1") and not facts.gather then
    set("gather", now + math.min(GATHER, facts.longest))
  end
  for id, age in string.gmatch(ARGV[10], "(%S+) (%S+)") do
    redis.call("ZADD", key, "NX", whole(now - age), id)
  end
  drop("0", whole(now - facts.longest))
end
if tonumber(ARGV[9]) > 0 then raise("paused", now + tonumber(ARGV[9])) end

local news = redis.call("ZRANGEBYSCORE", key, since, "+inf", "WITHSCORES", "LIMIT", "0", NEWS_MAX)
local function answer(code, at)
  if next(facts) or quota ~= "" then keep() end
  return { code, now, at, facts.born or 0, facts.seq or 0, facts.paused or 0, quota, unpack(news) }
end

if ARGV[12] == "1" then
  if (facts.gather or 0) > now then return answer("again", facts.gather) end
  redis.call("ZREM", key, ARGV[2])
  local slot = allowed_from(math.max(now, facts.paused or 0), windows)
  if slot > now + tonumber(ARGV[3]) then return answer("wait", slot) end
  insert(ARGV[2], slot)
  return answer("ok", slot)
end

local held = redis.call("ZSCORE", key, ARGV[2]) -- asked twice, because the first answer was lost
if held then return answer("ok", tonumber(held)) end

local probing = false
if ARGV[4] ~= "" and not unpaced and string.find(quota, "^%-?%d+ 0 ") then
  if ARGV[4] ~= quota then return answer("quota", 0) end
  local probe = facts.probe or 0
  if probe > now and probe - now <= PROBE_HOLD then return answer("probed", probe) end
  probing = true
end

local slot = now
if not unpaced then
  if (facts.gather or 0) > now then return answer("again", facts.gather) end
  slot = math.max(now, facts.paused or 0)
  if #windows > 0 then slot = math.max(slot, newest(1) or 0) end
  for _, window in ipairs(windows) do
    local nth = newest(window[1]) or facts.dropped
    if nth then slot = math.max(slot, nth + window[2]) end
  end
  if slot > now + tonumber(ARGV[3]) then return answer("wait", slot) end
end
insert(ARGV[2], slot)
if probing then set("probe", now + PROBE_HOLD) end
if facts.seq then set("seq", facts.seq + 1) end
return answer(probing and "probe" or "ok", slot)
]]

return script
