--- What happens to a call, told to the client's on_event.

local nesting = require "locksmith.nesting"

local events = {}

local function complain(session, message)
  if session.logger_failed then return end
  session.logger_failed = true
  local ok, reason = pcall(tostring, message)
  if not ok or type(reason) ~= "string" then reason = "a " .. type(message) end
  local text = "locksmith: on_event raised an error, which is reported this once: " .. reason
  local ngx = rawget(_G, "ngx")
  if type(ngx) == "table" and ngx.log then return ngx.log(ngx.ERR, text) end
  io.stderr:write(text, "\n")
end

--- Hands an event to the caller's on_event. What that function does with the client makes no events of its own, or it
--- might never end; a fault in it must not decide whether a link exists.
---@param task locksmith.Task
---@param event table
function events.emit(task, event)
  local session = task.session
  local on_event = session.on_event
  if not on_event then return end
  for place in pairs(session.emitting) do
    if nesting.is_within(place) then return end
  end
  local here = nesting.here()
  event.call, event.time = task.number, session.now()
  event.operation = event.operation or task.step
  session.emitting[here] = true
  local ok, message = pcall(on_event, event)
  session.emitting[here] = nil
  if not ok then complain(session, message) end
end

return events
