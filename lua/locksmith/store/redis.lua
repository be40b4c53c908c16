--- Pacing and quota state in Redis, for several machines. Instants are the server's, so that their clocks may disagree.
---
--- What holds: one atomic step and one round trip per reservation; all who share a Redis and a key are held to the
--- windows together. A Redis that lost the state (restarted without its data, evicted or flushed it) is told so by the
--- next client that remembers more: for up to three seconds nobody is given a slot, and every client that comes merges
--- what it remembers, its own sends and those it saw of others. From then on the windows hold over every send that one
--- of them remembers; who was promised a slot before the loss asks again before it sends. A send that only a process
--- remembers that has ended, or that does not ask within those seconds, is not known (until it does ask); a Redis that
--- keeps its data on disk has no such gap.
---
--- The calls made on a `client` that the user passes: client:eval(script, 1, key, …), client:evalsha(sha, 1, key, …)
--- and, where it has it, client:script("load", script), in lua-redis's style or in lua-resty-redis's. Its connection
--- and its time limits are its owner's affair.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local link = require "locksmith.store.redis_link"
local memory = require "locksmith.store.memory"
local options = require "locksmith.options"
local recall = require "locksmith.store.recall"
local redis_reply = require "locksmith.store.redis_reply"
local script = require "locksmith.store.redis_script"
local transport = require "locksmith.transport"

-- After a failure nobody asks for this many times its cost, within bounds: a dead Redis must not cost each call its
-- time limit, and one that is back is to be found while the clients still gather what they remember.
local REST, REST_MIN, REST_MAX = 4, 0.5, 2
-- A new state that is met so soon after a failure is taken for one that was lost.
local SUSPICION = 60
-- Told that it lost the state, asked about the quota, and once more for either.
local ROUNDS = 4
local RECALLS_MAX = 1024
local SENSELESS = "the reply makes no sense"

---@class locksmith.RedisStore: locksmith.Store
local Redis = {}
Redis.__index = Redis
Redis.__name = "locksmith.RedisStore"

local function micros(seconds)
  return ("%.0f"):format(seconds * 1e6)
end

--- One question, within the time limit. Failures make the store rest.
---@param accepts fun(reply: any, longest: number?): boolean
---@param longest number? acceptable wait, where the reply is to hold one
---@return any? reply
---@return string? message
local function ask(self, patience, accepts, longest, name, ...)
  local limit = math.min(self.timeout, patience or self.timeout)
  local now = core.now()
  local rest = self.rests_until - now
  if rest > 0 and rest <= REST_MAX then return nil, self.problem end
  if limit <= 0 then return nil, "no time is left to ask Redis" end
  local reply, message, untried = self.invoke(limit, self.prefix .. name, ...)
  if reply and not accepts(reply, longest) then reply, message = nil, SENSELESS end
  if reply then
    self.rests_until = 0
    return reply
  end
  -- Who had little time left has proved nothing by using it up.
  if not untried and (limit == self.timeout or message ~= "timeout") then
    local cost = core.now() - now
    self.failed_at, self.problem = core.now(), "Redis: " .. tostring(message)
    self.rests_until = self.failed_at + math.max(REST_MIN, math.min(REST_MAX, REST * cost))
  end
  return nil, "Redis: " .. tostring(message)
end

--- Runs the script by its hash, and loads it where it is not known.
local function invoker(carry)
  local sha
  return function(limit, key, ...)
    local ends = core.now() + limit
    local function left() return math.max(0.001, ends - core.now()) end
    local denied = false
    if sha == nil then
      local loaded, message, refused, untried = carry(limit, "script", "load", script.TEXT)
      if not loaded and not refused then return nil, message, untried end
      if loaded and not redis_reply.hash(loaded) then return nil, SENSELESS end
      if loaded then sha = loaded else denied = true end
    end
    if sha then
      local reply, message, refused, untried = carry(left(), "evalsha", sha, 1, key, ...)
      if reply or not refused or not tostring(message):find("NOSCRIPT", 1, true) then return reply, message, untried end
    end
    local reply, message, _, untried = carry(left(), "eval", script.TEXT, 1, key, ...)
    -- A client without the method, or a user that may not: the text goes along each time.
    if reply and denied then sha = false end
    return reply, message, untried
  end
end

-- Where names come and go, only those are kept of which something is remembered.
local function sweep(self)
  for name, known in pairs(self.recalls) do
    if not known:is_live() then
      self.recalls[name], self.recall_count = nil, self.recall_count - 1
    end
  end
end

local function remembered(self, name)
  local known = self.recalls[name]
  if known then return known end
  if self.recall_count >= RECALLS_MAX then sweep(self) end
  known = recall.new()
  self.recalls[name], self.recall_count = known, self.recall_count + 1
  return known
end

