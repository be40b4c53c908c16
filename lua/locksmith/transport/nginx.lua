--- Chooses what moves the bytes under nginx, at the first call: only then are the phase and the server block known.

local capture = require "locksmith.transport.capture"
local clock = require "locksmith.clock"
local resty = require "locksmith.transport.resty"

local nginx = {}

--- Finds transport and clock. `resty` where resty.http can be loaded, because it works in more phases; else `capture`.
---@param wanted "resty"|"capture"|nil nil: what is there
---@param options table the client's options with defaults filled in
---@return table? transport
---@return table|string clock, or why there is no transport
function nginx.resolve(wanted, options)
  local chosen, message
  if wanted == "resty" or wanted == nil and resty.available() then
    chosen, message = resty.new(options)
  else
    chosen, message = capture.new(options, wanted == nil, resty.problem())
  end
  if not chosen then return nil, message end
  return chosen, clock.nginx
end

return nginx
