--- JSON as the sandbox reads and writes it.
-- The sandbox must tell `[]` from `{}`, `1` from `1.0` and null from absent, and send keys in a chosen order, on every
-- Lua. A shared JSON library cannot, so the sandbox has this small one and needs no library at all.

local ascii = require "locksmith.ascii"

local json = {}

local array_mt, object_mt, number_mt = {}, {}, {}

--- The JSON value null.
json.null = setmetatable({}, { __tostring = function() return "null" end })

--- An object that is written with its keys in the given order.
---@param members table list of `{ key, value }`
---@return table
function json.object(members)
  return setmetatable(members, object_mt)
end

--- A list that is written as an array even when empty.
---@param items table
---@return table
function json.array(items)
  return setmetatable(items, array_mt)
end

--- A number that is written with a fraction (`5.0`).
---@param value number
---@return table
function json.float(value)
  return setmetatable({ value = value, float = true }, number_mt)
end

---@return boolean # whether `value` is an array made by `json.array` or read by `json.decode`
function json.is_array(value)
  return getmetatable(value) == array_mt
end

---@return boolean # whether `value` is a number as `json.decode(text, "exact")` returns it
function json.is_number(value)
  return getmetatable(value) == number_mt
end

--- The shortest text that reads back as the same number, with a point whatever the locale.
local function float_text(value)
  local text = string.format("%.15g", value):gsub("[^0-9e+-]+", ".")
  if ascii.number(text) == value then return text end
  return (string.format("%.17g", value):gsub("[^0-9e+-]+", "."))
end

local function number_text(value, is_float)
  if value ~= value or value == math.huge or value == -math.huge then error("not a JSON number", 0) end
  if value == math.floor(value) and math.abs(value) < 1e16 then
    return string.format("%.0f", value) .. (is_float and ".0" or "")
  end
  return float_text(value)
end

--- A number as Python's `str` shows it, which is what the Locker server stores when a text field is given a number.
---@param number table as returned by `json.decode(text, "exact")`
---@return string
function json.python_text(number)
  if not number.text:find("[.eE]") then return number.text == "-0" and "0" or number.text end
  return number_text(number.value, true)
end

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f",
}

local function escape(char)
  return ESCAPES[char] or string.format("\\u%04x", char:byte())
end

local function quote(text)
  if text:find('[%z\1-\31"\\]') then text = text:gsub('[%z\1-\31"\\]', escape) end
  -- The Locker server keeps its JSON valid as JavaScript: the two line separators are escaped.
  if text:find("\226\128", 1, true) then
    text = text:gsub("\226\128\168", "\\u2028"):gsub("\226\128\169", "\\u2029")
  end
  return '"' .. text .. '"'
end

local encode_value

local function join(parts, open, close, style)
  return open .. table.concat(parts, style.comma) .. close
end

local function encode_table(value, style)
  local mt, parts = getmetatable(value), {}
  if mt == number_mt then return value.text or number_text(value.value, value.float) end
  if mt == object_mt then
    for i, member in ipairs(value) do
      parts[i] = quote(member[1]) .. style.colon .. encode_value(member[2], style)
    end
    return join(parts, "{", "}", style)
  end
  if mt == array_mt or value[1] ~= nil then
    for i, item in ipairs(value) do parts[i] = encode_value(item, style) end
    return join(parts, "[", "]", style)
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = tostring(key) end
  table.sort(keys, ascii.before)
  for i, key in ipairs(keys) do
    local member = value[key]
    if member == nil then member = value[tonumber(key)] end
    parts[i] = quote(key) .. style.colon .. encode_value(member, style)
  end
  return join(parts, "{", "}", style)
end

