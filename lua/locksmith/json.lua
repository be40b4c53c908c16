--- JSON through a private lua-cjson instance: full precision, null as nil, whole numbers as integers.

local cjson = require "cjson"
local core = require "locksmith.core"

local private = cjson.new()
-- 17 digits carry every double, but lua-cjson before 2.1.0.9 stops at 14 and 16 is the most any release takes.
if not pcall(private.encode_number_precision, 16) then private.encode_number_precision(14) end
private.encode_sparse_array(false, 2, 10)
private.encode_invalid_numbers(false)
private.decode_invalid_numbers(false)
private.encode_keep_buffer(false) -- it would keep the last password in memory
private.decode_max_depth(100)

local json = {}

---@param value any
---@return string? text nil where value cannot be JSON
---@return string? message
function json.encode(value)
  local ok, text = pcall(private.encode, value)
  if ok then return text end
  return nil, text
end

---@param text string
---@return boolean ok whether it is JSON
---@return any value null is nil
function json.decode(text)
  local ok, value = pcall(private.decode, core.shield(text))
  if not ok then return false end
  return true, core.clean(value)
end

return json
