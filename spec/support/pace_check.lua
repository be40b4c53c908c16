--- What every store of slots must do: the same as the core's own history, and keep every window.

local memory = require "locksmith.store.memory"

local check = {}

local EPSILON = 1.5e-6 -- a microsecond, and the rounding of seconds

--- A generator of the same numbers on every Lua.
---@param seed integer
---@return fun(n: integer): integer # 1 to n
function check.random(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
end

---@param times number[] in ascending order
---@param windows number[][]
---@return string? # the first window that is broken
function check.broken(times, windows)
  for _, window in ipairs(windows) do
    local requests, seconds = window[1], window[2]
    for i = requests + 1, #times do
      if times[i] - times[i - requests] < seconds - EPSILON then
        return ("%d requests within %.6f s, from number %d on"):format(requests + 1, times[i] - times[i - requests],
          i - requests)
      end
    end
  end
end

---@param windows number[][]
---@param now number
---@param more table? fields to override
---@return table # a request as a store gets it
function check.request(windows, now, more)
  local request = { name = "lockpub:test", windows = windows, margin = 0.05, now = now, longest = 1000, patience = 10,
    count_only = false, quota = false }
  for name, value in pairs(more or {}) do request[name] = value end
  return request
end

--- Plays one random sequence of everything that can be done with slots to a store and to the core's own, and compares
--- each answer.
---@param stores table[] of one state; each step goes to one of them
---@param clock table { now = function, set = function(time) }, by which the store's time is set
---@param seed integer
---@param steps integer
---@param forward boolean? the clock is never set back
---@return string? # the first difference
function check.compare(stores, clock, seed, steps, forward)
  local random, model, tokens = check.random(seed), memory.new(), {}
  local windows = ({ { { 3, 1 }, { 5, 4 } }, { { 20, 10 }, { 60, 60 } }, { { 1, 0.25 } }, {} })[random(4)]
  local others = { { 2, 3 } }
  local history = {}
  local function differ(what, one, other)
    history[#history + 1] = what
    local near = one == other or type(one) == "number" and type(other) == "number" and math.abs(one - other) < EPSILON
    if near then return nil end
    return ("seed %d, step %d: %s is %s, not %s\n%s"):format(seed, #history, what, tostring(one), tostring(other),
      table.concat(history, "\n", math.max(1, #history - 20)))
  end
  local function both(what, request, token)
    local method, store = token and "renew" or "reserve", stores[random(#stores)]
    local a, b, c = store[method](store, request, token and token[1])
    local d, e, f = model[method](model, request, token and token[2])
    local problem = differ(what .. " wait", a, d)
    if a and d then
      -- A slot without windows may not be kept, and the core takes another of the same time for it.
      if #request.windows > 0 then tokens[#tokens + 1] = { b, e } end
      return problem
    end
    return problem or differ(what .. " kind", b, e) or differ(what .. " retry_after", c, f)
  end
  for _ = 1, steps do
    local now = clock.now()
    local name, store, problem = "lockpub:test", stores[random(#stores)], nil
    local action = random(100)
    if action <= 45 then
      problem = both("reserve", check.request(windows, now, { longest = random(3) == 1 and 0 or random(2000) / 100 }))
    elseif action <= 50 then
      problem = both("other windows", check.request(others, now))
    elseif action <= 57 then
      problem = both("count only", check.request(windows, now, { count_only = true, longest = 0 }))
    elseif action <= 67 and #tokens > 0 then
      local token = table.remove(tokens, random(#tokens))
      problem = both("renew", check.request(windows, now, { longest = random(400) / 100 }), token)
    elseif action <= 77 and #tokens > 0 then
      local token = table.remove(tokens, random(#tokens))
      store:release(name, token[1])
      model:release(name, token[2])
      history[#history + 1] = "release"
    elseif action <= 82 and #tokens > 0 then
      local token, late = table.remove(tokens, random(#tokens)), random(200) / 100
      store:move(name, token[1], late)
      model:move(name, token[2], late)
      history[#history + 1] = "move"
    elseif action <= 84 then
      local span = random(300) / 100
      store:pause(name, now, span)
      model:pause(name, now, span)
      history[#history + 1] = "pause"
    elseif action <= 86 then
      local n = random(8)
      problem = differ("forecast", store:forecast(name, windows, now, n), (model:forecast(name, windows, now, n)))
    elseif action <= 99 then
      clock.set(now + random(1000) / 1000)
      history[#history + 1] = ("clock +%f"):format(clock.now() - now)
    elseif not forward then
      clock.set(now - random(2) * 100)
      tokens = {} -- a store may know them by another name than their time, and find them again where the core does not
      history[#history + 1] = ("clock %f"):format(clock.now() - now)
    end
    if problem then return problem end
  end
end

--- As compare, for what is known of the quota.
function check.compare_quota(stores, clock, seed, steps)
  local random, model, tokens, name = check.random(seed), memory.new(), {}, "lockpub:test"
  local function text(quota, left)
    if not quota then return "unknown, " .. tostring(left) end
    return ("%s of %s until %.4f, told at %.4f, %s left"):format(tostring(quota.remaining), tostring(quota.limit),
      quota.reset, quota.as_of, tostring(left))
  end
  for step = 1, steps do
    local now, store = clock.now(), stores[random(#stores)]
    local action, one, other = random(10), nil, nil
    if action <= 3 then
      local limit = ({ "1000", "100" })[random(3)]
      local remaining = ({ "0", "0", "5", "x" })[random(4)]
      local reset = ({ "", ("%.0f"):format(now + random(100)), "soon" })[random(3)]
      one = text(store:observe(name, now, limit, remaining, reset))
      other = text(model:observe(name, now, limit, remaining, reset))
    elseif action <= 6 then
      local request = check.request({}, now, { quota = true })
      local a, b, c = store:reserve(request)
      local d, e, f = model:reserve(request)
      one = a and "granted" or ("%s %.4f"):format(b, c)
      other = d and "granted" or ("%s %.4f"):format(e, f)
      if a and d then tokens[#tokens + 1] = { b, e } end
    elseif action <= 7 and #tokens > 0 then
      local token = table.remove(tokens, random(#tokens))
      store:release(name, token[1])
      model:release(name, token[2])
    elseif action <= 8 then
      one, other = text(store:quota(name, now)), text(model:quota(name, now))
    else
      clock.set(now + ({ 1, 20, 31, 86400 })[random(4)])
    end
    if one ~= other then
      return ("seed %d, step %d: %s, not %s"):format(seed, step, tostring(one), tostring(other))
    end
  end
end

return check
