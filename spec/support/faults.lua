-- Spec-side handle of the fault proxy (spec/support/fault_proxy.lua).
--
--   local faults = require "spec.support.faults"
--   local p = faults.start { upstream = "http://127.0.0.1:8787" }
--   p:script { "drop_after", { "status", status = 429, headers = { ["Retry-After"] = "1" } } }
--   ... requests to p.url ...
--   p:log(); p:stop()
--
-- Faults. "Forwarded" means that the service acted; the rest is what the client sees, then the options.
--   pass                 forwarded, the true answer
--   refuse               connection reset at accept (for a closed port see :listen)
--   drop_before          not forwarded, closed without an answer                      how = "fin"|"rst"
--   drop_after           forwarded, closed without an answer                          how
--   cut_headers          forwarded, closed within the header block                    at = bytes | fraction, how
--   cut_body             forwarded, closed within the body                            at = bytes | fraction, how
--   delay                forwarded, the true answer after ms (20); before = true waits before forwarding
--   stall                forwarded, silence until the client leaves or ms             forward = false
--   stall_body           forwarded, silence within the body                           at | fraction, ms
--   wrong_length         forwarded, Content-Length off by `by` (10): too long closes early, too short (by < 0)
--                        leaves the rest of the body on the live connection
--   garbage              forwarded, bytes that are not HTTP                           body, forward = false
--   bad_json             forwarded, 200 with a broken JSON body                       body, status, forward = false
--   status               not forwarded, this status (503)                             headers, body | json, close
--   status_after         forwarded, this status (502) instead of the true answer      as for status
--   trickle              forwarded, the true answer in pieces of bytes (1) every ms (2)
--   idle_close           forwarded, the true answer, then closes after ms (0; rst 50) or at the next request   how
--   idle_close_on_next   forwarded, the true answer, then closes when the next request arrives   how
--                        A request lost to such a close is logged as "closed_on_next" and takes no scripted entry.
--   gzip_bad             forwarded, Content-Encoding: gzip with how = "noise"|"truncated"|"plain"   forward = false
--   huge                 forwarded, endless body; how = "chunked"|"length"|"close"|"headers"   bytes, forward = false
-- Durations here are milliseconds. All take `times`; all but refuse take `when = { method =, path = }`, which keeps the
-- entry for a request of that method whose target contains that text.
local process = require "spec.support.process"

local Proxy = {}
Proxy.__index = Proxy

local faults = {}

---Starts a proxy in front of an upstream.
---@param options table { upstream = "http://host:port", lifetime = seconds (600), port = 0 }
---@return table proxy with `url`
function faults.start(options)
  local upstream = options.upstream:match("^http://([^/]+:%d+)/?$")
  assert(upstream, "upstream must be http://host:port")
  local server = process.start("spec/support/fault_proxy.lua", "/__proxy__/", {
    upstream = upstream, lifetime = options.lifetime or 600, port = options.port or 0,
  })
  return setmetatable({ server = server, url = server.url, port = server.port }, Proxy)
end

-- A table with a positional kind and named options has no JSON form.
local function named(entry)
  if type(entry) ~= "table" then return entry end
  local copy = {}
  for key, value in pairs(entry) do copy[key == 1 and "kind" or key] = value end
  return copy
end

local function named_list(list)
  local entries = {}
  for key, entry in pairs(list) do entries[key] = named(entry) end
  return entries
end

---Sets the faults of the next requests, one entry each; afterwards the random mix or none applies. Replaces the queue.
---@param entries table list of "kind" or { "kind", option = value }; unknown names raise
function Proxy:script(entries)
  self.server:call("POST", "script", named_list(entries), 2)
end

---Sets a random mix, reproducible by its seed. `rate = 0` ends it.
---@param options table { seed = 1, rate = share of requests from 0 to 1, kinds = list of entries (with `weight`) or map
---from kind to weight, when = { method =, path = }, longest_run = most faults in a row }
function Proxy:chaos(options)
  local settings = {}
  for key, value in pairs(options) do settings[key] = value end
  if settings.kinds then settings.kinds = named_list(settings.kinds) end
  self.server:call("POST", "chaos", settings, 2)
end

---What happened to each request since the start or the last reset.
---@return table entries { n, connection, method, path, fault, forwarded, answered, status = sent to the client,
---upstream_status, time = Unix seconds, error = trouble with the upstream }; a refused connection has no method
function Proxy:log()
  return self.server:call("GET", "log", nil, 2)
end

---@return table state { pending = unused scripted entries, accepted, open = client connections, busy = requests that
---it is at, upstream_opened, listening }
function Proxy:state()
  return self.server:call("GET", "state", nil, 2)
end

---Empties script, mix and log, and listens again.
function Proxy:reset()
  self.server:call("POST", "reset", nil, 2)
end

---Stops (false: connections are refused, idle ones closed) or resumes listening on the same port.
---@param on boolean
function Proxy:listen(on)
  self.server:call("POST", "listen", { on = on }, 2)
end

---Closes every idle client connection now.
---@param how? "fin"|"rst"
---@return integer closed
function Proxy:close_idle(how)
  return self.server:call("POST", "close_idle", { how = how or "fin" }, 2).closed
end

---Ends the proxy; may be called twice.
function Proxy:stop()
  self.server:stop()
end

return faults
