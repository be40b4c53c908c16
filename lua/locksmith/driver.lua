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

--- What is learnt from the answers of one call, for its result.
---@class locksmith.Exchange
---@field headers table|string
---@field value any
---@field text string
---@field quota table?
---@field shape function?
---@field memory userdata? pacing state the C core settles with by itself

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

local function answer(session, call, status, headers, text, connected, exchange)
  local value = decode(text, exchange.shape and status < 300)
  exchange.headers, exchange.text, exchange.value = headers, text, value
  local chance = status < 400 and 0 or session.random()
  local limit, remaining, reset =
    call:response(session.now(), chance, status, headers, connected or 0, value, exchange.memory)
  if remaining then exchange.quota = pacing.observe(session, exchange, limit, remaining, reset) end
end

local function attempt(session, call, limit, exchange)
  if session.on_event then
    local method, url = call:target()
    emit(session, call, { type = "request", method = method, url = url, attempt = call:attempt() })
  end
  local began = session.now()
  exchange.headers, exchange.text, exchange.value = false, false, false
  local status, a, b, c, permanent, partial = session.transport:send(call, limit)
  if status then
    answer(session, call, status, a, b, c, exchange)
  else
    call:failure(session.now(), session.random(), a, b, permanent or false, c, partial)
  end
  if session.on_event then
    emit(session, call, { type = "response", status = status or nil, kind = not status and a or nil,
      attempt = call:attempt(), elapsed = session.now() - began })
  end
end

local function wait(session, call, span)
  if session.on_event then
    emit(session, call, { type = call:is_retrying() and "retry" or "wait", wait = span, attempt = call:attempt() + 1 })
  end
  local refusal = session.sleep(span)
  if type(refusal) == "string" then call:abort(session.now(), "phase", refusal) end
end

local function succeed(call, exchange)
  local response = Response.new(call, exchange.headers, exchange.quota)
  local value = exchange.value
  if value == false or response.recovered then
    value = nil
  elseif exchange.shape and type(value) == "table" then
    value = exchange.shape(value)
  end
  return value, response, exchange.text
end

local function details_of(value)
  if type(value) ~= "table" then return nil end
  local inner = type(value.error) == "table" and value.error.details or nil
  return value.details or value.errors or inner
end

local function fail(session, call, exchange, body)
  local fields = call:error()
  local hidden = { call:secret() }
  for _, name in ipairs(SECRET) do hidden[#hidden + 1] = body and body[name] end
  if fields.source == "remote" then fields.details = details_of(exchange.value) end
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
  local now = session.now
  local exchange = { memory = session.memory, shape = shape, headers = false, value = false, text = false }
  while true do
    if session.closed then call:abort(now(), "closed", "the client was closed") end
    local action, span, effects = call:next(now(), exchange.memory)
    if effects ~= 0 then pacing.settle(session, call, effects, exchange) end
    if action == SEND then
      attempt(session, call, span, exchange)
    elseif action == WAIT then
      wait(session, call, span)
    elseif action == DONE then
      return succeed(call, exchange)
    elseif action == PACE then
      pacing.reserve(session, call, span, exchange, emit)
    elseif action == KEY then
      key_source.bring(session, call, span)
    else
      return fail(session, call, exchange, body)
    end
  end
end

return driver
