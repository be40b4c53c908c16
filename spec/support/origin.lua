-- Spec-side handle of a tiny HTTP origin (spec/support/origin_server.lua): records requests, answers from a script.
--
--   local origin = require "spec.support.origin"
--   local o = origin.start()
--   o:script { { status = 201, json = { id = 1 } }, { status = 429, headers = { ["Retry-After"] = "1" } } }
--   ... requests to o.url ...
--   o:requests()[1].body; o:stop()
local process = require "spec.support.process"

local Origin = {}
Origin.__index = Origin

local origin = {}

---Starts an origin.
---@param options? table { lifetime = seconds (600), port = 0 }
---@return table origin with `url`
function origin.start(options)
  options = options or {}
  local server = process.start("spec/support/origin_server.lua", "/__origin__/", {
    lifetime = options.lifetime or 600, port = options.port or 0,
  })
  return setmetatable({ server = server, url = server.url, port = server.port }, Origin)
end

---Sets the answers of the next requests, one each; afterwards the default applies. Replaces the queue.
---@param answers table list of { status = 200, headers = name -> value or list, body = string | json = table,
---chunked = true, close = true, delay = ms, raw = bytes of the whole answer, when = { method =, path = }, times = n }
function Origin:script(answers)
  self.server:call("POST", "script", answers, 2)
end

---Sets the answer of unscripted requests. Unset it is 200 with { n, method, path, body } of the request as JSON.
---@param answer? table as in a script; nil restores the echo
function Origin:default(answer)
  self.server:call("POST", "default", answer, 2)
end

---The requests it has read completely, in their order.
---@return table requests { n, connection, method, path, headers = lower-case name -> value, body = decoded, raw = bytes
---as they came, time = Unix seconds }
function Origin:requests()
  return self.server:call("GET", "requests", nil, 2)
end

---@param method? string counts only these
---@return integer count of requests it has read completely
function Origin:count(method)
  local count = 0
  for _, request in ipairs(self:requests()) do
    if not method or request.method == method then count = count + 1 end
  end
  return count
end

---Forgets requests, script and default.
function Origin:reset()
  self.server:call("POST", "reset", nil, 2)
end

---Ends the origin; may be called twice.
function Origin:stop()
  self.server:stop()
end

return origin
