--- A sliding window: at most so many events in the last so many seconds, counted per key. What is refused leaves no
--- trace.

local window = {}
window.__index = window

---@param limit number events allowed
---@param seconds number length of the window
---@return table
function window.new(limit, seconds)
  return setmetatable({ limit = limit, seconds = seconds, keys = {} }, window)
end

--- How long until one more event fits.
---@param key string
---@param now number Unix seconds
---@return number # 0 when it fits now
function window:wait(key, now)
  local events = self.keys[key]
  if not events then return 0 end
  while events.first <= events.last and events[events.first] <= now - self.seconds do
    events[events.first] = nil
    events.first = events.first + 1
  end
  if events.last - events.first + 1 < self.limit then return 0 end
  local oldest = events[events.last - self.limit + 1]
  return oldest and oldest + self.seconds - now or self.seconds
end

--- Counts one event.
---@param key string
---@param now number Unix seconds
function window:take(key, now)
  local events = self.keys[key]
  if not events then
    events = { first = 1, last = 0 }
    self.keys[key] = events
  end
  events.last = events.last + 1
  events[events.last] = now
end

return window
