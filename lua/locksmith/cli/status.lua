--- Exit statuses, and how everything that went wrong ends in one of them.

local core = require "locksmith.core"
local Error = require "locksmith.error"

local status = {
  DONE = 0,
  SOME_FAILED = 1,
  USAGE = 2,
  KEY = 3,
  LIMIT = 4,
  UNKNOWN = 5,
  SERVICE = 6,
}

-- Added to the number of a signal, as shells do.
local SIGNAL = 128
local SIGINT, SIGPIPE = 2, 13
local EPIPE = 32

local BY_KIND = {
  unauthenticated = status.KEY,
  forbidden = status.KEY,
  plan_required = status.LIMIT,
  limit_reached = status.LIMIT,
  quota_exceeded = status.LIMIT,
  rate_limited = status.LIMIT,
  would_wait = status.LIMIT,
  not_found = status.SOME_FAILED,
  conflict = status.SOME_FAILED,
  not_applied = status.SOME_FAILED,
}

---@class locksmith.cli.Failure what ends a command, with its exit status
---@field status integer
---@field message string? nil: it ends quietly
local Failure = {}
Failure.__index = Failure

function Failure:__tostring()
  return self.message or ""
end

--- Ends the command.
---@param code integer
---@param message string?
function status.fail(code, message)
  error(setmetatable({ status = code, message = message }, Failure), 0)
end

--- Ends the command for what the user wrote.
---@param message string
function status.usage(message)
  status.fail(status.USAGE, message)
end

--- Ends the command for a file that could not be written. Where nobody reads any more, there is nothing to say.
---@param name string
---@param problem string?
---@param number integer? of the error
function status.unwritable(name, problem, number)
  if number == EPIPE then status.fail(SIGNAL + SIGPIPE) end
  problem = tostring(problem or "it cannot be written")
  status.fail(status.SERVICE, ("%s: %s"):format(name, problem:match "^.*: (.-)$" or problem))
end

---@param err locksmith.Error
---@return integer
function status.of_error(err)
  if err.outcome == "unknown" and not Error.is_of_read(err) then return status.UNKNOWN end
  if err.kind == "invalid_request" then return err.source == "local" and status.USAGE or status.SOME_FAILED end
  return BY_KIND[err.kind] or status.SERVICE
end

local function told(result)
  if Error.is(result) then return status.of_error(result), tostring(result) end
  if getmetatable(result) == Failure then return result.status, result.message end
  local text = tostring(result)
  if text:find "interrupted!" then
    local number = core.caught_signal()
    return SIGNAL + (number > 0 and number or SIGINT), "interrupted"
  end
  return status.SERVICE, text
end

--- Says what went wrong, in one line.
---@param ok boolean
---@param result any a status, or what was raised
---@return integer # exit status
function status.of(ok, result)
  if ok then return result end
  local code, message = told(result)
  if message then io.stderr:write("locksmith: ", (message:gsub("[\r\n]+", " ")), "\n") end
  return code
end

return status
