--- Client (libcurl) -> fault proxy -> sandbox server, each a process of its own, for specs over real sockets.
---
---     local s = stack.start()
---     s.proxy:script { "drop_after" }
---     s:lockpub().links:create(...)
---     s:log(); s:state(); s:stop()

local faults = require "spec.support.faults"
local locksmith = require "locksmith"
local server = require "spec.support.server"

local stack = {}

local Stack = {}
Stack.__index = Stack

-- Waits between attempts are for the virtual-time specs; here they would only cost time.
local DEFAULTS = { rate = false, timeout = 10, attempt_timeout = 5, connect_timeout = 2,
  random = function() return 0 end }

--- The answers that are lost or unreadable although the service has acted: { name, fault, kind of the failure,
--- transient = whether a repeat may follow, body = whether it takes an answer with a body, typical = one of a few that
--- stand for all }.
stack.LOST = {
  { "the connection closed", "drop_after", "network", transient = true, typical = true },
  { "the connection reset", { "drop_after", how = "rst" }, "network", transient = true },
  { "the headers cut", { "cut_headers", at = 30 }, "network", transient = true },
  { "the body cut", { "cut_body", at = 3 }, "network", transient = true, typical = true },
  { "the body short of its length", { "wrong_length", by = 10 }, "network", transient = true, body = true },
  { "silence", "stall", "timeout", transient = true, typical = true, stalls = true },
  { "silence within the body", { "stall_body", at = 3 }, "timeout", transient = true, stalls = true },
  { "a slow trickle", { "trickle", ms = 20 }, "timeout", transient = true, stalls = true },
  { "a 502", { "status_after", status = 502 }, "server_error", transient = true, typical = true },
  { "a 503 without Retry-After", { "status_after", status = 503 }, "server_error", transient = true },
  { "a 504", { "status_after", status = 504 }, "server_error", transient = true },
  { "a 500", { "status_after", status = 500 }, "server_error" },
  { "the body beyond its length", { "wrong_length", by = -3 }, "bad_response", body = true },
  { "garbage", "garbage", "bad_response", typical = true },
  { "broken JSON", "bad_json", "bad_response" },
  { "broken gzip", { "gzip_bad", how = "noise" }, "bad_response" },
  { "gzip cut short", { "gzip_bad", how = "truncated" }, "bad_response" },
  { "an endless body", "huge", "too_large" },
  { "endless headers", { "huge", how = "headers" }, "too_large" },
}
local there, curl = pcall(require, "locksmith.curl")
if there and curl.version():find("zlib", 1, true) then -- others take it as it is
  table.insert(stack.LOST, { "gzip that is none", { "gzip_bad", how = "plain" }, "bad_response", body = true })
end

---Whether all of it can run here.
---@return boolean
function stack.available()
  return server.available()
end

---Starts sandbox and proxy.
---@param options? table options of `sandbox.new` that JSON can hold, for the first use and every reset
---@return table stack with `proxy` (see spec/support/faults.lua) and `box` (see spec/support/server.lua)
function stack.start(options)
  local merged = { rate = false, throttle = false, quota = 1000000 }
  for name, value in pairs(options or {}) do merged[name] = value end
  local box = server.sandbox(merged)
  return setmetatable({ box = box, proxy = faults.start { upstream = box.url }, options = merged, clients = {} }, Stack)
end

---Closes the clients made so far, forgets faults and log, and makes the sandbox anew.
---@param options? table more options of `sandbox.new`
function Stack:reset(options)
  for _, client in ipairs(self.clients) do client:close() end
  self.clients = {}
  self.proxy:reset()
  local merged = {}
  for name, value in pairs(self.options) do merged[name] = value end
  for name, value in pairs(options or {}) do merged[name] = value end
  self.box:reset(merged)
end

function Stack:stop()
  self.proxy:stop()
  self.box.stop()
end

local function client(self, service, key, options)
  local own = { api_key = key, base_url = self.proxy.url, store = locksmith.memory() }
  for name, value in pairs(DEFAULTS) do own[name] = value end
  for name, value in pairs(options or {}) do own[name] = value end
  local made = assert(locksmith[service](own))
  self.clients[#self.clients + 1] = made
  return made
end

---@param options? table more client options
---@return table client through the proxy
function Stack:lockpub(options)
  return client(self, "lockpub", server.LOCKPUB_KEY, options)
end

---@param options? table more client options
---@return table client through the proxy
function Stack:locker(options)
  return client(self, "locker", server.LOCKER_KEY, options)
end

---@param case table one of stack.LOST
---@return table options for a client that meets it
function stack.options_for(case)
  return { attempt_timeout = case.stalls and 0.15 or nil, max_response_bytes = 100000 }
end

---The requests that came to the proxy.
---@param method? string only these
---@param path? string only those whose path contains this
---@return table entries of its log
function Stack:log(method, path)
  local entries = {}
  for _, entry in ipairs(self.proxy:log()) do
    if (not method or entry.method == method) and (not path or (entry.path or ""):find(path, 1, true)) then
      entries[#entries + 1] = entry
    end
  end
  return entries
end

---@return string # "METHOD fault, METHOD fault, …" of what came to the proxy
function Stack:story(method)
  local words = {}
  for i, entry in ipairs(self:log(method)) do words[i] = (entry.method or "-") .. " " .. entry.fault end
  return table.concat(words, ", ")
end

return stack
