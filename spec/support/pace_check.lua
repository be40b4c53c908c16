--- Whether windows were kept.

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

return check
