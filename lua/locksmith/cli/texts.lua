--- The methods that texts have in the expressions of `--where`: those of Lua that give no more than they get, and take
--- no longer than a bounded time.

local ascii = require "locksmith.ascii"

local texts = { NAMES = "find, len, lower, match, sub and upper" }

local methods = {}

-- So many steps a search may take at worst.
local STEPS = 1e7

-- Each item that repeats may begin and end anywhere.
local function check_cost(text, pattern, fail)
  local _, repeats = pattern:gsub("[*+?-]", "")
  local _, balanced = pattern:gsub("%%b", "")
  if (#text + 1) ^ (repeats + balanced + 1) > STEPS then
    fail("the pattern %q could take too long on a text of %d characters", pattern, #text)
  end
end

function methods.find(fail, text, pattern, from, plain)
  if not plain then check_cost(text, pattern, fail) end
  return (text:find(pattern, from or 1, plain))
end

function methods.match(fail, text, pattern, from)
  check_cost(text, pattern, fail)
  return (text:match(pattern, from or 1))
end

function methods.lower(_, text)
  return ascii.lower(text)
end

function methods.upper(_, text)
  return (text:gsub("[a-z]", function(letter) return string.char(letter:byte() - 32) end))
end

function methods.len(_, text)
  return #text
end

function methods.sub(_, text, from, to)
  return text:sub(from, to or -1)
end

---@param name any
---@return boolean
function texts.has(name)
  return methods[name] ~= nil
end

--- A call of a method, to be made for each address.
---@param name string of a method
---@param value fun(address: table): any what it is called of
---@param arguments (fun(address: table): any)[]
---@param fail fun(format: string, ...) raises
---@return fun(address: table): any
function texts.call(name, value, arguments, fail)
  local method = methods[name]
  return function(address)
    local text, given = value(address), {}
    if type(text) ~= "string" then fail("'%s' is a method of texts, not of %s", name, type(text)) end
    for i = 1, #arguments do given[i] = arguments[i](address) end
    local ok, result = pcall(method, fail, text, given[1], given[2], given[3])
    if ok then return result end
    if type(result) == "table" then error(result, 0) end
    fail("'%s': %s", name, (tostring(result):gsub("^.-:%d+: ", "")))
  end
end

return texts
