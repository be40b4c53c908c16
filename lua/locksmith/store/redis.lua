--- Bytes in Redis (5 or later), for several machines. The server's clock is the one that counts, so that theirs may
--- disagree.
---
--- What holds: a swap is one atomic step. It goes out with the version that this process saw last, and what it comes
--- back with, when somebody else was first, is what they put there: one question for an update while nobody else is at
--- it, one more for each who was first. What is seen last is kept here; "exact" asks. A version is never met again: the
--- text of one is drawn at random in each process. A key expires when nothing in it matters any more.
---
--- Loss: a Redis that comes back without its memory (restarted, evicted, flushed, a replica that lagged) gives back
--- less than was put there. It is the state itself that tells (see core/state.h), and those who remember more say it
--- again. Nobody can tell of what ended processes have sent; a Redis that keeps its data on disk has no such gap.
---
--- The calls made on a `client` that the user passes: client:evalsha(sha, 1, key, …) and, where Redis does not know the
--- script or does not let that user, client:eval(script, 1, key, …); in lua-redis's style or in lua-resty-redis's. Its
--- connection and its time limits are its owner's affair. Of Redis itself only EVALSHA, EVAL, GET, SET and TIME are
--- needed, and AUTH and SELECT where the options say so.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local redis_connection = require "locksmith.store.redis_connection"
local options = require "locksmith.options"
local transport = require "locksmith.transport"

-- ARGV: the version that is thought to be there ("" nothing, "?" to look only), the new version, its bytes, its life in
-- milliseconds. Answers the time, and what is there where that is something else. Who asks twice, as the first answer
-- was lost, finds what it has put.
local SCRIPT = [[
local time, kept = redis.call("TIME"), redis.call("GET", KEYS[1]) or ""
local version = string.sub(kept, 1, 24)
if version == ARGV[2] then return time end
if version ~= ARGV[1] then return { time[1], time[2], kept } end
redis.call("SET", KEYS[1], ARGV[2] .. ARGV[3], "PX", ARGV[4])
return time
]]
-- Its SHA-1.
local HASH = "80389ce3243ae4b177c7ac648351d5f44f834e35"

local VERSION_SIZE = 24
-- Changes with the form of what is kept.
local FORM = "2:"
-- After a failure nobody asks for this many times its cost, within bounds: a dead Redis must not cost each call its
-- time limit, and one that is back is to be found soon.
local REST, REST_MIN, REST_MAX = 4, 0.5, 2
local NAMES_MAX = 1024
local YEAR = 366 * 86400

local function is_version(value)
  return type(value) == "string" and #value == VERSION_SIZE and not value:find "[^0-9a-f]"
end

--- Asks by the hash of the script, or sends the script where that will not do.
local function invoker(carry)
  local by_hash = true
  return function(limit, key, ...)
    local ends = core.now() + limit
    if by_hash then
      local reply, message, refused, untried = carry(limit, "evalsha", HASH, 1, key, ...)
      if reply or not refused then return reply, message, untried end
      if not message:find "NOSCRIPT" then
        if not message:find "NOPERM" and not message:find "unknown command" then return nil, message end
        by_hash = false
      end
    end
    local reply, message, _, untried = carry(math.max(0.001, ends - core.now()), "eval", SCRIPT, 1, key, ...)
    return reply, message, untried
  end
end

---@class locksmith.RedisPlace what a process knows of one Redis
---@field invoke function
---@field kept table<string, table> by name, what was seen last: { version, bytes }, both nil for nothing
---@field count integer names in there
---@field ahead number? seconds that the server's clock is ahead of this one
local Place = {}
Place.__index = Place

--- Learns from the server's time, which was so between `asked` and `answered`. It is mostly the way there that takes
--- long, with a connection to make; and the quickest way back known tells best.
local function set_clock(self, server, asked, answered)
  local least, most = server - answered, server - asked
  if not self.ahead or self.ahead < least or self.ahead > most then self.ahead = least end
end

--- What is there according to a reply, "" for nothing; nil when it is no reply of the script.
local function taken_apart(reply)
  if type(reply) ~= "table" then return nil end
  local seconds, micros, kept = ascii.number(reply[1]), ascii.number(reply[2]), reply[3]
  if not seconds or not micros or not (seconds >= 0 and seconds < 2 ^ 40 and micros >= 0 and micros < 1e6) then
    return nil
  end
  if kept ~= nil and type(kept) ~= "string" then return nil end
  return seconds + micros / 1e6, kept
end

