--- The expressions of `--where`: Lua's operators over the fields of an address. They are read here and not by Lua's
--- own compiler, so that there is nothing to call, to assign or to repeat, on any Lua.

local core = require "locksmith.core"
local texts = require "locksmith.cli.texts"
local tokens = require "locksmith.cli.tokens"

local where = {}

--- What an address holds (see locksmith.Address).
local FIELDS = {}
for name in ([[id address subdomain domain full_address enabled block_spam description created_time updated_time
  num_forwarded num_blocked num_replied num_spam]]):gmatch "[a-z_]+" do
  FIELDS[name] = true
end

local KNOWN = { now = true, days = true }
for name in pairs(FIELDS) do KNOWN[name] = true end

local DAY = 86400
-- So deep may an expression be nested, whose parts are functions that call each other.
local DEPTH = 100
-- So many operators may stand in a row.
local LINKS = 1000
local LONGEST = 10000

-- As in Lua: how strongly each binds to its left, and to its right.
local BINARY = {
  ["or"] = { 1, 1 }, ["and"] = { 2, 2 },
  ["<"] = { 3, 3 }, [">"] = { 3, 3 }, ["<="] = { 3, 3 }, [">="] = { 3, 3 }, ["~="] = { 3, 3 }, ["=="] = { 3, 3 },
  [".."] = { 9, 8 }, ["+"] = { 10, 10 }, ["-"] = { 10, 10 },
  ["*"] = { 11, 11 }, ["/"] = { 11, 11 }, ["//"] = { 11, 11 }, ["%"] = { 11, 11 }, ["^"] = { 14, 13 },
}
local UNARY = 12

local function fail(message, ...)
  error({ problem = message:format(...) }, 0)
end

local function kind(value)
  return value == nil and "nil" or "a " .. type(value)
end

local function number(value, symbol)
  if type(value) == "number" then return value end
  fail("'%s' needs numbers, not %s", symbol, kind(value))
end

local function arithmetic(symbol, compute)
  return function(a, b) return compute(number(a, symbol), number(b, symbol)) end
end

local function order(symbol, compare)
  return function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return compare(a, b) end
    local hint = (a == nil or b == nil) and "; of what may be missing, write (updated_time or 0)" or ""
    fail("'%s' cannot compare %s with %s%s", symbol, kind(a), kind(b), hint)
  end
end

local function joinable(value)
  if type(value) == "string" or type(value) == "number" then return value end
  fail("'..' needs texts, not %s", kind(value))
end

local COMPUTE = {
  ["=="] = function(a, b) return a == b end,
  ["~="] = function(a, b) return a ~= b end,
  ["<"] = order("<", function(a, b) return a < b end),
  ["<="] = order("<=", function(a, b) return a <= b end),
  [">"] = order(">", function(a, b) return a > b end),
  [">="] = order(">=", function(a, b) return a >= b end),
  [".."] = function(a, b) return joinable(a) .. joinable(b) end,
  ["+"] = arithmetic("+", function(a, b) return a + b end),
  ["-"] = arithmetic("-", function(a, b) return a - b end),
  ["*"] = arithmetic("*", function(a, b) return a * b end),
  ["/"] = arithmetic("/", function(a, b) return a / b end),
  ["//"] = arithmetic("//", function(a, b) return math.floor(a / b) end),
  ["%"] = arithmetic("%", function(a, b)
    if b == 0 then fail "'%%' by zero" end
    return a % b
  end),
  ["^"] = arithmetic("^", function(a, b) return a ^ b end),
}

local CONSTANT = { ["true"] = true, ["false"] = false }

---@class locksmith.cli.Expression what is being read
---@field list locksmith.cli.Token[]
---@field index integer
---@field depth integer
---@field now number
local Expression = {}
Expression.__index = Expression

function Expression:token() return self.list[self.index] end

function Expression:is(value)
  local token = self:token()
  return (token.kind == "symbol" or token.kind == "word") and token.value == value
end

function Expression:skip(value)
  local found = self:is(value)
  if found then self.index = self.index + 1 end
  return found
end

function Expression:expect(value)
  if self:skip(value) then return end
  local token = self:token()
  fail("'%s' is expected where '%s' is, at character %d", value, tostring(token.value), token.at)
end

local function constant(value)
  return function() return value end
end

local function unknown(token)
  local near = core.nearest(token.value, KNOWN)
  fail("%s is not a field of an address%s", token.value, near and ("; did you mean %s?"):format(near) or "")
