-- Runs busted under the Lua that runs this file, and leaves the counts where spec/support/job.sh finds them:
-- "PASSED FAILED SKIPPED" in the file LOCKSMITH_COUNTS, then a line for each skipped test.
-- usage: lua busted.lua SPEC ...

local counts_file = os.getenv("LOCKSMITH_COUNTS")

local function one_line(text)
  return (tostring(text):gsub("%s+", " "))
end

package.preload["busted.outputHandlers.locksmith"] = function()
  return function(options)
    local busted = require "busted"
    local handler = require "busted.outputHandlers.plainTerminal"(options)
    busted.subscribe({ "exit" }, function()
      local file = assert(io.open(counts_file, "w"))
      file:write(("%d %d %d\n"):format(handler.successesCount, handler.failuresCount + handler.errorsCount,
        handler.pendingsCount))
      for _, pending in ipairs(handler.pendings) do
        local reason = type(pending.message) == "string" and ": " .. pending.message or ""
        file:write(one_line(pending.name .. reason), "\n")
      end
      file:close()
      return nil, true
    end)
    return handler
  end
end

if counts_file then
  table.insert(arg, 1, "--output=locksmith")
end
require "busted.runner" { standalone = false }
