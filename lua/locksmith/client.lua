--- What both clients can do: requests to endpoints the library does not know, and closing.

local Error = require "locksmith.error"
local ascii = require "locksmith.ascii"
local json = require "locksmith.json"
local number = require "locksmith.number"
local options = require "locksmith.options"
local resource = require "locksmith.resource"
local session = require "locksmith.session"

local client = {}

local REQUEST = {
  method = options.types "string",
  path = options.types "string",
  query = options.types "table",
  body = function() end,
  retry = options.one_of("safe", "never"),
}

local Client = {}

local function scalar(value)
  if type(value) == "boolean" or type(value) == "string" then return tostring(value) end
  return type(value) == "number" and number.text(value) or nil
end

-- In alphabetical order, so that the same request is always the same bytes.
local function query_list(query, what)
  local list = {}
  for name, value in pairs(query) do
    local text = scalar(value)
    if type(name) ~= "string" or not text then
      options.misuse(("%s: option 'query' must map names to strings, finite numbers or booleans"):format(what))
    end
    list[#list + 1] = { name, text }
  end
  table.sort(list, function(a, b) return ascii.before(a[1], b[1]) end)
  return list
end

--- Calls an endpoint that the library does not know. It passes the same key, pacing, deadline and error policy.
function Client.request(task, request, opts)
  local operation = task.session.service .. ".request"
  options.argument(request, "table", "request", operation)
  options.read(request, REQUEST, operation)
  opts = options.read(opts, options.CALL, operation)
  options.argument(request.method, "string", "request.method", operation)
  options.argument(request.path, "string", "request.path", operation)
  local query = query_list(request.query or {}, operation)
  local body
  if request.body ~= nil then
    local problem
    body, problem = json.encode(request.body)
    if not body then
      return nil, Error.refused("invalid_request", "body cannot be written as JSON: " .. problem, operation)
    end
  end
  local retry = request.retry or (request.method == "GET" and "safe" or "never")
  local value, response = task:call(operation, opts, {
    method = request.method, path = request.path, body = body, fields = { request.body, query }, query = query,
    safe = retry == "safe",
  })
  if value == nil and not Error.is(response) then value = true end -- so that assert() takes it for the success it is
  return value, response
end

--- Closes the connections and forgets the key. Later calls fail with kind "closed", and so do those that are under way.
--- May be repeated.
function Client.close(task)
  task.session:close()
end

--- Makes a class whose instances hold a session out of sight.
---@param service "lockpub"|"locker"
---@param methods table
---@param build fun(session: locksmith.Session): table
---@return function new
function client.class(service, methods, build)
  local what = "locksmith." .. service
  local all = {}
  for name, method in pairs(Client) do all[name] = method end
  for name, method in pairs(methods) do all[name] = method end
  -- What is collected needs no __gc of its own: key, connections and calls are userdata that free themselves, and a
  -- resource may outlive the client table it came from.
  local new = resource.class(what, all, {
    __close = function(own) own:close() end,
    __tostring = function(own)
      return ("%s (%s)"):format(what, own.closed and "closed" or own.core:base_url())
    end,
  })
  return function(given)
    local own, err = session.new(service, options.read(given, options.CLIENT, what))
    if not own then return nil, err end
    return new(own, build(own))
  end
end

return client
