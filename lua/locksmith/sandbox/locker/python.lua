--- What Python's `str.strip` and `int` make of a text.

local python = {}

local SPACES = {}
for char in ("\9 \10 \11 \12 \13 \28 \29 \30 \31 \194\133 \194\160 \225\154\128 \226\128\168 \226\128\169 \226\128\175 "
  .. "\226\129\159 \227\128\128 "):gmatch "([^ ]+) " do SPACES[char] = true end
SPACES[" "] = true
for last = 128, 138 do SPACES["\226\128" .. string.char(last)] = true end

-- Bytes of the longest of them, which are more than ASCII has.
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
function python.strip(text)
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

--- An integer as Python's `int(text)` reads it: surrounding space, a sign, and single underscores between digits.
---@param text string
---@return number? # nil where Python refuses
function python.int(text)
  local sign, digits = python.strip(text):match("^([+-]?)([0-9_]+)$")
  if not digits or digits:find("^_") or digits:find("_$") or digits:find("__", 1, true) then return nil end
  local value = tonumber((digits:gsub("_", "")))
  return sign == "-" and -value or value
end

return python