-- Unique among all that share a Redis, so that whoever tells of a send again tells of the same.
local function next_id(self)
  if self.owner ~= core.process() then
    self.owner, self.count = core.process(), 0
    self.nonce = ("%.0f%.0f"):format(core.random() * 2 ^ 32, core.random() * 2 ^ 32)
  end
  self.count = self.count + 1
  return ("%s:%.0f"):format(self.nonce, self.count)
end

--- Takes in what every answer to "reserve" says besides the slot.
---@param at number the caller's clock at the moment of the answer
local function learn(self, request, known, reply, at)
  local name, server_now, mirror = request.name, reply[2], self.fallback.memory
  known.born, known.seq, known.quota = reply[4] == 0 and "" or reply[4], reply[5], reply[7]
  if reply[6] > server_now then mirror:pause(name, at, at + (reply[6] - server_now) / 1e6) end
  for i = 8, #reply, 2 do
    local slot = ascii.number(reply[i + 1])
    local there = at + (slot - server_now) / 1e6
    if known:add(reply[i], there) then mirror:record(name, request.windows, at, there) end
    known.since = math.max(known.since, slot)
  end
end

local function question(self, request, known, id, decided, whole, renewing)
  local live = known:is_live()
  local parts = {
    "reserve", id, request.count_only and "off" or micros(request.longest), decided,
    live and known.born ~= "" and ("%.0f"):format(known.born) or "", live and ("%.0f"):format(known.seq) or "0",
    core.now() - self.failed_at < SUSPICION and "1" or "0", ("%.0f"):format(known.since),
    micros(math.max(0, known.paused - request.now)), known:tell(request.now, whole), whole and "1" or "0",
    renewing and "1" or "0",
  }
  for _, window in ipairs(request.windows) do
    parts[#parts + 1] = ("%.0f"):format(window[1])
    parts[#parts + 1] = micros(window[2])
  end
  return parts
end

local unpack = table.unpack or unpack

--- Makes use of a slot that was given.
local function take(self, request, known, token, reply, at, took)
  local wait = math.max(0, reply[3] - reply[2]) / 1e6 -- asked twice, its slot may have come
  token.slot, token.at, token.given, token.real = reply[3], at + wait, at, core.now()
  if #request.windows == 0 then return wait, token end
  known:add(token.id, token.at)
  known.since = math.max(known.since, reply[3])
  -- The answer may have been under way for as long as the fastest never was; a send that goes now is as late as that.
  self.fastest = math.min(self.fastest, took)
  local late = took - self.fastest
  if late > request.margin and wait <= 0 then
    self.fastest = self.fastest + late / 10 -- or the way has become longer for good
    self:move(request.name, token, late, request.patience)
  end
  return wait, token
end

--- The quota text that the caller is admitted by, or why it is not.
local function judge(text, server_now)
  local admitted, retry_after = core.quota_admit(text, server_now / 1e6)
  if admitted then return text end
  return nil, retry_after
end

local function reserve(self, request, token, renewing)
  local known, began = remembered(self, request.name), core.now()
  local decided, whole = request.quota and "ask" or "", false
  known:advance(request.now, request.windows)
  for _ = 1, ROUNDS do
    local asked = core.now()
    local reply, message = ask(self, request.patience - (asked - began), redis_reply.reserve, request.longest,
      request.name, unpack(question(self, request, known, token.id, decided, whole, renewing)))
    if not reply then return nil, "store", message end
    local code, now, answered = reply[1], reply[2], core.now()
    if code == "lost" then
      whole, known.since = true, 0
    else
      -- It still has what this process remembers, so it lost nothing.
      if not whole and known.born ~= "" and known:is_live() then self.failed_at = -SUSPICION end
      local at = request.now + (answered - began)
      self.ahead = now / 1e6 - answered
      known:told()
      learn(self, request, known, reply, at)
      local span = (reply[3] - now) / 1e6
      if code == "ok" or code == "probe" then
        token.probing = token.probing or code == "probe"
        return take(self, request, known, token, reply, at, answered - asked)
      end
      if code == "again" then return nil, "again", span end
      if code == "wait" then
        known:remove(token.id)
        return nil, "would_wait", span
      end
      if code == "probed" then return nil, "quota_exceeded", span end
      local retry_after
      decided, retry_after = judge(reply[7], now)
      if not decided then return nil, "quota_exceeded", retry_after end
    end
  end
  return nil, "store", "Redis: the state keeps changing"
end

function Redis:reserve(request)
  return reserve(self, request, { id = next_id(self) }, false)
end

function Redis:renew(request, token)
  -- Where the caller's clock ran ahead of time itself (in a test), Redis would have it wait for ever.
  local passed = request.now - token.given
  if passed > 0 and core.now() - token.real < passed / 2 then return 0, token end
  return reserve(self, request, token, true)
end

--- Leaves out the reply of a message: what was said is all there is to it.
local function tell(self, patience, name, ...)
  local reply, message = ask(self, patience, redis_reply.done, nil, name, ...)
  if reply then return true end
  return nil, "store", message
end

function Redis:release(name, token, patience)
  remembered(self, name):remove(token.id)
  return tell(self, patience, name, "release", token.id, token.probing and "1" or "0")
end

function Redis:move(name, token, late, patience)
  remembered(self, name):add(token.id, token.at + late)
  return tell(self, patience, name, "move", token.id, ("%.0f"):format(token.slot + late * 1e6))
end

function Redis:pause(name, now, seconds, patience)
  -- Also said with every reservation until it is over, in case it cannot be said now.
  local known = remembered(self, name)
  known:advance(now, {})
  known.paused = math.max(known.paused, now + seconds)
  return tell(self, patience, name, "pause", micros(seconds))
end

--- Merges by the core's rule, against what Redis has at that moment.
function Redis:observe(name, _, limit, remaining, reset, patience)
  local known, ends = remembered(self, name), core.now() + (patience or self.timeout)
  local text = known.quota
  for _ = 1, ROUNDS do
    local server_now = core.now() + self.ahead
    local new = core.quota_observe(text, server_now, limit, remaining, reset) or text
    local reply, message = ask(self, ends - core.now(), redis_reply.quota, nil, name, "quota", text, new)
    if not reply then return nil, "store", message end
    self.ahead = reply[1] / 1e6 - core.now()
    text = reply[2]
    if text == new then break end
  end
  known.quota = text
  return (core.quota_read(text, core.now() + self.ahead))
end

function Redis:quota(name, _, patience)
  local reply, message = ask(self, patience, redis_reply.look, nil, name, "look", "0")
  if not reply then return nil, "store", message end
  return core.quota_read(reply[3], reply[1] / 1e6)
end

function Redis:forecast(name, windows, _, n, patience)
  local reply, message = ask(self, patience, redis_reply.look, nil, name, "look", "1")
  if not reply then return nil, "store", message end
  local now, copy = reply[1] / 1e6, core.memory()
  for i = 4, #reply do copy:record(name, windows, now, reply[i] / 1e6) end
  copy:pause(name, now, reply[2] / 1e6)
  return copy:forecast(name, windows, now, n)
end

function Redis:note(name, _, at)
  local id = next_id(self)
  remembered(self, name):add(id, at, true)
  return id
end

function Redis:forget(name, mark)
  remembered(self, name):remove(mark)
end

function Redis:__tostring()
  return "locksmith.redis store (" .. self.place .. ")"
end

local module = {}

local function port(value)
  if type(value) ~= "number" or not (value >= 1 and value <= 65535) or value % 1 ~= 0 then
    return "must be a port, a whole number from 1 to 65535"
  end
end

local function span(value)
  return options.check.duration(value) or value == 0 and "must be more than 0" or nil
end

local function has_methods(value)
  for _, name in ipairs { "eval", "evalsha" } do
    local ok, method = pcall(function() return value[name] end)
    if not ok or type(method) ~= "function" then
      return "must be a connected client with the methods eval and evalsha"
    end
  end
end

local KNOWN = {
  host = options.types "string",
  port = port,
  unix = options.types "string",
  username = options.types "string",
  password = options.types "string",
  db = options.check.count,
  tls = options.types "boolean",
  prefix = options.types "string",
  timeout = span,
  client = has_methods,
}

--- A store in Redis (5 or later). Opens no connection yet.
---@param given table? host (127.0.0.1), port (6379) or unix (path of a socket), username, password, db (0), tls (false;
---  nginx with lua-resty-redis only), prefix of the keys ("locksmith:"), timeout (0.5 seconds per question), or client
---  (a connected client of lua-redis or lua-resty-redis)
---@return locksmith.RedisStore # raises at the caller's line for a wrong option or a missing client library
function module.new(given)
  local what = "locksmith.redis"
  local own = {}
  for name, value in pairs(options.read(given, KNOWN, what)) do own[name] = value end
  if own.username and not own.password then
    error(what .. ": option 'username' needs option 'password' beside it", 2)
  end
  own.host, own.port = own.host or "127.0.0.1", own.port or 6379
  local carry, problem = link.new(own, transport.under_nginx())
  if not carry then error(what .. ": " .. problem, 2) end
  return setmetatable({
    invoke = invoker(carry), -- the password is in there, out of sight
    prefix = own.prefix or "locksmith:",
    timeout = own.timeout or 0.5,
    place = own.client and "client" or own.unix or ("%s:%.0f"):format(own.host, own.port),
    fallback = memory.new(),
    recalls = {},
    recall_count = 0,
    rests_until = 0,
    failed_at = -SUSPICION,
    fastest = math.huge,
    ahead = 0, -- seconds that the server's clock is ahead of this one
  }, Redis)
end

return module
