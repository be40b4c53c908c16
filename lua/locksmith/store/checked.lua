--- Stands before a store that is not the core's own. What it answers decides whether a call goes out and how long it
--- sleeps, so nothing of that is believed unseen: what makes no sense, and what is raised, is a failure of the store.

local memory = require "locksmith.store.memory"
local try = require "locksmith.try"

local checked = {}

-- Stores count in steps of their own.
local SLACK = 0.001

---@class locksmith.CheckedStore: locksmith.Store
---@field inner locksmith.Store
local Checked = {}
Checked.__index = Checked

local function is_number(value)
  return type(value) == "number" and value > -math.huge and value < math.huge
end

local function is_span(value)
  return is_number(value) and value >= 0
end

local function is_quota(value)
  return type(value) == "table" and is_span(value.remaining) and (value.limit == nil or is_number(value.limit))
    and is_number(value.reset) and is_number(value.as_of)
end

local function failed(message)
  return nil, "store", type(message) == "string" and message or "it gives no reason"
end

local function senseless(method)
  return failed("the reply to " .. method .. " makes no sense")
end

-- A method that is missing is raised about as well.
local function invoke(store, method, ...)
  return store[method](store, ...)
end

local function judge(accepts, method, ok, answer, problem, ...)
  if not ok then
    local shown, text = pcall(tostring, answer)
    return failed(method .. " raised an error: " .. (shown and tostring(text) or "?"))
  end
  if answer == nil and problem == "store" then return failed((...)) end
  if accepts(answer, problem, ...) then return answer, problem, ... end
  return senseless(method)
end

--- Asks the store; gives what it answered, or nil, "store", message.
local function ask(self, accepts, method, ...)
  return judge(accepts, method, try(invoke, self.inner, method, ...))
end

local REFUSALS = { would_wait = true, quota_exceeded = true }

local function slot_within(longest)
  return function(wait, kind, seconds)
    if wait ~= nil then return is_span(wait) and wait <= longest + SLACK end
    if kind == "again" then return is_span(seconds) end
    return REFUSALS[kind] ~= nil and (seconds == nil or is_span(seconds))
  end
end

function Checked:reserve(request)
  return ask(self, slot_within(request.longest), "reserve", request)
end

local function renew(self, request, token)
  return ask(self, slot_within(request.longest), "renew", request, token)
end

local function anything() return true end

function Checked:release(...) return ask(self, anything, "release", ...) end
function Checked:move(...) return ask(self, anything, "move", ...) end
function Checked:pause(...) return ask(self, anything, "pause", ...) end

function Checked:observe(...)
  return ask(self, function(quota) return quota == nil or is_quota(quota) end, "observe", ...)
end

function Checked:quota(...)
  return ask(self, function(quota, left)
    return (quota == nil or is_quota(quota)) and (left == nil or is_span(left))
  end, "quota", ...)
end

function Checked:forecast(...)
  return ask(self, is_span, "forecast", ...)
end

local function note(self, ...)
  local mark, problem = ask(self, anything, "note", ...)
  if problem ~= "store" then return mark end
end

local function forget(self, ...)
  ask(self, anything, "forget", ...)
end

local function has(store, method)
  local ok, found = pcall(function() return store[method] end)
  return ok and type(found) == "function"
end

---@param store locksmith.Store
---@return locksmith.CheckedStore
function checked.new(store)
  local ok, fallback = pcall(function() return store.fallback end)
  return setmetatable({
    inner = store,
    fallback = ok and memory.of(fallback) and fallback or memory.new(),
    renew = has(store, "renew") and renew or nil,
    note = has(store, "note") and note or nil,
    forget = has(store, "forget") and forget or nil,
  }, Checked)
end

return checked
