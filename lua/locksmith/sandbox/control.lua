--- The control surface of a served sandbox: tests in another process reset it, look at it and act as someone else.
--
--     POST /__sandbox__/reset   {options}                      a new sandbox; options of sandbox.new that JSON can hold
--     GET  /__sandbox__/state                                  what Sandbox:state returns
--     GET  /__sandbox__/log                                    what Sandbox:log returns
--     POST /__sandbox__/fault   {rule}                         Sandbox:fault
--     POST /__sandbox__/call    {"method": name, "args": []}   any public method; {"result": value}
--     POST /__sandbox__/stop                                   the server ends
--
-- A mistake is answered with 400 and {"error": text}.

local json = require "locksmith.sandbox.json"

local control = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local PREFIX = "/__sandbox__/"

local CALLABLE = {}
for name in ([[
  add_account add_address add_link add_subdomain address addresses advance clear_faults clear_log count delete_address
  delete_subdomain fault key links log now quota rename_subdomain rotate set_account set_address set_delay
  set_quota_used set_throttle state subdomain
]]):gmatch("[^ \n]+") do CALLABLE[name] = true end

local function without_null(value)
  if value == json.null then return nil end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, member in pairs(value) do copy[key] = without_null(member) end
  return copy
end

local function call(box, name, args)
  if not CALLABLE[name] then error("no sandbox method " .. tostring(name), 0) end
  local list = {}
  for i, arg in ipairs(args or {}) do list[i] = without_null(arg) end
  return box[name](box, unpack(list, 1, args and #args or 0))
end

local ACTIONS = {
  ["POST reset"] = function(server, body)
    server.box = server.new(without_null(body))
    return { ok = true }
  end,
  ["GET state"] = function(server) return server.box:state() end,
  ["GET log"] = function(server) return server.box:log() end,
  ["POST fault"] = function(server, body)
    server.box:fault(without_null(body))
    return { ok = true }
  end,
  ["POST stop"] = function(server)
    server.stopping = true
    return { ok = true }
  end,
  ["POST call"] = function(server, body) return { result = call(server.box, body.method, body.args) } end,
}

---@param path string
---@return boolean # whether a path is of this surface
function control.owns(path)
  return path:sub(1, #PREFIX) == PREFIX
end

--- Answers a control request.
---@param server table `{ box = Sandbox, new = fun(options): Sandbox }`; a reset replaces `box`, a stop sets `stopping`
---@param method string
---@param path string
---@param text string body
---@return integer status
---@return string body JSON
function control.handle(server, method, path, text)
  local action = ACTIONS[method .. " " .. path:sub(#PREFIX + 1)]
  if not action then return 404, json.encode { error = "no such control request" } end
  local body = {}
  if text ~= "" then
    local problem
    body, problem = json.decode(text)
    if type(body) ~= "table" or body == json.null then
      return 400, json.encode { error = problem or "the body must be a JSON object" }
    end
  end
  local ok, result = pcall(action, server, body)
  if not ok then return 400, json.encode { error = (tostring(result):gsub("^[^ ]+:%d+: ", "")) } end
  return 200, json.encode(result)
end

return control
