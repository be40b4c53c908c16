--- Asks the control endpoints of test servers. A process for each question would cost more than most tests do, so one
--- process (spec/support/control_client.lua) asks them all.

local shell = require "spec.support.shell"

local control = {}

local asker

--- Starts the process, which otherwise the first question does: for those who count what is open.
function control.begin()
  if asker then return end
  local root = debug.getinfo(1, "S").source:match "^@(.*)spec/support/control%.lua$" or ""
  local handle, lines = shell.start("lua5.4 " .. shell.quote(root .. "spec/support/control_client.lua"))
  if not handle then error("lua5.4 with LuaSocket is needed", 2) end
  asker = { handle = handle, lines = lines }
end

---@param method string
---@param url string http:// on loopback
---@param body? string JSON
---@return integer? status nil when there was no answer
---@return string body, or what went wrong
function control.ask(method, url, body)
  control.begin()
  asker.handle:write(("%s %s %d\n"):format(method, url, body and #body or -1), body or "")
  asker.handle:flush()
  local status, length = (asker.lines:read "*l" or ""):match "^(%d+) (%d+)$"
  if not status then error("the process that asks test servers is gone", 2) end
  local answer = length == "0" and "" or asker.lines:read(tonumber(length))
  return status ~= "0" and tonumber(status) or nil, answer
end

return control
