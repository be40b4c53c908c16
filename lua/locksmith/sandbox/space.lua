--- White space as Python's `str.strip` knows it, which is more than ASCII has.

local space = {}

local SPACES = {}
for char in ("\9 \10 \11 \12 \13 \28 \29 \30 \31 \194\133 \194\160 \225\154\128 \226\128\168 \226\128\169 \226\128\175 "
  .. "\226\129\159 \227\128\128 "):gmatch "([^ ]+) " do SPACES[char] = true end
SPACES[" "] = true
for last = 128, 138 do SPACES["\226\128" .. string.char(last)] = true end

local LONGEST = 3

--- Length of the white space between two places, taken from the one end or the other.
local function space_at(text, first, last, at_end)
  for size = 1, math.min(LONGEST, last - first + 1) do
    local char = at_end and text:sub(last - size + 1, last) or text:sub(first, first + size - 1)
    if SPACES[char] then return size end
  end
end

---@param text string UTF-8
---@return string # `text` without white space around it
function space.trim(text)
  local first, last = 1, #text
  local size = space_at(text, first, last)
  while size do
    first = first + size
    size = space_at(text, first, last)
  end
  size = space_at(text, first, last, true)
  while size do
    last = last - size
    size = space_at(text, first, last, true)
  end
  return text:sub(first, last)
end

return space
