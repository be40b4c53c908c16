--- Texts as bytes, the same in every locale. Lua's own lower(), "<" and tonumber() ask the locale, and so do %a, %c,
--- %l, %p, %s, %u and %w in its patterns; %d and %x do not.

local ascii = {}

local LOWER = {}
for byte = 65, 90 do LOWER[string.char(byte)] = string.char(byte + 32) end

---@param value string
---@return string # with A to Z made small
function ascii.lower(value)
  if not value:find "[A-Z]" then return value end
  return (value:gsub("[A-Z]", LOWER))
end

--- For table.sort.
---@param a string
---@param b string
---@return boolean # whether the bytes of `a` come before those of `b`
function ascii.before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i, i), b:byte(i, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

---@param value any a number, or decimal digits that may have a sign, a point and an exponent
---@return number? # nil for what is neither
function ascii.number(value)
  if type(value) ~= "string" then return type(value) == "number" and value or nil end
  local whole, fraction, exponent = value:match "^([+-]?%d+)%.?(%d*)(.*)$"
  if not whole then return nil end
  local power = exponent ~= "" and exponent:match "^[eE]([+-]?%d+)$" or exponent == "" and "0"
  if not power then return nil end
  if fraction == "" and exponent == "" then return tonumber(whole) end
  -- Without a point every locale reads it alike.
  return tonumber(("%s%se%.0f"):format(whole, fraction, math.max(-1e6, math.min(1e6, tonumber(power) - #fraction))))
end

return ascii
