--- Chooses what moves the bytes. Asked at the first call, because an nginx worker knows its phase only then.

local clock = require "locksmith.clock"

--- What every transport's `send` gives, and a transport of the caller's as a plain function.
---@class locksmith.Answer
---@field status integer
---@field headers table<string, string>|string lower-case name -> value; libcurl's are raw lines
---@field body string
---@field connected number? seconds until the request began to leave
---@class locksmith.Failure
---@field kind "connect"|"tls"|"network"|"timeout"|"too_large"|"bad_response"|"phase"|"config"|"closed"
---@field sent boolean whether a byte of the request may have reached the service
---@field message string?
---@field permanent boolean? another try would meet the same
---@field status integer? that came before it

local transport = {}

local function under_nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and ngx.config ~= nil and ngx.config.subsystem ~= nil
end

transport.under_nginx = under_nginx

---@param options table the client's options with defaults filled in
---@return table? transport with :send(call, limit, noted) -> locksmith.Answer | nil, locksmith.Failure; where it
---  `tells`, it keeps noted.sending true while something may have been sent
---@return table|string clock, or why there is none
function transport.resolve(options)
  local wanted = options.transport
  local natural = under_nginx() and clock.nginx or clock.system
  if type(wanted) == "function" then
    return require("locksmith.transport.custom").new(wanted, options), natural
  end
  if wanted == nil and not under_nginx() or wanted == "curl" then
    local chosen, message = require("locksmith.transport.curl").new(options)
    if not chosen then return nil, message end
    return chosen, natural
  end
  if wanted == "capture" and rawget(_G, "ngx") == nil then
    return nil, 'transport "capture" works only in nginx with its Lua module; use "curl" here'
  end
  return require("locksmith.transport.nginx").resolve(wanted, options)
end

return transport
