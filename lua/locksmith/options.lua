--- Checks what callers write. A wrong type or an unknown name is a mistake in their program: it raises at their line.

local core = require "locksmith.core"

local options = {}

--- What `read` gives where the caller wrote none.
options.NONE = {}

-- What the sources of this library's own functions begin with, by which its callers are told from itself.
local OWN
do
  local source = debug and debug.getinfo and debug.getinfo(1, "S").source
  OWN = source and source:match "^(@.*[/\\]locksmith[/\\])options%.lua$"
end

--- Raises at the line that called the library.
---@param message string
function options.misuse(message)
  if not OWN then error(message, 4) end
  local level, info = 2, debug.getinfo(2, "S")
  while info and (info.what == "C" or info.what == "tail" or info.source:sub(1, #OWN) == OWN) do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  error(message, info and level or 0) -- a tail call left no line to name
end

local function fail(what, name, problem)
  options.misuse(("%s: option '%s' %s"):format(what, tostring(name), problem))
end

local function is_duration(value)
  return type(value) == "number" and value >= 0 -- refuses NaN too
end

local checks = {}

function checks.duration(value)
  if not is_duration(value) then return "must be a number of seconds, 0 or more" end
end

function checks.count(value)
  if type(value) ~= "number" or not (value >= 0) or value % 1 ~= 0 then return "must be a whole number, 0 or more" end
end

function checks.bytes(value)
  if type(value) ~= "number" or not (value >= 1) or value % 1 ~= 0 then return "must be a positive whole number" end
end

function checks.positive(value)
  if type(value) ~= "number" or not (value >= 1) or value % 1 ~= 0 then return "must be a whole number, 1 or more" end
end

function checks.path(value)
  if type(value) ~= "string" then return "must be a string, not a " .. type(value) end
  if value == "" or value:find("%z") or value:find("\0", 1, true) then return "must be the path of a file" end
end

function checks.windows(value)
  return value ~= false and core.windows_problem(value) or nil
end

function checks.clock(value)
  if type(value) ~= "table" or type(value.now) ~= "function" or type(value.sleep) ~= "function" then
    return "must be { now = function, sleep = function }"
  end
end

function checks.store(value)
  if type(value) == "table" and type(value.read) == "function" and type(value.swap) == "function" then return nil end
  return "must be a store: memory(), file{...}, shdict(name), redis{...} or { read = function, swap = function }"
end

local function types(...)
  local accepted = { ... }
  local text = "must be a " .. table.concat(accepted, " or a ")
  return function(value)
    for i = 1, #accepted do
      if type(value) == accepted[i] then return nil end
    end
    return text .. ", not a " .. type(value)
  end
end

local function one_of(...)
  local words, known = {}, {}
  for i, word in ipairs { ... } do words[i], known[word] = '"' .. word .. '"', true end
  local text = "must be " .. table.concat(words, ", ")
  return function(value)
    if not known[value] then return text end
  end
end

local function transport(value)
  if type(value) == "function" then return nil end
  if value == "curl" or value == "resty" or value == "capture" then return nil end
  return 'must be "curl", "resty", "capture" or a function'
end

options.check = checks
options.types = types
options.one_of = one_of

--- What every call may override.
options.CALL = {
  timeout = checks.duration,
  attempt_timeout = checks.duration,
  max_retries = checks.count,
  pacing = one_of("wait", "fail", "off"),
}

options.CLIENT = {
  api_key = types("string", "function"),
  slug_secret = types("string", "function"),
  base_url = types "string",
  path_prefix = types "string",
  timeout = checks.duration,
  attempt_timeout = checks.duration,
  connect_timeout = checks.duration,
  max_retries = checks.count,
  pacing = options.CALL.pacing,
  rate = checks.windows,
  pacing_margin = checks.duration,
  store = checks.store,
  on_store_error = one_of("local", "fail"),
  transport = transport,
  clock = checks.clock,
  ca_file = types "string",
  proxy = types "string",
  user_agent = types "string",
  max_response_bytes = checks.bytes,
  on_event = types "function",
  random = types "function",
}

---@param given table
---@return table # with the same options, to be changed
function options.copy(given)
  local own = {}
  for name, value in pairs(given) do own[name] = value end
  return own
end

---@param base table<string, function>
---@param more table<string, function>
---@return table<string, function> # both
function options.extend(base, more)
  local both = options.copy(base)
  for name, check in pairs(more) do both[name] = check end
  return both
end

local function unknown(what, name, known)
  local near = type(name) == "string" and core.nearest(name, known)
  fail(what, name, near and ("is not known; did you mean '%s'?"):format(near) or "is not known")
end

---@param given table? what the caller wrote
---@param known table<string, function> name -> check(value) -> problem?
---@param what string the function, for the message
---@return table # the options, an empty table for nil; not to be changed
function options.read(given, known, what)
  if given == nil then return options.NONE end
  if type(given) ~= "table" then options.misuse(what .. ": options must be a table, not a " .. type(given)) end
  for name, value in pairs(given) do
    local check = known[name]
    if not check then unknown(what, name, known) end
    local problem = check(value)
    if problem then fail(what, name, problem) end
  end
  return given
end

---@param value any
---@param expected string a Lua type
---@param name string of the argument
---@param what string the function
function options.argument(value, expected, name, what)
  if type(value) == expected then return end
  options.misuse(("%s: argument '%s' must be a %s, not a %s"):format(what, name, expected, type(value)))
end

---@param value any an id as the service gave it: a number, or a string of digits
---@param what string
---@return string # decimal digits when it is a whole number, else something that is refused as data
function options.id(value, what)
  if type(value) == "string" then return value end
  if type(value) ~= "number" then
    options.misuse(("%s: argument 'id' must be a number or a string of digits, not a %s"):format(what, type(value)))
  end
  -- tostring gives "88.0" or "1e+15" for floats.
  if value % 1 == 0 and value >= 0 and value < 2 ^ 63 then
    return math.type and math.type(value) == "integer" and tostring(value) or ("%.0f"):format(value)
  end
  return tostring(value)
end

return options
