--- A job as a user writes it, for specs that kill it: makes links of rows and tells on its output what became of each.
--
-- Environment: URL, KEY, JOURNAL; ROWS, how many; ITERATOR, whether one gives them; KILL, see steps.lua: without it,
-- the last line tells how many steps it took.

local steps = require "spec.support.steps"
local locksmith = require "locksmith"
local lockpub = assert(locksmith.lockpub { api_key = os.getenv "KEY", base_url = os.getenv "URL", rate = false,
  random = function() return 0 end, timeout = 20, attempt_timeout = 5 })

local rows = {}
for i = 1, tonumber(os.getenv "ROWS") do
  -- Every third is one of two alike.
  rows[i] = { type = "url", target_url = "https://example.com/private/" .. i - (i % 3 == 0 and 1 or 0),
    password = "password-of-all", memo = "a memo" }
end
local index = {}
for i, row in ipairs(rows) do index[row] = i end
local given = rows
if os.getenv "ITERATOR" then
  local i = 0
  function given()
    i = i + 1
    return rows[i]
  end
end

local ok, raised = pcall(function()
  for row, link, err, response in lockpub.links:create_each(given, { journal = os.getenv "JOURNAL" }) do
    io.stdout:write(("row %d %s %s\n"):format(index[row], link and link.slug or err.kind,
      link and (response.journaled and "journaled" or "made") or "failed"))
    io.stdout:flush()
  end
end)
io.stdout:write(ok and ("steps %d\n"):format(steps()) or tostring(raised) .. "\n")
