--- The headers of an answer, as transports written in Lua get them.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local number = require "locksmith.number"

local answer_headers = {}

-- Services send few different names; one that invents names must not fill the memory.
local KNOWN_MAX = 200
local known, count = {}, 0

local function plain_name(name)
  local plain = ascii.lower(name:match "^[\t-\r ]*(.-)[\t-\r ]*$")
  if count < KNOWN_MAX then
    known[name], count = plain, count + 1
  end
  return plain
end

--- The text of a value, or of a list of them; nil for what is no header value.
local function text_of(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then return number.text(value) end
  if kind ~= "table" then return nil end
  local texts = {}
  for _, member in ipairs(value) do
    if type(member) ~= "table" then texts[#texts + 1] = text_of(member) end
  end
  return texts[1] and table.concat(texts, ", ")
end

-- Names that differ only in case, in an order that does not change from run to run.
local function merge(headers, twice)
  local names, lists = {}, {}
  for name in pairs(headers) do
    if type(name) == "string" and twice[known[name] or plain_name(name)] then names[#names + 1] = name end
  end
  table.sort(names, ascii.before)
  for _, name in ipairs(names) do
    local plain = known[name] or plain_name(name)
    local list = lists[plain] or {}
    list[#list + 1], lists[plain] = text_of(headers[name]), list
  end
  return lists
end

-- The form that requests have: { { name, value }, … }.
local function by_name(pairs_of)
  local named = {}
  for _, pair in ipairs(pairs_of) do
    local name = type(pair) == "table" and pair[1]
    if type(name) == "string" then
      named[name] = named[name] or {}
      table.insert(named[name], pair[2])
    end
  end
  return named
end

--- What takes more than small letters.
local function put_in_order(headers)
  if type(headers[1]) == "table" then headers = by_name(headers) end
  local lower, twice = {}, nil
  for name, value in pairs(headers) do
    local text = type(name) == "string" and text_of(value)
    if text then
      local plain = known[name] or plain_name(name)
      if lower[plain] then
        twice = twice or {}
        twice[plain] = true
      end
      lower[plain] = text
    end
  end
  if twice then
    for plain, list in pairs(merge(headers, twice)) do lower[plain] = table.concat(list, ", ") end
  end
  return lower
end

---@param headers table name -> value or list of values, or { { name, value }, … }; names in any case
---@return table<string, string> # lower-case names; the values of a list are joined as one (RFC 9110, 5.3)
function answer_headers.lower(headers)
  return core.plain_headers(headers) or put_in_order(headers)
end

--- Whether the body is in a coding that nobody asked for and nobody here undoes.
---@param headers table<string, string> names in lower case, or as they are usually written
---@return string? message
function answer_headers.encoded(headers)
  local coding = headers["content-encoding"] or headers["Content-Encoding"]
  if type(coding) == "table" then coding = coding[1] end
  if not coding or coding == "" or ascii.lower(coding) == "identity" then return nil end
  return "the answer came compressed, which was not asked for"
end

return answer_headers
