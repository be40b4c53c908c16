--- The words that a Lua expression is made of.

local ascii = require "locksmith.ascii"

local RESERVED = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch "[a-z]+" do
  RESERVED[word] = true
end

local SYMBOLS = { "...", "..", "==", "~=", "<=", ">=", "//", "<<", ">>", "::", "--" }
local ESCAPES = { a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v", ["\\"] = "\\", ['"'] = '"',
  ["'"] = "'", ["\n"] = "\n" }

---@class locksmith.cli.Token
---@field kind "name"|"word"|"number"|"string"|"symbol"|"end"
---@field value any
---@field at integer position of its first byte

-- A text in quotes that opens at `at`.
---@return string? value
---@return integer|string # the position behind it, or what is wrong
local function quoted(text, at)
  local quote, parts, position = text:sub(at, at), {}, at + 1
  while true do
    local stop = text:find("[\\\n" .. quote .. "]", position)
    if not stop or text:sub(stop, stop) == "\n" then return nil, "a text is not closed" end
    parts[#parts + 1] = text:sub(position, stop - 1)
    if text:sub(stop, stop) == quote then return table.concat(parts), stop + 1 end
    local letter = text:sub(stop + 1, stop + 1)
    local code = text:match("^%d%d?%d?", stop + 1)
    local hexadecimal = text:match("^x(%x%x)", stop + 1)
    if ESCAPES[letter] then
      parts[#parts + 1], position = ESCAPES[letter], stop + 2
    elseif code and tonumber(code) < 256 then
      parts[#parts + 1], position = string.char(tonumber(code)), stop + 1 + #code
    elseif hexadecimal then
      parts[#parts + 1], position = string.char(tonumber(hexadecimal, 16)), stop + 4
    else
      return nil, ("\\%s is not known in a text"):format(letter)
    end
  end
end

local function number(text, at)
  local word = text:match("^0[xX]%x+", at) or text:match("^%d+%.?%d*[eE][+-]?%d+", at)
    or text:match("^%.%d+[eE][+-]?%d+", at) or text:match("^%d+%.?%d*", at) or text:match("^%.%d+", at)
  local behind = at + #word
  local value
  if word:find "^0[xX]" then
    value = tonumber(word)
  else
    value = ascii.number(word:sub(1, 1) == "." and "0" .. word or word)
  end
  -- "2..x" is two dots behind a number in no Lua.
  if not value or text:find("^[A-Za-z0-9_.]", behind) then return nil, "a number is malformed" end
  return value, behind
end

local function next_token(text, at)
  local name = text:match("^[A-Za-z_][A-Za-z0-9_]*", at)
  if name then return { kind = RESERVED[name] and "word" or "name", value = name, at = at }, at + #name end
  if text:find("^%.?%d", at) then
    local value, behind = number(text, at)
    return value and { kind = "number", value = value, at = at }, behind
  end
  if text:find("^[\"']", at) then
    local value, behind = quoted(text, at)
    return value and { kind = "string", value = value, at = at }, behind
  end
  for _, symbol in ipairs(SYMBOLS) do
    if text:sub(at, at + #symbol - 1) == symbol then
      return { kind = "symbol", value = symbol, at = at }, at + #symbol
    end
  end
  local byte = text:sub(at, at)
  if byte:find "[!-~]" then return { kind = "symbol", value = byte, at = at }, at + 1 end
  return nil, "a character that no expression has"
end

---@param text string
---@return locksmith.cli.Token[]? # the last one is of kind "end"
---@return string? message
return function(text)
  local list, at = {}, 1
  while true do
    at = text:find("[^ \t\r\n]", at)
    if not at then break end
    local token, behind = next_token(text, at)
    if not token then return nil, ("%s, at character %d"):format(behind, at) end
    list[#list + 1], at = token, behind
  end
  list[#list + 1] = { kind = "end", value = "its end", at = #text + 1 }
  return list
end
