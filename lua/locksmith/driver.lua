--- Drives one call of the C machine to its end: does what it says, tells it what came of it.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local json = require "locksmith.json"
local key_source = require "locksmith.key_source"
local pacing = require "locksmith.pacing"
local Response = require "locksmith.response"

local KEY, PACE, WAIT, SEND, DONE = core.KEY, core.PACE, core.WAIT, core.SEND, core.DONE

-- Fields of a body that are nobody's business.
local SECRET = { "password", "secretMemo", "targetUrl" }

local driver = {}

local function emit(session, call, event)
  local on_event = session.on_event
  if not on_event then return end
  event.operation = call:operation()
  pcall(on_event, event) -- a fault in a logger must not decide whether a link exists
end

local function decode(text, uncleaned)
  if text == nil or text == "" then return nil end
  local ok, value = json.decode(text, uncleaned)
  if not ok then return false end
  if value == nil then return false end -- a bare null says nothing that any operation could mean
  return value
end

--- Carries out one attempt.
---@return table|string|false headers false without an answer
---@return any value of its body; false when that is no JSON
---@return string|false text
---@return integer? status
---@return string? kind of the failure
local function attempt(session, call, limit, shape, exchange)
  local status, a, b, c, permanent, partial = session.transport:send(call, limit)
  if not status then
    call:failure(session.now(), session.random(), a, b, permanent or false, c, partial)
    return false, false, false, nil, a
  end
  local value = decode(b, shape and status < 300)
  local chance = status < 400 and 0 or session.random()
  local quota_limit, remaining, reset =
    call:response(session.now(), chance, status, a, c or 0, value, session.memory)
  if remaining then exchange.quota = pacing.observe(session, exchange, quota_limit, remaining, reset) end
  return a, value, b, status
end

local function attempt_with_events(session, call, limit, shape, exchange)
  local method, url = call:target()
  emit(session, call, { type = "request", method = method, url = url, attempt = call:attempt() })
  local began = session.now()
  local headers, value, text, status, kind = attempt(session, call, limit, shape, exchange)
  emit(session, call, { type = "response", status = status, kind = kind, attempt = call:attempt(),
    elapsed = session.now() - began })
  return headers, value, text
end

local function wait(session, call, span)
  if session.on_event then
    emit(session, call, { type = call:is_retrying() and "retry" or "wait", wait = span, attempt = call:attempt() + 1 })
  end
  local refusal = session.sleep(span)
  if type(refusal) == "string" then call:abort(session.now(), "phase", refusal) end
end

local function succeed(call, headers, value, text, shape, quota)
  local response = Response.new(call, headers, quota)
  if value == false or response.recovered then
    value = nil
  elseif shape and type(value) == "table" then
    value = shape(value)
  end
  return value, response, text
end

local function details_of(value)
  if type(value) ~= "table" then return nil end
  local inner = type(value.error) == "table" and value.error.details or nil
  return value.details or value.errors or inner
end

local function fail(session, call, value, body)
  local fields = call:error()
  local hidden = { call:secret() }
  for _, name in ipairs(SECRET) do hidden[#hidden + 1] = body and body[name] end
  if fields.source == "remote" then fields.details = details_of(value) end
  local err = Error.new(fields, hidden)
  emit(session, call, { type = "error", error = err, kind = err.kind })
  return nil, err
end

--- Runs a call.
---@param session table
---@param call userdata
---@param body table? what the request's body was made from: no error may show its secrets
---@param shape nil|fun(value: table): table makes the result from the decoded answer; without it, it is only cleaned
---@return any value, or nil
---@return locksmith.Response|locksmith.Error
---@return string? text the body as it came
function driver.run(session, call, body, shape)
  local now, carry_out = session.now, session.on_event and attempt_with_events or attempt
  local memory = session.memory
  -- What pacing learns from a store outside this process; with a memory store the core settles everything by itself.
  local exchange = not memory and {} or nil
  local headers, value, text = false, false, false
  while true do
    if session.closed then call:abort(now(), "closed", "the client was closed") end
    local action, span, effects = call:next(now(), memory)
    if effects ~= 0 then pacing.settle(session, call, effects, exchange) end
    if action == SEND then
      headers, value, text = carry_out(session, call, span, shape, exchange)
    elseif action == WAIT then
      wait(session, call, span)
    elseif action == DONE then
      return succeed(call, headers, value, text, shape, exchange and exchange.quota)
    elseif action == PACE then
      pacing.reserve(session, call, span, exchange, emit)
    elseif action == KEY then
      key_source.bring(session, call, span)
    else
      return fail(session, call, value, body)
    end
  end
end

return driver
