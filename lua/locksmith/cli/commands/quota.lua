--- What is known of the month.

local COLUMNS = { "limit", "remaining", "reset", "as_of" }

return function(parser, runs)
  local quota = parser:command("quota", "Show what is known of LOCK.PUB's monthly quota.")
  runs(quota, function(context)
    local known = context:check(context:client("lockpub", "strict"):quota())
    if not known then
      context:say "nothing is known of the quota yet: the service tells it with its first answer"
      return
    end
    context:record(COLUMNS, known)
  end)
end