end

function Expression:days()
  self:expect "("
  local count = self:whole()
  self:expect ")"
  return function(address) return number(count(address), "days") * DAY end
end

function Expression:name(token)
  local name = token.value
  if name == "days" then return self:days() end
  if name == "now" then return constant(self.now) end
  if not FIELDS[name] then unknown(token) end
  return function(address) return address[name] end
end

function Expression:primary()
  local token = self:token()
  self.index = self.index + 1
  if token.kind == "number" or token.kind == "string" then return constant(token.value) end
  if token.kind == "name" then return self:name(token) end
  if token.kind == "word" and CONSTANT[token.value] ~= nil then return constant(CONSTANT[token.value]) end
  if token.kind == "word" and token.value == "nil" then return constant(nil) end
  if token.kind == "symbol" and token.value == "(" then
    local inner = self:whole()
    self:expect ")"
    return inner
  end
  fail("'%s' cannot stand at character %d", tostring(token.value), token.at)
end

-- A value, and the methods that are called of it.
function Expression:operand()
  local token = self:token()
  local value = self:primary()
  local callable = token.kind == "name" or token.kind == "symbol" -- as in Lua, where a text needs parentheses
  while callable and self:skip ":" do
    local method, arguments = self:token(), {}
    if method.kind ~= "name" or not texts.has(method.value) then
      fail("texts have the methods %s here, not '%s'", texts.NAMES, tostring(method.value))
    end
    self.index = self.index + 1
    if self:token().kind == "string" then
      arguments[1] = self:primary()
    else
      self:expect "("
      while not self:is ")" do
        arguments[#arguments + 1] = self:whole()
        if not self:skip "," then break end
      end
      self:expect ")"
    end
    value = texts.call(method.value, value, arguments, fail)
  end
  return value
end

function Expression:unary()
  if self:skip "not" then
    local value = self:binary(UNARY)
    return function(address) return not value(address) end
  elseif self:skip "-" then
    local value = self:binary(UNARY)
    return function(address) return -number(value(address), "-") end
  elseif self:skip "#" then
    local value = self:binary(UNARY)
    return function(address)
      local text = value(address)
      if type(text) ~= "string" then fail "'#' needs a text" end
      return #text
    end
  end
  return self:operand()
end

local function both(symbol, left, right)
  if symbol == "and" then return function(address) return left(address) and right(address) end end
  if symbol == "or" then return function(address) return left(address) or right(address) end end
  local compute = COMPUTE[symbol]
  return function(address) return compute(left(address), right(address)) end
end

--- An expression of operators that bind stronger than `limit`.
function Expression:binary(limit)
  self.depth = self.depth + 1
  if self.depth > DEPTH then fail("it is nested more than %d deep", DEPTH) end
  local left = self:unary()
  local links = 0
  while true do
    local token = self:token()
    local power = (token.kind == "symbol" or token.kind == "word") and BINARY[token.value]
    if not power or power[1] <= limit then break end
    links = links + 1
    if links > LINKS then fail("it has more than %d operators in a row", LINKS) end
    self.index = self.index + 1
    left = both(token.value, left, self:binary(power[2]))
  end
  self.depth = self.depth - 1
  return left
end

function Expression:whole()
  return self:binary(0)
end

local function read(expression)
  local value = expression:whole()
  local token = expression:token()
  if token.kind == "end" then return value end
  if token.value == "=" then fail("'=' assigns; '==' compares, at character %d", token.at) end
  fail("it should end at character %d", token.at)
end

-- Runs something that may `fail`.
local function guarded(...)
  local ok, value = pcall(...)
  if ok then return true, value end
  if type(value) == "table" and value.problem then return false, value.problem end
  error(value, 0)
end

--- Reads an expression.
---@param text string
---@param now number Unix seconds: what `now` is in it
---@return (fun(address: locksmith.Address): boolean?, string?)? matches whether it holds; nil and a message where it
---  cannot be computed
---@return string? message
function where.compile(text, now)
  if #text > LONGEST then return nil, ("it is longer than %d characters"):format(LONGEST) end
  local list, problem = tokens(text)
  if not list then return nil, problem end
  if #list == 1 then return nil, "it is empty" end
  local expression = setmetatable({ list = list, index = 1, depth = 0, now = now }, Expression)
  local ok, value = guarded(read, expression)
  if not ok then return nil, value end
  return function(address)
    local computed, result = guarded(value, address)
    if not computed then return nil, result end
    return not not result
  end
end

return where
