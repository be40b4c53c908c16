--- What resources of a client have in common.

local resource = {}

local sessions = setmetatable({}, { __mode = "k" })

---@param object table
---@return locksmith.Session
function resource.session(object)
  local session = sessions[object]
  if not session then error("call this method with a colon, as in client.addresses:list()", 3) end
  return session
end

--- Makes a class whose instances hold their client's session where no dump of the table shows it.
---@param name string
---@param methods table
---@return function new
function resource.class(name, methods)
  local class = { __index = methods, __name = name, __metatable = false }
  class.__tostring = function() return name end
  return function(session)
    local object = setmetatable({}, class)
    sessions[object] = session
    return object
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
