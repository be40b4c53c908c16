--- Whether a long run's memory stays flat.

local shell = require "spec.support.shell"

local memory = {}

-- Kilobytes, above what the ups and downs of the run's own tables and logs take; spec/fault_memory_spec.lua is
-- stricter.
local GROWTH_MAX = { lua = 80, resident = 1024 }
local PAGE_KILOBYTES = 4

-- A sanitizer does not give back what was freed.
local function is_sanitized()
  return shell.read("/proc/self/maps"):find("libasan", 1, true) ~= nil
end

---@return integer? kilobytes of memory in use; nil where the system does not tell, or it would say nothing
function memory.resident()
  local resident = shell.read("/proc/self/statm"):match "^%d+ (%d+)"
  if not resident or is_sanitized() then return nil end
  return tonumber(resident) * PAGE_KILOBYTES
end

---@return table sample { lua, resident } in kilobytes; `resident` is nil where the system does not tell
function memory.sample()
  collectgarbage()
  collectgarbage()
  return { lua = collectgarbage "count", resident = memory.resident() }
end

local function mean(samples, name, first, last)
  local sum = 0
  for i = first, last do sum = sum + samples[i][name] end
  return sum / (last - first + 1)
end

--- Compares the second quarter of the samples with the last: the first still fills pools and caches.
---@param samples table[]
---@return table growth name -> { before, after }
---@return string? problem
function memory.growth(samples)
  local growth, problem = {}, nil
  local quarter = math.floor(#samples / 4)
  if quarter < 1 then return growth end
  for name, most in pairs(GROWTH_MAX) do
    if samples[1][name] then
      local before = mean(samples, name, quarter + 1, 2 * quarter)
      local after = mean(samples, name, #samples - quarter + 1, #samples)
      growth[name] = { before, after }
      if after - before > most then
        problem = ("%s memory grew from %.0f to %.0f kB"):format(name, before, after)
      end
    end
  end
  return growth, problem
end

return memory
