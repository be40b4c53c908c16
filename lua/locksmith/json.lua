--- JSON through a private lua-cjson instance: full precision, null as nil, whole numbers as integers.

local cjson = require "cjson"
local core = require "locksmith.core"
local number = require "locksmith.number"

local private = cjson.new()
private.encode_number_precision(14) -- the most that every release takes; see exact()
private.encode_sparse_array(false, 2, 10)
private.encode_invalid_numbers(false)
private.decode_invalid_numbers(false)
private.encode_keep_buffer(false) -- it would keep the last password in memory
private.decode_max_depth(100)

-- Doubles know every whole number up to here. Larger ones that are no integers of Lua's are written as the doubles they
-- are: as digits, decode() would have to take them for exact.
local WHOLE_MAX = 2 ^ 53

local json = {}

-- Travels through lua-cjson in place of a number, as a string that no caller can have written: it is made afresh.
local function placeholder(taken)
  taken.count = taken.count + 1
  return ("\1%s#%d"):format(taken.salt, taken.count)
end

-- A copy in which numbers that 14 digits would round are placeholders.
local function exact(value, taken, depth)
  if type(value) == "table" then
    if depth > 100 then error("nested too deep", 0) end
    local copy = {}
    for k, v in pairs(value) do copy[k] = exact(v, taken, depth + 1) end
    return copy
  end
  if type(value) ~= "number" or core.is_short(value) then return value end
  local text = number.text(value, WHOLE_MAX)
  if not text then error("not a finite number", 0) end
  local name = placeholder(taken)
  taken.texts[name:sub(2)] = text
  return name
end

local function encode_exact(value)
  local taken = { count = 0, texts = {}, salt = core.slug() or "locksmith" }
  local text = private.encode(exact(value, taken, 0))
  return (text:gsub('"\\u0001([^"]+)"', function(name)
    return taken.texts[name]
  end))
end

---@param value any
---@param short boolean? known to hold no number that 14 digits would round
---@return string? text nil where value cannot be JSON
---@return string? message
function json.encode(value, short)
  local ok, text = pcall((short or core.is_short(value)) and private.encode or encode_exact, value)
  if ok then return text end
  return nil, text
end

---@param text string
---@param uncleaned boolean? the caller will clean it: null and big numbers are not yet what they should be
---@return boolean ok whether it is JSON
---@return any value null is nil
function json.decode(text, uncleaned)
  local ok, value = pcall(private.decode, core.shield(text))
  if not ok then return false end
  if uncleaned then return true, value end
  return true, core.clean(value)
end

return json
