--- One call of a public method: all that its steps (requests) have in common.
--
-- A method of one request is a task of one step. A composition calls `within` first; from then on one deadline holds
-- for all its steps, and what it returns lists the attempts of every one.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local driver = require "locksmith.driver"
local events = require "locksmith.events"
local options = require "locksmith.options"
local try = require "locksmith.try"

---@class locksmith.Task
---@field session locksmith.Session
---@field number integer what its events have in common
---@field operation string|false of the method, once a step or a refusal named it
---@field changed "applied"|"unknown"|false what its steps so far did
---@field made table? what exists by one of them
---@field slug string|false|nil of a link that is to be made
---@field attempts table[]? of all steps so far, in a composition
---@field began number? when the composition began
---@field raised locksmith.Error? by an iterator of the method
---@field step string|false operation of the step that runs, to which the rest belongs
---@field running userdata|false its call
---@field shape function|false
---@field reads boolean it changes nothing
---@field time number of the client's clock, as it told last
---@field sending boolean the present attempt may have been sent; a transport that `tells` sets it
---@field result table|false of the call, once it was asked for
---@field got locksmith.Answer|false of the last attempt; status and kind alone where it gave none
---@field value any of its body; false when that is no JSON
---@field raw boolean? the value is still to be cleaned, which is up to the shape
---@field quota table? as the store has it
---@field name string|false of the state in the store
---@field granted table? see carried.reserve
---@field complained boolean? the store's failure was told
local Task = {}
Task.__index = Task

local task = {}

---@param session locksmith.Session
---@return locksmith.Task
function task.new(session)
  local number = session.tasks + 1
  session.tasks = number
  -- With room for what is noted when memory may have run out, and for all that most calls note.
  return setmetatable({ session = session, number = number, operation = false, step = false, running = false,
    shape = false, reads = false, time = 0, sending = false, result = false, changed = false, got = false,
    value = false, raw = false, name = false, slug = false }, Task)
end

--- Makes sure that a call can be made at all.
---@param operation string
---@return locksmith.Error?
function Task:ready(operation)
  self.operation = self.operation or operation
  return self.session:ready(operation)
end

--- Begins a composition. Turns its options into ones that carry its single deadline.
---@param opts table
---@return table
function Task:within(opts)
  local session, own = self.session, options.copy(opts)
  self.began = session.now()
  self.attempts = self.attempts or {}
  own.deadline = own.deadline or self.began + (opts.timeout or session.options.timeout)
  return own
end