--- One question, within the time limit. Failures make the store rest.
---@return boolean ok
---@return string? kept what is there; nil: what was to be put there. Or the message
---@return boolean? again it was asked twice
function Place:ask(patience, name, ...)
  local limit = math.min(self.timeout, patience or self.timeout)
  local asked = core.now()
  local rest = self.rests_until - asked
  if rest > 0 and rest <= REST_MAX then return false, self.problem end
  if limit <= 0 then return false, "no time is left to ask Redis" end
  local reply, message, untried = self.invoke(limit, self.prefix .. FORM .. name, ...)
  local answered = core.now()
  if reply then
    local server, kept = taken_apart(reply)
    if server then
      self.rests_until = 0
      set_clock(self, server, asked, answered)
      return true, kept, message
    end
    message = "the reply makes no sense"
  end
  message = "Redis: " .. tostring(message)
  -- Who had little time left has proved nothing by using it up.
  if not untried and (limit == self.timeout or message ~= "Redis: timeout") then
    self.problem = message
    self.rests_until = answered + math.max(REST_MIN, math.min(REST_MAX, REST * (answered - asked)))
  end
  return false, message
end

function Place:keep(name, entry)
  if self.kept[name] == nil then
    if self.count >= NAMES_MAX then self.kept, self.count = {}, 0 end
    self.count = self.count + 1
  end
  self.kept[name] = entry
end

function Place:forget(name)
  if self.kept[name] then self.kept[name], self.count = nil, self.count - 1 end
end

--- Notes what is there.
---@return table? entry
---@return string? message
function Place:see(name, kept)
  local entry = {}
  if kept ~= "" then
    entry.version, entry.bytes = kept:sub(1, VERSION_SIZE), kept:sub(VERSION_SIZE + 1)
    if not is_version(entry.version) or entry.bytes == "" then return nil, "Redis: the key holds something else" end
  end
  self:keep(name, entry)
  return entry
end

function Place:read(name, patience, exact)
  local entry = self.kept[name]
  local remembered = entry ~= nil and not exact
  if not remembered then
    local ok, kept = self:ask(patience, name, "?", "?")
    if not ok then return nil, kept end
    local problem
    entry, problem = self:see(name, kept or "")
    if not entry then return nil, problem end
  end
  return entry.bytes, entry.version, core.now() + self.ahead, nil, remembered
end

--- A version that none was and none will be.
function Place:next_version()
  if self.owner ~= core.process() then
    self.owner, self.swaps = core.process(), 0
    self.nonce = ("%08x%08x"):format(core.random() * 2 ^ 32, core.random() * 2 ^ 32)
  end
  self.swaps = (self.swaps + 1) % 2 ^ 32
  return ("%s%08x"):format(self.nonce, self.swaps)
end

function Place:swap(name, version, bytes, seconds, patience)
  if version ~= nil and not is_version(version) then return false end
  local before, new = self.kept[name], self:next_version()
  local life = ("%.0f"):format(math.ceil(math.max(0.001, math.min(YEAR, seconds)) * 1000))
  local ok, kept, again = self:ask(patience, name, version or "", new, bytes, life)
  if not ok then
    self:forget(name) -- it may be there all the same
    return nil, kept
  end
  if kept == nil then
    -- Others in this process may know more by now.
    if self.kept[name] == before then self:keep(name, { version = new, bytes = bytes }) end
    return true
  end
  local entry, problem = self:see(name, kept)
  if not entry then return nil, problem end
  if again then return nil, "Redis: the answer was lost" end -- others may have replaced what it has put
  return false
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
  ca_file = options.types "string",
  prefix = options.types "string",
  timeout = span,
  client = has_methods,
}

--- A store in Redis. Opens no connection yet.
---@param given table? host (127.0.0.1), port (6379) or unix (path of a socket), username, password, db (0), tls (false;
---  by LuaSec, in nginx by lua-resty-redis) and ca_file (the system's), prefix of the keys ("locksmith:"), timeout (0.5
---  seconds per question), or client (a connected client of lua-redis or lua-resty-redis)
---@return locksmith.ByteStore # raises at the caller's line for a wrong option or a missing client library
function module.new(given)
  local what = "locksmith.redis"
  local own = {}
  for name, value in pairs(options.read(given, KNOWN, what)) do own[name] = value end
  if own.username and not own.password then
    error(what .. ": option 'username' needs option 'password' beside it", 2)
  end
  own.host, own.port = own.host or "127.0.0.1", own.port or 6379
  local carry, problem = redis_connection.new(own, transport.under_nginx())
  if not carry then error(what .. ": " .. problem, 2) end
  local place = setmetatable({
    invoke = invoker(carry), -- the password is in there
    prefix = own.prefix or "locksmith:",
    timeout = own.timeout or 0.5,
    kept = {},
    count = 0,
    rests_until = 0,
  }, Place)
  local name = own.client and "client" or own.unix or ("%s:%.0f"):format(own.host, own.port)
  return setmetatable({
    read = function(...) return place:read(...) end,
    swap = function(...) return place:swap(...) end,
  }, {
    __name = "locksmith.RedisStore",
    __tostring = function() return "locksmith.redis store (" .. name .. ")" end,
  })
end

return module
