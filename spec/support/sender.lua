--- Spec-side handle of a server that sends what it is told to, however wrong or long (spec/support/sender_server.lua).
---
---     local s = sender.start()
---     s:script { { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\n\r\n", again = "x", every = 20 } }
---     ... requests to s.url ...
---     s:state().sent; s:stop()

local process = require "spec.support.process"

local Sender = {}
Sender.__index = Sender

local sender = {}

--- Starts one.
---@return table sender with `url` and `port`
function sender.start()
  local server = process.start("spec/support/sender_server.lua", "/__sender__/", { lifetime = 600, port = 0 })
  return setmetatable({ server = server, url = server.url, port = server.port }, Sender)
end

--- Sets the answers of the next questions, of which the last goes on for all that follow; forgets the counts.
---@param answers table list of { after = text that a question holds at its end, head = bytes, again = bytes sent behind
--- that `times` times (for ever), `every` so many ms, tail = bytes behind those, close = true }
function Sender:script(answers)
  self.server:call("POST", "script", answers, 2)
end

---@return table # { connections, questions, sent = bytes, open = connections } since the last script
function Sender:state()
  return self.server:call("GET", "state", nil, 2)
end

--- Ends it; may be called twice.
function Sender:stop()
  self.server:stop()
end

return sender
