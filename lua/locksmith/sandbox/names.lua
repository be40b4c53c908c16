--- Names made up for those who choose none.

local names = {}

local ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

--- A random name of `[0-9a-z]`.
---@param random fun(n: integer): integer a number from 1 to n
---@param length integer characters
---@return string
function names.generate(random, length)
  local chars = {}
  for i = 1, length do
    local at = random(#ALPHABET)
    chars[i] = ALPHABET:sub(at, at)
  end
  return table.concat(chars)
end

return names
