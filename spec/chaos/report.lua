--- The figures of a chaos run, for people.

local report = {}

local function counts(map, except)
  local names, parts = {}, {}
  for name in pairs(map) do
    if name ~= except then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    if map[a] ~= map[b] then return map[a] > map[b] end
    return a < b
  end)
  for i, name in ipairs(names) do parts[i] = ("%s %d"):format(name, map[name]) end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

-- Lines of at most so many characters, broken at commas, below a label.
local function lines(label, text)
  local out, line = {}, ""
  for part in (text .. ", "):gmatch "(.-), " do
    if #line > 0 and #line + #part + 2 > 94 then
      out[#out + 1] = line .. ","
      line = ""
    end
    line = line .. (#line > 0 and ", " or "") .. part
  end
  out[#out + 1] = line
  return ("  %-12s "):format(label) .. table.concat(out, "\n" .. (" "):rep(15))
end

local function span(seconds)
  if seconds < 1 then return ("%.1f ms"):format(seconds * 1000) end
  return ("%.2f s"):format(seconds)
end

---@param run table a finished run
---@param label string
---@return string
function report.text(run, label)
  local figures = run.figures
  local faulty = figures.requests - (run.by_fault.pass or 0)
  local overrun = figures.worst <= 0 and "none" or "worst " .. span(figures.worst)
  local memory = {}
  for name, pair in pairs(figures.memory or {}) do
    memory[#memory + 1] = ("%s %.0f kB in the second quarter and %.0f kB in the last"):format(name, pair[1], pair[2])
  end
  table.sort(memory)
  local verdict = "nothing lost, nothing doubled, every outcome true"
  if #run.failures > 0 then verdict = #run.failures .. " failures\n  " .. table.concat(run.failures, "\n  ") end
  local parts = {
    ("%s, seed %d: %d calls in %s"):format(label, run.seed, run.made, span(figures.seconds or 0)),
    lines("calls", counts(run.by_name)),
    lines("results", ("%d succeeded, %d of them recovered after a lost answer, %d walks resumed, %d links in the end")
      :format(figures.succeeded, figures.recovered, figures.resumed, figures.links or 0)),
    lines("errors", counts(run.by_error)),
    lines("outcomes", counts(run.by_outcome)),
    lines("requests", ("%d with %d retries, %d arrived"):format(figures.requests, figures.retries, figures.forwarded)),
    lines("faults", ("%d: "):format(faulty) .. counts(run.by_fault, "pass")),
    lines("deadlines", ("overrun: %s, longest call %s"):format(overrun, span(figures.longest))),
    lines("memory", #memory > 0 and table.concat(memory, ", ") or "not measured"),
    "  verdict      " .. verdict,
  }
  return table.concat(parts, "\n")
end

return report
