--- Field validation with the messages of the framework the Locker server is written in (Django REST framework).

local ascii = require "locksmith.ascii"
local json = require "locksmith.sandbox.json"
local python = require "locksmith.sandbox.locker.python"

local fields = {}

local TRUE, FALSE = {}, {}
for word in ("t y yes true on 1"):gmatch("[^ ]+") do TRUE[word] = true end
for word in ("f n no false off 0"):gmatch("[^ ]+") do FALSE[word] = true end

---@param text string
---@return integer # characters of UTF-8 text
function fields.length(text)
  local _, continuation = text:gsub("[\128-\191]", "")
  return #text - continuation
end

local function read_string(value, rule)
  if json.is_number(value) then value = json.python_text(value) end
  if type(value) ~= "string" then return nil, { "Not a valid string." } end
  local text = python.strip(value)
  if text == "" then
    if rule.allow_blank then return "" end
    return nil, { "This field may not be blank." }
  end
  local problems, length = {}, fields.length(text)
  if rule.max and length > rule.max then
    problems[#problems + 1] = "Ensure this field has no more than " .. rule.max .. " characters."
  end
  if rule.min and length < rule.min then
    problems[#problems + 1] = "Ensure this field has at least " .. rule.min .. " characters."
  end
  if text:find("%z") then problems[#problems + 1] = "Null characters are not allowed." end
  if problems[1] then return nil, problems end
  return text
end

local function read_boolean(value)
  if type(value) == "boolean" then return value end
  local word = value
  if json.is_number(value) then word = value.value == 1 and "1" or value.value == 0 and "0" or "" end
  if type(word) == "string" then
    if TRUE[ascii.lower(word)] then return true end
    if FALSE[ascii.lower(word)] then return false end
  end
  return nil, { "Must be a valid boolean." }
end

local function read(data, rule)
  local value = data.values[rule.name]
  if data.form then
    -- A form cannot say false or null: an absent box is false, an empty optional value is absent.
    if value == nil and rule.kind == "boolean" then return false end
    if value == "" and not rule.required and not rule.allow_blank then value = nil end
  end
  if value == nil then
    if rule.required then return nil, { "This field is required." } end
    return nil
  end
  if value == json.null then return nil, { "This field may not be null." } end
  if rule.kind == "boolean" then return read_boolean(value) end
  return read_string(value, rule)
end

--- Reads and checks the fields of a body.
---@param data table as returned by `body.parse`
---@param rules table list of `{ name, kind = "string"|"boolean", required, allow_blank, min, max }` (lengths in
--- characters)
---@return table? values nil if a field was refused
---@return table? details ordered object of field -> list of messages; nil too when the body is no object
function fields.read(data, rules)
  if data.not_object then return nil end
  local values, details = {}, {}
  for _, rule in ipairs(rules) do
    local value, problems = read(data, rule)
    values[rule.name] = value
    if problems then details[#details + 1] = { rule.name, json.array(problems) } end
  end
  if details[1] then return nil, json.object(details) end
  return values
end

return fields
