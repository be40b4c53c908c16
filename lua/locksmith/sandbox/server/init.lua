--- Serves a sandbox over HTTP on loopback, both services on one port, with the control surface of control.lua.
--
--     require("locksmith.sandbox.server").run { port = 8787, plan = "free" }

local sandbox_options = require "locksmith.sandbox.options"

local server = {}

-- The first that can be had is taken.
local BACKENDS = { "socket", "nginx" }
local DEFAULT_PORT = 8787

local function is_port(value)
  return type(value) == "number" and value >= 0 and value <= 65535 and value % 1 == 0
end

local function is_pair(value)
  return type(value) == "table" and type(value[1]) == "string" and type(value[2]) == "string"
end

local function of(kind)
  return function(value) return type(value) == kind end
end

local OWN = {
  port = { is_port, "a port, or 0 for a free one" },
  tls = { is_pair, "{ certificate, key }, names of PEM files" },
  backend = { function(value) return value == "socket" or value == "nginx" end, '"socket" or "nginx"' },
  parent = { of "number", "a process id" },
  lifetime = { of "number", "seconds" },
  announce = { of "function", "a function" },
}

local function announce(url)
  io.stdout:write("sandbox on ", url, "\n")
  io.stdout:flush()
end

local function read(given, level)
  local own, inner = { port = DEFAULT_PORT, announce = announce }, {}
  for name, value in pairs(given or {}) do
    local check = OWN[name]
    if not check then
      inner[name] = value
    else
      if not check[1](value) then error("option " .. name .. " of a sandbox server must be " .. check[2], level + 1) end
      own[name] = value
    end
  end
  own.sandbox = inner
  return own
end

local function choose(options)
  local reasons = {}
  for _, name in ipairs(options.backend and { options.backend } or BACKENDS) do
    local backend = require("locksmith.sandbox.server." .. name)
    local reason = backend.missing(options)
    if not reason then return backend end
    reasons[#reasons + 1] = reason
  end
  return nil, "nothing here can serve a sandbox: " .. table.concat(reasons, "; ")
end

--- Serves until it is told to end: by SIGINT or SIGTERM to this process, by the control request "stop", or as the
--- options say. Wrong options raise at the caller's line.
---@param given? table
--- `port` on 127.0.0.1 (default 8787; 0 takes a free one); `announce` fun(url), called once it serves (default prints
--- "sandbox on URL"); `backend` "socket" (LuaSocket) or "nginx" (with its Lua module; default what is here, in this
--- order); `tls` `{ certificate, key }`, names of PEM files, to serve https (nginx only); `parent` id of a process it
--- ends with; `lifetime` seconds after which it ends.
--- All others are options of `sandbox.new`; nginx takes what JSON can hold.
---@return true? ended nil when it could not serve
---@return string? message
function server.run(given)
  local options = read(given, 2)
  sandbox_options.read(options.sandbox, 2)
  local backend, problem = choose(options)
  if not backend then return nil, problem end
  return backend.run(options)
end

return server
