-- Compares what the language server found with what stands at the ends of the lines of misuse.lua.
-- usage: compare.lua PROBLEMS.json
local cjson = require "cjson"

local file = assert(io.open(arg[1]))
local found = {}
for uri, problems in pairs(cjson.decode(file:read "*a")) do
  for _, problem in ipairs(problems) do
    local place = ("%s:%d"):format(uri:match "[^/]*$", problem.range.start.line + 1)
    found[place .. " " .. problem.code] = problem.message
  end
end
file:close()

local number, failed = 0, false
for line in io.lines "misuse.lua" do
  number = number + 1
  local code = number > 1 and line:match "%-%- ([a-z%-]+)$"
  local place = code and ("misuse.lua:%d %s"):format(number, code)
  if place and not found[place] then
    print("not found: " .. place)
    failed = true
  elseif place then
    found[place] = nil
  end
end
for place, message in pairs(found) do
  print("found: " .. place .. ": " .. message)
  failed = true
end
os.exit(failed and 1 or 0)
