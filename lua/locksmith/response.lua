--- What is known of a successful call beside its value. Parts that most callers never look at are made when asked for.

local core = require "locksmith.core"

---@class locksmith.Response
---@field status integer
---@field headers table<string, string> lower-case names
---@field quota table? { limit, remaining, reset, as_of }, times in Unix seconds
---@field attempts table[] one { kind, status, elapsed, wait } per attempt
---@field elapsed number seconds of the whole call
---@field recovered boolean a repeat showed that an attempt whose answer was lost had been applied
local Response = { __name = "locksmith.Response" }

-- Keys that no name can meet.
local CALL, LINES = {}, {}

local make = {}

function make.headers(response)
  local lines = response[LINES]
  return type(lines) == "table" and lines or core.headers(lines or "")
end

function make.attempts(response)
  return response[CALL]:attempts()
end

function make.quota(response)
  return response[CALL]:quota()
end

function Response.__index(response, name)
  if not make[name] then return nil end
  local value = make[name](response)
  rawset(response, name, value)
  return value
end

-- Lua 5.2 and later: pairs() shows every part, made or not.
function Response.__pairs(response)
  local parts = { status = response.status, elapsed = response.elapsed, recovered = response.recovered }
  for name in pairs(make) do parts[name] = response[name] end
  return next, parts, nil
end

---@param call userdata a call that is done
---@param lines string|table|nil header lines as they came, or a table of them
---@param quota table? where the store knows it better than this process
---@return locksmith.Response
function Response.new(call, lines, quota)
  local status, elapsed, recovered = call:success()
  return setmetatable({
    status = status,
    elapsed = elapsed,
    recovered = recovered,
    quota = quota,
    [CALL] = call,
    [LINES] = lines or false,
  }, Response)
end

return Response
