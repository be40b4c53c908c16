--- JSON through a private lua-cjson instance, guarded on both sides by the core: strict, exact, the same in every
--- locale; null is nil, whole numbers are integers.

local core = require "locksmith.core"

local function cjson()
  local ok, found = pcall(require, "cjson")
  if ok then return found end
  if not tostring(found):find "^module 'cjson' not found" then error(found, 0) end
  error(("the Lua module cjson is not here for %s: luarocks install lua-cjson, or on Debian and Ubuntu, for most Luas,"
    .. " apt install lua-cjson"):format(_VERSION), 0)
end

-- lua-cjson ends the process where it is loaded while the decimal point takes more than one byte.
local function load()
  local before = #core.decimal_point() > 1 and os.setlocale(nil, "numeric")
  if before then os.setlocale("C", "numeric") end
  local private = cjson().new()
  if before then os.setlocale(before, "numeric") end
  return private
end

local private = load()
private.encode_number_precision(14) -- the most that every release takes; the core writes what needs more
private.encode_sparse_array(false, 2, 10)
private.encode_invalid_numbers(false)
private.decode_invalid_numbers(false)
private.encode_keep_buffer(false) -- it would keep the last password in memory
private.decode_max_depth(core.json_depth)

local json = {}

local NO_MEMORY = "not enough memory"

local function write(value)
  local outgoing, marked = core.outgoing(value)
  local text = private.encode(outgoing)
  return marked and core.unmark(text) or text
end

---@param value any
---@param ready boolean? core.fields says that it can be written as it is
---@return string? text nil where value cannot be JSON
---@return string? message
function json.encode(value, ready)
  local ok, text = pcall(ready and private.encode or write, value)
  if ok then return text end
  if text == NO_MEMORY then error(text, 0) end
  return nil, text
end

---@param text string
---@param raw boolean? the caller will pass a table to core.clean, once: until then nulls and marks are in it
---@return boolean ok whether it is JSON
---@return any value null is nil
---@return boolean? raw whether core.clean is still to be called
function json.decode(text, raw)
  local shielded = core.shield(text)
  if not shielded then return false end
  local ok, value = pcall(private.decode, shielded)
  if not ok then
    if value == NO_MEMORY then error(value, 0) end
    return false
  end
  if raw and type(value) == "table" then return true, value, true end
  return true, core.clean(value)
end

return json
