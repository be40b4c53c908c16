--- Events in words, for those who want to see what happens.

local core = require "locksmith.core"
local moment = require "locksmith.cli.moment"
local number = require "locksmith.number"

local events = {}

local function seconds(value)
  return ("%.3f s"):format(value)
end

local WORDS = {
  request = function(event) return ("%s %s, attempt %s"):format(event.method, event.url, event.attempt) end,
  response = function(event)
    return ("%s after %s"):format(event.status and "HTTP " .. event.status or event.kind, seconds(event.elapsed or 0))
  end,
  retry = function(event) return ("once more in %s, for %s"):format(seconds(event.wait), event.reason) end,
  wait = function(event) return "a slot in " .. seconds(event.wait) end,
  store_error = function(event) return tostring(event.message) end,
  error = function(event) return tostring(event.error) end,
}

--- Writes an event to standard error.
---@param event table
function events.tell(event)
  local words = WORDS[event.type]
  io.stderr:write(("%s #%s %s %s: %s\n"):format(core.iso8601(event.time and math.floor(event.time) or moment.now()),
    number.text(event.call or 0), event.operation or "-", event.type, words and words(event) or ""))
end

return events
