--- Which aliases are meant: each by its number, or by its full address.

local ascii = require "locksmith.ascii"
local number = require "locksmith.number"
local status = require "locksmith.cli.status"

local which = {}

---@param text string as typed
---@return "id"|"full_address"
local function kind_of(text)
  if text:find "^%d+$" then return "id" end
  if text:find "^[^@ ]+@[^@ ]+$" then return "full_address" end
  status.usage(("'%s' is neither a number nor a full address"):format(text))
end

-- The same number has the same text, whether it came as a number or as digits.
local function id_text(id)
  if type(id) == "number" then id = number.text(id) end
  return (id:gsub("^0+(%d)", "%1"))
end

---@class locksmith.cli.Which
---@field texts string[] as typed
---@field keys table<string, string> text -> what an alias is looked up by
---@field found table<string, boolean> those keys that were met
local Which = {}
Which.__index = Which

---@param texts string[]
---@return locksmith.cli.Which
function which.new(texts)
  local self = setmetatable({ texts = texts, keys = {}, wanted = {}, found = {} }, Which)
  for _, text in ipairs(texts) do
    self.keys[text] = kind_of(text) == "id" and id_text(text) or ascii.lower(text)
    self.wanted[self.keys[text]] = true
  end
  return self
end

--- Whether an alias is one of those that are meant, which is noted.
---@param address locksmith.Address
---@return boolean
function Which:has(address)
  local id, name = id_text(address.id), ascii.lower(tostring(address.full_address))
  local meant = false
  for _, key in ipairs { id, name } do
    if self.wanted[key] then meant, self.found[key] = true, true end
  end
  return meant
end

--- Those that were not met, as they were typed.
---@return string[]
function Which:missing()
  local list = {}
  for _, text in ipairs(self.texts) do
    if not self.found[self.keys[text]] then list[#list + 1] = text end
  end
  return list
end

which.id_text = id_text
which.kind_of = kind_of

return which
