--- Points in time: the present one, and as people type them.

local core = require "locksmith.core"

local moment = {}

local SECONDS = { s = 1, m = 60, h = 3600, d = 86400, w = 604800 }

--- os.time of some systems ends in 2038.
---@return number # Unix seconds, whole
function moment.now()
  return math.floor(core.now())
end

--- For argparse: a span from now, such as 2d, 12h, 30m; or what the library takes as a time, ISO 8601.
---@param text string
---@return number|string|nil # Unix seconds, or the text
---@return string? problem
function moment.read(text)
  local count, unit = text:match "^([0-9]+)([smhdw])$"
  if count then return moment.now() + tonumber(count) * SECONDS[unit] end
  local seconds = text:match "^[0-9]+$"
  if seconds and #seconds <= 12 then return tonumber(seconds) end
  if text:find "^[0-9][0-9][0-9][0-9]%-" then return text end
  return nil, ("'%s' is no time: write 2026-12-31T18:00:00Z, or a span from now such as 2d, 12h, 30m"):format(text)
end

return moment
