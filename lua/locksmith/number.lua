--- Numbers as text, the same on every Lua and in every locale: for URLs and bodies.

local number = {}

-- Beyond this the digits of a double say more than it knows.
local WHOLE_MAX = 1e21

--- The shortest text that reads back as the same number. Whole numbers have neither point nor exponent, floats of
--- Lua 5.3 and later included.
---@param value number
---@param most number? whole floats beyond this (default 1e21) have an exponent
---@return string? # nil when it is not finite
function number.text(value, most)
  if math.type and math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value or value == math.huge or value == -math.huge then return nil end
  if value == 0 then return "0" end -- not "-0"
  if value % 1 == 0 and math.abs(value) <= (most or WHOLE_MAX) then return ("%.0f"):format(value) end
  for digits = 14, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then return (text:gsub(",", ".")) end
  end
end

return number
