--- What the classes of this library have in common: a session out of sight, and a task for each call of a method.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local options = require "locksmith.options"
local task = require "locksmith.task"

local resource = {}

local attached = core.attached

--- The session of an object of that class; raises at the caller's line when a method was called with a dot.
---@param class table
---@param self any
---@param name string of the method
---@return locksmith.Session
local function session_of(class, self, name)
  local session = attached(self, class)
  if session then return session end
  local short = class.__name:match "[^.]*$"
  options.misuse(("%s.%s: call it with a colon, as in %s:%s()"):format(class.__name, name, short, name))
end

--- Makes a class whose instances hold their client's session where no dump of the table shows it. Each method gets the
--- task instead of the object.
---@param name string
---@param methods table<string, fun(task: locksmith.Task, ...): any, any>
---@param more table? further fields of the metatable; functions get session and object
---@param objects boolean? methods get the object, too, after the task
---@return fun(session: locksmith.Session, object: table?): table new
function resource.class(name, methods, more, objects)
  local index = {}
  local class = { __index = index, __name = name, __metatable = false }
  for method, carry_out in pairs(methods) do
    -- No method takes more; a fixed number of arguments is quicker to hand on.
    index[method] = function(self, a, b, c)
      local own = task.new(session_of(class, self, method))
      if objects then return own:carry_out(carry_out, self, a, b, c) end
      return own:carry_out(carry_out, a, b, c)
    end
  end
  class.__tostring = function() return name end
  for field, value in pairs(more or {}) do
    class[field] = type(value) == "function" and function(self, ...)
      return value(session_of(class, self, field), self, ...)
    end or value
  end
  return function(session, object)
    return core.attach(object or {}, class, session)
  end
end

--- A reader of an argument of that Lua type.
---@param expected string
---@param name string of the argument
---@return fun(value: any, what: string): any
function resource.of_type(expected, name)
  return function(value, what)
    options.argument(value, expected, name, what)
    return value
  end
end

--- A reader of fields as they go on the wire.
---@param schema "address"|"subdomain"
---@return fun(value: table, what: string): table?, locksmith.Error?
function resource.fields(schema)
  return function(value, what)
    options.argument(value, "table", "fields", what)
    local wire, problem = core.fields(schema, value)
    if wire then return wire end
    return nil, Error.refused("invalid_request", problem, what)
  end
end

---@class locksmith.Method what a method does before its own part begins
---@field name string of its operation, as errors and events have it
---@field arguments (fun(value: any, what: string): any, locksmith.Error?)[]? readers of what stands before `opts`, two
---  at most; nil and an error is what the method returns
---@field options table<string, function>? what `opts` may hold, options.CALL where it is not said
---@field steps boolean? it may take several requests, for all of which one deadline holds

--- Makes a method: its arguments and options are read, in their order, and the task has its name.
---@param method locksmith.Method
---@param carry_out fun(task: locksmith.Task, ...): any, any gets the arguments and options as they were read
---@return fun(task: locksmith.Task, ...): any, any
function resource.method(method, carry_out)
  local name, known, steps = method.name, method.options or options.CALL, method.steps
  local first, second = (method.arguments or {})[1], (method.arguments or {})[2]
  local function read(own, a, b, opts)
    local err
    if first then a, err = first(a, name) end
    if second and not err then b, err = second(b, name) end
    opts = options.read(opts, known, name)
    if steps and not err then err = own:ready(name) end
    if err then return err end
    return nil, a, b, steps and own:within(opts) or opts
  end
  return function(own, a, b, opts)
    own.operation = name
    if not first then a, opts = nil, a elseif not second then b, opts = nil, b end
    local err
    err, a, b, opts = read(own, a, b, opts)
    if err then return nil, err end
    if second then return carry_out(own, a, b, opts) end
    if first then return carry_out(own, a, opts) end
    return carry_out(own, opts)
  end
end

--- Gives an error of one step the name of the composition it was a step of.
---@param err locksmith.Error
---@param operation string
---@param outcome string? what became of the composition
---@param value any what exists in spite of the error
---@return nil
---@return locksmith.Error
function resource.step_failed(err, operation, outcome, value)
  err.operation = operation
  if outcome then err.outcome = outcome end
  if outcome == "unknown" or outcome == "applied" then Error.of_write(err) end
  if value ~= nil then err.value = value end
  return nil, err
end

--- The outcome of a composition that failed while it only read: nothing was changed.
---@param err locksmith.Error
---@return string
function resource.unchanged(err)
  return err.outcome == "rejected" and "rejected" or "not_sent"
end

---@param value any a decoded answer
---@return boolean # whether it is an object that its id can be asked for by
function resource.has_id(value)
  local id = type(value) == "table" and value.id
  return type(id) == "number" or type(id) == "string"
end

return resource
