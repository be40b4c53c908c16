--- What so many links would take.

local COLUMNS = { "n", "fits", "seconds", "reset" }

local function count(text)
  local n = require("locksmith.ascii").number(text)
  if n and n >= 0 and n <= 1e9 and n % 1 == 0 then return n end
  return nil, ("'%s' is not a number of links"):format(text)
end

return function(parser, runs)
  local plan = parser:command("plan", "Show what so many LOCK.PUB links would take: how many fit in this month's " ..
    "quota, and how many seconds the rate limits make of them.")
  plan:argument("n", "How many links."):convert(count)
  runs(plan, function(context, arguments)
    context:record(COLUMNS, context:check(context:client("lockpub", "strict"):plan(arguments.n)))
  end)
end
