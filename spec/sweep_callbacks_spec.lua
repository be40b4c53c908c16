--- Whatever a callback of the caller's does, at each time that it is called: raise, give nonsense, yield, close the
--- client, use the client.
--
-- What a clock or a random source raises or gives is a mistake in the caller's program and may be raised; but never
-- once the service may have acted. All other callbacks are the outside world: what they do comes out as a result.

local Error = require "locksmith.error"
local sandbox = require "locksmith.sandbox"
local sweep = require "spec.support.sweep"

local NAMES = { "on_event", "api_key", "slug_secret", "transport", "random", "now", "sleep" }
local MAY_RAISE = { random = true, now = true, sleep = true }

-- There a yield cannot leave an iterator of a for loop.
local PLAIN_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local METHODS = {}
for _, method in ipairs(sweep.METHODS) do METHODS[method.name] = method end

-- Between them these meet every callback, alone and in compositions, in iterators and without a request.
local SWEPT = { "links:create, named", "links:create", "lockpub:plan", "lockpub:quota", "locker:key_info",
  "locker:request, safe", "addresses:list", "addresses:pages", "addresses:create, described",
  "addresses:set_enabled, free", "subdomains:delete", "subdomains:create" }

-- The first answer asks for a pause where that is no failure, so that calls wait and try again.
local function busy_first(method)
  local waits = { ["links:create, named"] = true, ["addresses:list"] = true, ["locker:request, safe"] = true,
    ["addresses:pages"] = true }
  if not waits[method.name] then return function() end end
  return function(n)
    if n == 1 then return { status = 503, headers = {}, body = "" } end
    if n == 2 then return { status = 429, headers = { ["retry-after"] = "1" }, body = "{}" } end
  end
end

-- Runs an action in a coroutine that is resumed until it ends.
local function in_coroutine(action, ...)
  local thread = coroutine.create(action)
  local function ended(ok, ...)
    if not ok or coroutine.status(thread) == "dead" then return ok, ... end
    return ended(coroutine.resume(thread))
  end
  return ended(coroutine.resume(thread, ...))
end

--- Plays a method whose callback `name` does `mischief(play, plain, ...)` when it is called for the n-th time.
---@return table play with `calls` of that callback
local function play_with(method, name, n, mischief, call)
  local play, calls = nil, 0
  local function wrapped(plain)
    return function(...)
      calls = calls + 1
      if calls == n and play then return mischief(play, plain, ...) end
      return plain(...)
    end
  end
  local options = { broken = busy_first(method), call = call, max_retries = 4 }
  local key = method.service == "lockpub" and sandbox.LOCKPUB_KEY or sandbox.LOCKER_KEY
  local plain = { api_key = function() return key end, slug_secret = function() return "a secret of ours" end,
    random = function() return 0.5 end }
  options.api_key, options.random = plain.api_key, plain.random
  if method.service == "lockpub" then options.slug_secret = plain.slug_secret end
  if plain[name] and (name ~= "slug_secret" or options.slug_secret) then options[name] = wrapped(plain[name]) end
  options.wrap = function(own)
    play = own
    if not plain[name] then own.wrap_callback(name, wrapped) end
  end
  play = sweep.play(method, options)
  play.calls = calls
  return play
end

local NOTHING = {}
local VALUES = { NOTHING, false, true, 0 / 0, -1, -1e300, 1e300, math.huge, "", "x", {}, print }

local MISCHIEF = {}
local function add(name, act) MISCHIEF[#MISCHIEF + 1] = { name = name, act = act } end

for i, value in ipairs(VALUES) do
  add(("gives odd value %d (%s)"):format(i, value == NOTHING and "nil" or type(value)), function()
    if value ~= NOTHING then return value end
  end)
  add(("raises odd value %d"):format(i), function()
    if value == NOTHING then error() end
    error(value, 0)
  end)
end
add("raises what has no text", function() error(setmetatable({}, { __tostring = error })) end)
add("closes the client", function(play, plain, ...)
  play.closed = true
  play.client:close()
  return plain(...)
end)
add("closes the client and raises", function(play)
  play.closed = true
  play.client:close()
  error "closed it"
end)
add("uses the client", function(play, plain, ...)
  if play.method.service == "lockpub" then
    play.client:quota()
    play.client:request { method = "GET", path = "links" }
  else
    play.client:key_info()
    play.client.addresses:list()
  end
  play.nested = true
  return plain(...)
end)
add("uses the client wrongly", function(play)
  play.client:request(5)
end)
add("yields", function(_, plain, ...)
  coroutine.yield()
  return plain(...)
end)
add("collects garbage", function(_, plain, ...)
  collectgarbage()
  return plain(...)
end)

local function cured(play)
  if play.closed then return nil end
  return sweep.stuck(play)
end

-- A raise of the caller's own is let through while nothing can have happened.
local function raise_problem(play)
  if Error.is(play.value) then return nil end
  for i, request in ipairs(play.requests) do
    if request.method ~= "GET" and play.outcomes[i] ~= "not_sent" and play.outcomes[i] ~= "rejected" then
      return "raised " .. sweep.text(play.value) .. " after something was sent"
    end
  end
end

local function problem_of(play, name, mischief)
  if PLAIN_51 and mischief.name == "yields" and play.method.raises then return cured(play) end
  if not play.ok and MAY_RAISE[name] then return raise_problem(play) or cured(play) end
  return sweep.wrong(play) or cured(play)
end

describe("whatever is done by", function()
  local stderr = io.stderr
  before_each(function() io.stderr = { write = function() end } end) -- luacheck: ignore 122
  after_each(function() io.stderr = stderr end) -- luacheck: ignore 122

  for _, name in ipairs(NAMES) do
    for _, method_name in ipairs(SWEPT) do
      it(("%s, in %s"):format(name, method_name), function()
        local method, problems = METHODS[method_name], {}
        local most = play_with(method, name, 0).calls
        for n = 1, most do
          -- Each time all kinds of mischief would take too long; the first and the last times are the telling ones.
          local step = (n <= 2 or n == most) and 1 or 7
          for i = step == 1 and 1 or 1 + n % step, #MISCHIEF, step do
            local mischief = MISCHIEF[i]
            local play = play_with(method, name, n, mischief.act, mischief.name == "yields" and in_coroutine or nil)
            local problem = problem_of(play, name, mischief)
            if problem then
              problems[#problems + 1] = ("call %d of %d %s: %s (%s)"):format(n, most, mischief.name, problem,
                sweep.text(play.ok and play.result or play.value))
            end
          end
        end
        assert(#problems == 0, table.concat(problems, "\n"))
      end)
    end
  end
end)