--- Adds a step's attempts to those before it, and gives its result the sum.
local function collect(self, operation, result)
  local all = {}
  for i, attempt in ipairs(self.attempts) do all[i] = attempt end
  for _, attempt in ipairs(result.attempts) do
    attempt.step = operation
    all[#all + 1] = attempt
  end
  self.attempts, result.attempts = all, all
  result.elapsed = self.session.now() - self.began
end

local function ended(self, operation, value, result, text)
  if self.attempts then collect(self, operation, result) end
  self.running = false
  return value, result, text
end

---@class locksmith.Request what a step asks for beside its operation
---@field id string?
---@field body string? JSON
---@field slug "guessable"|"fresh"|"ours"|nil who can hold the slug that the body carries
---@field fields table? what the body was made from: no error shows its secrets
---@field query table? list of { name, value }
---@field shape function? see driver.run
---@field method string? for an endpoint that the library does not know, and so:
---@field path string?
---@field safe boolean?

local NOTHING, OPERATIONS, NO_OPTIONS = {}, core.operations, options.NONE

--- Carries out one step.
---@param operation string
---@param opts table per-call options, checked
---@param request locksmith.Request?
---@return any value
---@return locksmith.Response|locksmith.Error
---@return string? text
function Task:call(operation, opts, request)
  request = request or NOTHING
  return self:send(operation, opts, request.body, request.fields, request.slug, request.shape,
    (request.id or request.query or request.path) and request)
end

--- The same of what a request may hold one by one, which takes no table; `place` is one that has the rest of it.
---@return any value
---@return locksmith.Response|locksmith.Error
---@return string? text
function Task:send(operation, opts, body, fields, slug, shape, place)
  self.step = operation
  local err = self:ready(operation)
  if err then return ended(self, operation, nil, err) end
  local session = self.session
  local own = opts ~= NO_OPTIONS and opts or nil
  local call, problem = core.call(session.core, OPERATIONS[operation], session.now(), own, body, fields, slug, place)
  if not call then return ended(self, operation, nil, Error.refused("invalid_request", problem, operation)) end
  return ended(self, operation, driver.run(self, call, shape))
end

--- An answer with a good status whose content no operation of this kind gives.
---@param operation string
---@param message string
---@param response locksmith.Response
---@param outcome string
---@return nil
---@return locksmith.Error
function Task.unexpected(_, operation, message, response, outcome)
  return nil, Error.about(response, {
    kind = "bad_response", message = message, operation = operation, outcome = outcome,
  })
end

local function report(self, err)
  if not self.session.on_event then return end
  events.emit(self, { type = "error", operation = err.operation, error = err, kind = err.kind })
end

--- Ends an iteration: its method returned long ago.
---@param err locksmith.Error raised
function Task:raise(err)
  if self.raised ~= err then try(report, self, err) end
  self.raised = err
  error(err, 0)
end

-- Memory ran out, or a callback that nothing is known without, such as the clock, failed.
local function reason_of(raised)
  if raised == "not enough memory" then return "too_large", "memory ran out while the answer was dealt with" end
  local ok, text = pcall(tostring, raised)
  return "config", "the call was cut short: " .. (ok and type(text) == "string" and text or type(raised))
end

--- Something raised in the midst of the method. Where that leaves nobody in doubt it is raised on; otherwise it would
--- hide what happened to the service.
---@param raised any
---@return nil
---@return locksmith.Error
local function rescue(self, raised)
  if raised == "not enough memory" then collectgarbage() end
  local kind, message = reason_of(raised)
  local result = driver.give_up(self, kind, message)
  local outcome = result and not self.reads and result.outcome
  if outcome == "not_sent" or outcome == "rejected" then outcome = nil end
  if self.changed == "unknown" or not outcome then outcome = self.changed or outcome end
  local interrupted = type(raised) == "string" and raised:find "interrupted!$"
  if not outcome or interrupted then error(raised, 0) end
  result = result or { kind = kind, message = message }
  local attempts = {}
  for i, attempt in ipairs(self.attempts or {}) do attempts[i] = attempt end
  for _, attempt in ipairs(result.attempts ~= self.attempts and result.attempts or {}) do
    if self.attempts then attempt.step = self.step end
    attempts[#attempts + 1] = attempt
  end
  result.attempts, result.operation, result.outcome = attempts, self.operation, outcome
  result.slug, result.value = self.slug or nil, self.made
  return nil, Error.new(result)
end

-- Plain Lua 5.1 cannot yield through pcall; only outside coroutines is it certain that nothing will.
local protected = pcall
if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
  function protected(carry_out, ...)
    if coroutine.running() then return true, carry_out(...) end
    return pcall(carry_out, ...)
  end
end

local function settled(self, ok, value, ...)
  if ok then return self:finish(value, ...) end
  return self:finish(rescue(self, value))
end

--- Carries out a method.
---@param carry_out fun(self: locksmith.Task, ...): any, any
---@return any ... what it returns
function Task:carry_out(carry_out, a, b, c, d)
  return settled(self, protected(carry_out, self, a, b, c, d))
end

--- The method has returned.
---@return any ... what it returned
function Task:finish(value, result, ...)
  if value == nil and Error.is(result) then
    if self.attempts then
      result.attempts = #result.attempts >= #self.attempts and result.attempts or self.attempts
      result.elapsed = result.elapsed or self.session.now() - self.began
    end
    try(report, self, result) -- what is known already is not to be hidden by what a clock or memory lacks
  end
  return value, result, ...
end

return task
