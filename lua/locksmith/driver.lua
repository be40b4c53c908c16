--- Drives one call of the C machine to its end: does what it says, tells it what came of it.

local Error = require "locksmith.error"
local answer = require "locksmith.answer"
local core = require "locksmith.core"
local key_source = require "locksmith.key_source"
local nesting = require "locksmith.nesting"
local response = require "locksmith.response"

local KEY, PACE, WAIT, SEND, DONE = core.KEY, core.PACE, core.WAIT, core.SEND, core.DONE

local driver = {}

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
local function emit(task, event)
  local session = task.session
  local on_event = session.on_event
  if not on_event then return end
  for place in pairs(session.emitting) do
    if nesting.is_within(place) then return end
  end
  local here = nesting.here()
  event.call, event.time = task.number, session.now()
  session.emitting[here] = true
  local ok, message = pcall(on_event, event)
  session.emitting[here] = nil
  if not ok then complain(session, message) end
end

local function emit_of(task, call, event)
  event.operation = call:operation()
  emit(task, event)
end

--- Says that a method ended with an error.
---@param task locksmith.Task
---@param err locksmith.Error
function driver.report(task, err)
  if task.session.on_event then
    emit(task, { type = "error", operation = err.operation, error = err, kind = err.kind })
  end
end

---@class locksmith.Exchange what a running call was answered last, and holds in a store outside this process
---@field call userdata
---@field fields table?
---@field time number of the client's clock, as it told last
---@field sending boolean the present attempt may have been sent; a transport that `tells` sets it
---@field reads boolean
---@field result table|false of the call, once it was asked for
---@field headers table<string, string>|string|nil
---@field value any of the body; false when that is no JSON
---@field raw boolean? the value is still to be cleaned, which is up to the shape
---@field text string?

--- Carries out one attempt.
---@return integer? status
---@return string? kind of the failure
local function attempt(session, call, limit, exchange)
  local transport = session.transport
  exchange.headers, exchange.value, exchange.raw, exchange.text = nil, nil, nil, nil
  exchange.sending = not transport.tells
  local status, headers, text, connected, permanent, partial = transport:send(call, limit, exchange)
  if not status then
    call:failure(session.now(), session.random(), headers, text, permanent or false, connected, partial)
    return nil, headers
  end
  exchange.headers, exchange.text = headers, text
  local value, raw = answer.decode(text, exchange.shape and status < 300)
  exchange.value, exchange.raw = value, raw
  if value == false and status >= 400 then value = answer.plain(text) end
  local chance = status < 400 and 0 or session.random()
  local quota_limit, remaining, reset =
    call:response(session.now(), chance, status, headers, connected or 0, value, session.memory)
  if remaining then exchange.quota = session.pacing.observe(session, call, exchange, quota_limit, remaining, reset) end
  return status
end

local function attempt_with_events(session, call, limit, exchange)
  local task, method, url = exchange.task, call:target()
  local number = call:attempt()
  exchange.sending = false
  emit_of(task, call, { type = "request", method = method, url = url, attempt = number })
  if session.closed then return call:abort(session.now(), "closed", "the client was closed", false) end
  local began = session.now()
  local status, kind = attempt(session, call, limit, exchange)
  emit_of(task, call, { type = "response", status = status, kind = kind, attempt = number,
    elapsed = session.now() - began })
end

local function wait(session, task, call, span)
  if session.on_event then
    local retrying, reason = call:is_retrying()
    emit_of(task, call, { type = retrying and "retry" or "wait", wait = span, attempt = call:attempt() + 1,
      reason = reason })
  end
  if session.closed then return end
  local refusal = session.sleep(span)
  if type(refusal) == "string" then call:abort(session.now(), "phase", refusal) end
end

local function headers_of(exchange)
  local headers = exchange.headers
  if type(headers) == "string" then return core.headers(headers) end
  return headers
end

local function secrets_of(call, fields)
  local secrets = answer.secrets(fields)
  secrets[#secrets + 1] = call:secret()
  return secrets
end

local function succeed(call, fields, exchange)
  if not exchange.reads then exchange.task.changed = "applied" end
  local headers = Error.redacted_headers(headers_of(exchange) or {}, secrets_of(call, fields))
  exchange.result = call:result()
  local result = response.new(exchange.result, headers, exchange.quota)
  local value = exchange.value
  if value == false or result.recovered then
    value = nil
  elseif exchange.raw then
    value = exchange.shape(value)
  end
  return value, result, exchange.text
end

local function fail(call, fields, exchange)
  local secrets, reads = secrets_of(call, fields), exchange.reads
  local result = call:result()
  exchange.result = result
  if result.outcome == "unknown" and not reads then exchange.task.changed = "unknown" end
  result.headers = headers_of(exchange)
  if exchange.raw then exchange.value = core.clean(exchange.value) end
  if result.source == "remote" then answer.explain(result, exchange.value, exchange.text, secrets) end
  local err = Error.new(result, secrets, reads)
  if exchange.value == false then err.message = answer.line(err.message) end
  return nil, err
end

--- Ends the call that runs in a task after something raised in the midst of it, and gives its slot back.
---@param task locksmith.Task
---@param kind string what an attempt that is out ends with
---@param message string
---@return table? result the fields of an error; nil when there is no call, or it made no attempt
---@return boolean? reads
---@return string[]? secrets
function driver.give_up(task, kind, message)
  local exchange, session = task.exchange, task.session
  if not exchange then return nil end
  task.exchange = nil
  local call, result, secrets = exchange.call, exchange.result, nil
  if not result then
    call:abort(exchange.time, kind, message, exchange.sending)
    call:next(exchange.time, session.memory)
    secrets = secrets_of(call, exchange.fields)
    local ok
    ok, result = pcall(call.result, call)
    if not ok then return nil end -- it never had the memory to begin
  end
  if not result.kind then
    result.recovered, result.quota = nil, nil
    result.kind, result.message, result.outcome, result.source = kind, message, "applied", "local"
  end
  if #result.attempts == 0 then return nil end
  return result, exchange.reads, secrets
end

--- Runs a call.
---@param session locksmith.Session
---@param task locksmith.Task
---@param call userdata
---@param fields table? what the request was made from: no error may show it
---@param shape nil|fun(value: table): table makes the result from the decoded answer, which it passes to core.clean;
---  without it, it is only cleaned
---@return any value, or nil
---@return locksmith.Response|locksmith.Error
---@return string? text the body as it came
function driver.run(session, task, call, fields, shape)
  local now, carry_out = session.now, session.on_event and attempt_with_events or attempt
  local memory = session.memory
  -- With room for what is noted when memory may have run out.
  local exchange = { task = task, call = call, fields = fields, emit = emit_of, shape = shape, time = 0,
    reads = call:is_reading(), result = false, sending = false }
  task.exchange = exchange
  while true do
    local time = now()
    exchange.time = time
    if session.closed then call:abort(time, "closed", "the client was closed") end
    local action, span, effects = call:next(time, memory)
    if effects ~= 0 then session.pacing.settle(session, call, effects, exchange) end
    if action == SEND then
      carry_out(session, call, span, exchange)
    elseif action == WAIT then
      wait(session, task, call, span)
    elseif action == DONE then
      return succeed(call, fields, exchange)
    elseif action == PACE then
      session.pacing.reserve(session, call, span, exchange)
    elseif action == KEY then
      key_source.bring(session, call, span)
    else
      return fail(call, fields, exchange)
    end
  end
end

return driver