function encode_value(value, style)
  local kind = type(value)
  if value == json.null or kind == "nil" then return "null" end
  if kind == "string" then return quote(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then return number_text(value) end
  if kind == "table" then return encode_table(value, style) end
  error("cannot write a " .. kind .. " as JSON", 0)
end

local COMPACT, SPACED = { comma = ",", colon = ":" }, { comma = ", ", colon = ": " }

--- JSON text of a value. A plain table is an array if it has an element 1, else an object with sorted keys.
---@param value any
---@param spaced? boolean a space after each comma and colon (default false)
---@return string
function json.encode(value, spaced)
  return encode_value(value, spaced and SPACED or COMPACT)
end

local function utf8_char(code)
  if code < 0x80 then return string.char(code) end
  local tail = {}
  local limit = 0x40
  while code >= limit do
    table.insert(tail, 1, string.char(0x80 + code % 0x40))
    code = math.floor(code / 0x40)
    limit = limit == 0x40 and 0x20 or limit / 2
  end
  local lead = ({ 0xC0, 0xE0, 0xF0 })[#tail]
  return string.char(lead + code) .. table.concat(tail)
end

local UNESCAPED = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local function fail(what, position)
  error({ json = what .. " at byte " .. position }, 0)
end

local function read_escape(text, at)
  local char = text:sub(at + 1, at + 1)
  if UNESCAPED[char] then return UNESCAPED[char], at + 2 end
  local hex = char == "u" and text:match("^%x%x%x%x", at + 2)
  if not hex then fail("bad escape", at) end
  local code, after = tonumber(hex, 16), at + 6
  if code >= 0xD800 and code < 0xDC00 then
    local low = text:match("^\\u([dD][c-fC-F]%x%x)", after)
    if low then
      code, after = 0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00, after + 6
    end
  end
  return utf8_char(code), after
end

local function read_string(text, at)
  local parts, from = {}, at + 1
  local search = from
  while true do
    local stop = text:find('["\\%z\1-\31]', search)
    if not stop then fail("unfinished string", at) end
    local char = text:sub(stop, stop)
    parts[#parts + 1] = text:sub(from, stop - 1)
    if char == '"' then return table.concat(parts), stop + 1 end
    if char ~= "\\" then fail("control character in a string", stop) end
    parts[#parts + 1], from = read_escape(text, stop)
    search = from
  end
end

local read_value

local function skip_space(text, at)
  return text:find("[^ \t\n\r]", at) or #text + 1
end

local function read_number(text, at, exact)
  local int = text:match("^-?0", at) or ""
  local longer = text:match("^-?[1-9][0-9]*", at)
  int = longer or int
  if int == "" then fail("unexpected character", at) end
  local after = at + #int
  local fraction = text:match("^%.[0-9]+", after) or ""
  local exponent = text:match("^[eE][+-]?[0-9]+", after + #fraction) or ""
  local literal = int .. fraction .. exponent
  local value = ascii.number(literal)
  after = at + #literal
  if exact then return setmetatable({ text = literal, value = value }, number_mt), after end
  return value, after
end

local function read_array(text, at, exact, depth)
  local items, n = {}, 0
  at = skip_space(text, at + 1)
  if text:sub(at, at) == "]" then return json.array(items), at + 1 end
  while true do
    n = n + 1
    items[n], at = read_value(text, at, exact, depth)
    at = skip_space(text, at)
    local char = text:sub(at, at)
    if char == "]" then return json.array(items), at + 1 end
    if char ~= "," then fail("expected , or ]", at) end
    at = skip_space(text, at + 1)
  end
end

local function read_object(text, at, exact, depth)
  local members = {}
  at = skip_space(text, at + 1)
  if text:sub(at, at) == "}" then return members, at + 1 end
  while true do
    if text:sub(at, at) ~= '"' then fail("expected a key", at) end
    local key
    key, at = read_string(text, at)
    at = skip_space(text, at)
    if text:sub(at, at) ~= ":" then fail("expected :", at) end
    members[key], at = read_value(text, skip_space(text, at + 1), exact, depth)
    at = skip_space(text, at)
    local char = text:sub(at, at)
    if char == "}" then return members, at + 1 end
    if char ~= "," then fail("expected , or }", at) end
    at = skip_space(text, at + 1)
  end
end

local LITERALS = { { "true", true }, { "false", false }, { "null", json.null } }

function read_value(text, at, exact, depth)
  if depth > 200 then fail("nested too deeply", at) end
  local char = text:sub(at, at)
  if char == '"' then return read_string(text, at) end
  if char == "{" then return read_object(text, at, exact, depth + 1) end
  if char == "[" then return read_array(text, at, exact, depth + 1) end
  for _, literal in ipairs(LITERALS) do
    if text:sub(at, at + #literal[1] - 1) == literal[1] then return literal[2], at + #literal[1] end
  end
  return read_number(text, at, exact)
end

local function valid_utf8(text)
  local at = text:find("[\128-\255]")
  while at do
    local after = text:match("^[\194-\223][\128-\191]()", at)
      or text:match("^\224[\160-\191][\128-\191]()", at)
      or text:match("^[\225-\236\238\239][\128-\191][\128-\191]()", at)
      or text:match("^\237[\128-\159][\128-\191]()", at)
      or text:match("^\240[\144-\191][\128-\191][\128-\191]()", at)
      or text:match("^[\241-\243][\128-\191][\128-\191][\128-\191]()", at)
      or text:match("^\244[\128-\143][\128-\191][\128-\191]()", at)
    if not after then return false end
    at = text:find("[\128-\255]", after)
  end
  return true
end

--- Reads one JSON text (strict: no byte order mark, no NaN, nothing after the value; the last of equal keys wins).
---@param text string
---@param numbers? "exact" numbers come as tables with `text` and `value` (see `json.is_number`)
---@return any value nil when the text is not JSON; null is `json.null`
---@return string? problem
function json.decode(text, numbers)
  if not valid_utf8(text) then return nil, "not UTF-8" end
  local ok, value, at = pcall(read_value, text, skip_space(text, 1), numbers == "exact", 0)
  if not ok then
    if type(value) == "table" and value.json then return nil, value.json end
    error(value, 0)
  end
  at = skip_space(text, at)
  if at <= #text then return nil, "more text at byte " .. at end
  return value
end

return json
