--- When a served sandbox has to end although nobody told it to: with the processes it is for, or after its time.

local watch = {}

-- Seconds between two looks.
watch.INTERVAL = 0.2

--- A zombie is gone, whether or not anybody asks what became of it.
local function alive(pid)
  local file = io.open(("/proc/%.0f/stat"):format(pid))
  if file then
    local state = (file:read "*l" or ""):match "%) (%a)"
    file:close()
    return state ~= nil and state ~= "Z" and state ~= "X"
  end
  local proc = io.open "/proc/self/stat"
  if proc then
    proc:close()
    return false
  end
  local first, _, code = os.execute(("kill -0 %.0f 2>/dev/null"):format(pid))
  return first == true or first == 0 or code == 0
end

---@param pids number[] process ids
---@param lifetime number? seconds
---@param now number seconds of any clock
---@return (fun(now: number): boolean)? ended asked with the same clock; nil when there is nothing to watch for
function watch.new(pids, lifetime, now)
  if not pids[1] and not lifetime then return nil end
  local last = lifetime and now + lifetime
  return function(time)
    if last and time >= last then return true end
    for _, pid in ipairs(pids) do
      if not alive(pid) then return true end
    end
    return false
  end
end

return watch
