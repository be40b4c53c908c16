--- Numbers as text, the same on every Lua and in every locale: for URLs, bodies and messages.

local core = require "locksmith.core"

local number = {}

--- The shortest text that reads back as the same number. Whole numbers up to 1e21 have neither point nor exponent,
--- floats of Lua 5.3 and later included.
---@param value number
---@return string? # nil when it is not finite
function number.text(value)
  return core.number(value)
end

return number
