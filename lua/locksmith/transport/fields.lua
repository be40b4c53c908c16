--- The headers of an answer, as transports written in Lua get them.

local fields = {}

-- Services send few different names; one that invents names must not fill the memory.
local KNOWN_MAX = 200
local known, count = {}, 0

local function lower_name(name)
  local lower = name:lower()
  if count < KNOWN_MAX then
    known[name], count = lower, count + 1
  end
  return lower
end

---@param headers table name -> value or list of values
---@return table<string, string> # lower-case names
function fields.lower(headers)
  local lower = {}
  for name, value in pairs(headers) do
    if type(name) == "string" then
      if type(value) == "table" then value = table.concat(value, ", ") end
      lower[known[name] or lower_name(name)] = type(value) == "string" and value or tostring(value)
    end
  end
  return lower
end

--- Whether the body is in a coding that nobody asked for and nobody here undoes.
---@param headers table<string, string> lower-case names
---@return string? message
function fields.encoded(headers)
  local coding = headers["content-encoding"]
  if not coding or coding == "" or coding:lower() == "identity" then return nil end
  return "the answer came compressed, which was not asked for"
end

return fields
