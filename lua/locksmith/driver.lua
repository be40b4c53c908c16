--- Drives one call of the C machine to its end: does what it says, tells it what came of it.

local Error = require "locksmith.error"
local answer = require "locksmith.answer"
local carried = require "locksmith.carried"
local core = require "locksmith.core"
local events = require "locksmith.events"
local key_source = require "locksmith.key_source"
local response = require "locksmith.response"
local scheduler = require "locksmith.scheduler"

local KEY, PACE, WAIT, SEND, DONE = core.KEY, core.PACE, core.WAIT, core.SEND, core.DONE

local driver = {}

local NOTHING = {}

--- Carries out one attempt.
---@return integer? action what to do next, as call:next gives it; nil: it is to be asked
---@return number? span
---@return integer? effects
local function attempt(task, call, limit)
  local session = task.session
  local transport, memory = session.transport, session.memory
  task.sending = not transport.tells
  local got, failure = transport:send(call, limit, task)
  if not got then
    task.got, task.value, task.raw = { status = failure.status, kind = failure.kind }, nil, nil
    return call:failure(session.now(), session.random(), failure, memory)
  end
  local status, text = got.status, got.body
  local value, raw = answer.decode(text, task.shape and status < 300)
  task.got, task.value, task.raw = got, value, raw
  if value == false and status >= 400 then value = answer.plain(text) end
  local action, span, effects, quota_limit, remaining, reset = call:response(session.now(),
    status < 400 and 0 or session.random(), memory, status, got.headers, got.connected, value,
    not memory and carried.known(session, task) or nil)
  if remaining then task.quota = carried.observe(session, call, task, quota_limit, remaining, reset) end
  return action, span, effects
end

local function attempt_with_events(task, call, limit)
  local session, method, url = task.session, call:target()
  local number = call:attempt()
  task.sending = false
  events.emit(task, { type = "request", method = method, url = url, attempt = number })
  if session.closed then return call:abort(session.now(), "closed", "the client was closed", false) end
  local began = session.now()
  local action, span, effects = attempt(task, call, limit)
  events.emit(task, { type = "response", status = task.got.status, kind = task.got.kind, attempt = number,
    elapsed = session.now() - began })
  return action, span, effects
end

local function wait(session, task, call, span)
  if session.on_event then
    local retrying, reason = call:is_retrying()
    -- A wait may be in parts, for a slot by its nature, for a retry where a timer is early: it is said once.
    local slot, said = call:slot(), task.announced
    local moment = slot or retrying and "after " .. call:attempt()
    task.announced = moment or nil
    if not moment or moment ~= said then
      events.emit(task, { type = retrying and "retry" or "wait", wait = slot and slot - session.now() or span,
        attempt = call:attempt() + 1, reason = reason })
    end
  end
  if session.closed then return end
  local refusal = session.sleep(span)
  if type(refusal) == "string" then call:abort(session.now(), "phase", refusal) end
end

local function succeed(task, call)
  if not task.reads then task.changed = "applied" end
  local got = task.got
  local result = response.fields(call, got.headers)
  call:close()
  task.result = result
  local value = task.value
  if value == false or result.recovered then
    value = nil
  elseif task.raw then
    value = task.shape(value, got.body)
  end
  return value, response.new(result, task.quota), got.body
end

local function fail(task, call)
  local result, reads, got = call:result(), task.reads, task.got or NOTHING
  task.result = result
  if result.outcome == "unknown" and not reads then task.changed = "unknown" end
  result.headers = response.redacted(call, got.headers)
  if task.raw then task.value = core.clean(task.value) end
  if result.source == "remote" then answer.explain(call, result, task.value, got.body) end
  call:close()
  local err = Error.new(result, reads)
  if got.body and task.value == false then err.message = answer.line(err.message) end
  return nil, err
end

--- Ends the call that runs in a task after something raised in the midst of it, and gives its slot back.
---@param task locksmith.Task
---@param kind string what an attempt that is out ends with
---@param message string
---@return table? result the fields of an error; nil when there is no call, or it made no attempt
function driver.give_up(task, kind, message)
  local call, result = task.running, task.result
  if not call then return nil end
  task.running = false
  if not result then
    call:abort(task.time, kind, message, task.sending)
    call:next(task.time, task.session.memory)
    local ok
    ok, result = pcall(call.result, call)
    if not ok then return nil end -- it never had the memory to begin
    if not result.kind then message = call:redact(message) end
    call:close()
  end
  if not result.kind then
    pcall(response.read_headers, result)
    result.recovered, result.quota = nil, nil
    result.kind, result.message, result.outcome, result.source = kind, message, "applied", "local"
  end
  if #result.attempts == 0 then return nil end
  return result
end

-- What the step before noted.
local function forget(task)
  task.result, task.quota, task.complained, task.name, task.granted = false, nil, nil, false, nil
  task.announced, task.value, task.raw = nil, false, false
end

--- Runs a call as the present step of a task.
---@param task locksmith.Task
---@param call userdata
---@param shape nil|fun(value: table, text: string): table makes the result from the decoded answer, which is cleaned by
---  it, see core.clean, and its text; without it, it is only cleaned
---@return any value, or nil
---@return locksmith.Response|locksmith.Error
---@return string? text the body as it came
function driver.run(task, call, shape)
  local session = task.session
  local now, memory, carry_out = session.now, session.memory, session.on_event and attempt_with_events or attempt
  task.running, task.shape, task.reads = call, shape or false, call:is_reading()
  if task.result then forget(task) end
  task.sending, task.got = false, false
  local place = scheduler.here()
  local action, span, effects
  while true do
    if not action then
      local time = now()
      task.time = time
      if session.closed then call:abort(time, "closed", "the client was closed") end
      if place and place.left then call:abort(time, "closed", "the loop over its results was left") end
      action, span, effects = call:next(time, memory)
    end
    if effects ~= 0 then carried.settle(session, call, effects, task) end
    local present = action
    action = nil
    if present == SEND then
      action, span, effects = carry_out(task, call, span)
    elseif present == WAIT then
      wait(session, task, call, span)
    elseif present == DONE then
      return succeed(task, call)
    elseif present == PACE then
      carried.reserve(session, call, span, task)
    elseif present == KEY then
      key_source.bring(session, call, span)
    else
      return fail(task, call)
    end
  end
end

return driver
