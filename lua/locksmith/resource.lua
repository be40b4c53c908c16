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
---@param more table? further fields of the metatable
---@return fun(session: locksmith.Session, object: table?): table new
function resource.class(name, methods, more)
  local index = {}
  local class = { __index = index, __name = name, __metatable = false }
  for method, carry_out in pairs(methods) do
    index[method] = function(self, ...)
      local own = task.new(session_of(class, self, method))
      return own:carry_out(carry_out, ...)
    end
  end
  class.__tostring = function() return name end
  for field, value in pairs(more or {}) do
    class[field] = type(value) == "function" and function(self, ...)
      return value(session_of(class, self, field), ...)
    end or value
  end
  return function(session, object)
    return core.attach(object or {}, class, session)
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
