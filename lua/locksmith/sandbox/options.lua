--- Options of `sandbox.new`: defaults and checks.

local options = {}

local function one_of(...)
  local names = {}
  for _, name in ipairs { ... } do names[name] = true end
  return { function(value) return names[value] == true end, "one of " .. table.concat({ ... }, ", ") }
end

local function of(...)
  local kinds = {}
  for _, kind in ipairs { ... } do kinds[kind] = true end
  return function(value) return kinds[type(value)] == true end
end

local function number_or_false(value)
  return value == false or type(value) == "number"
end

--- What each option has to be: a check, and that in words.
options.CHECKS = {
  plan = one_of("premium", "free", "family", "lifetime", "enterprise"),
  clock = { of "table", "a table" },
  start_time = { of "number", "Unix seconds" },
  random = { of "function", "a function" },
  seed = { of "number", "a number" },
  faults = { of "function", "a function" },
  accounts = { of "table", "a list of accounts" },
  delay = { of "number", "seconds" },
  log_limit = { of "number", "a number" },
  throttle = { number_or_false, "a number or false" },
  same_second = { of "function", "a function" },
  ignore_size = { of "boolean", "a boolean" },
  page_size_leak = { of("number", "function"), "a number or a function" },
  allowed_hosts = { of "table", "a list of names" },
  rate = { function(value) return value == false or type(value) == "table" end, "a list of windows or false" },
  quota = { of "number", "a number" },
  quota_used = { of "number", "a number" },
  quota_status = { of "number", "a status" },
  quota_retry_after = { of "boolean", "a boolean" },
  reset_format = one_of("seconds", "milliseconds", "iso"),
  error_shape = one_of("flat", "nested", "text"),
  created_status = { of "number", "a status" },
  slug_pattern = { of "string", "a Lua pattern" },
}

local DEFAULTS = {
  plan = "premium", log_limit = 10000, delay = 0, throttle = 600, ignore_size = false,
  rate = { { 20, 10 }, { 60, 60 } }, quota = 1000, quota_used = 0, quota_status = 429, quota_retry_after = true,
  reset_format = "seconds", error_shape = "flat", created_status = 201, slug_pattern = "^[a-z0-9_-]+$",
}

--- Checks options and fills in the defaults; raises on an unknown name or a wrong value.
---@param given locksmith.SandboxOptions?
---@param level integer error level of the caller to blame
---@return table
function options.read(given, level)
  local result = {}
  for name, value in pairs(DEFAULTS) do result[name] = value end
  for name, value in pairs(given or {}) do
    local check = options.CHECKS[name]
    if not check then error("unknown sandbox option " .. tostring(name), level + 1) end
    if not check[1](value) then error("sandbox option " .. name .. " must be " .. check[2], level + 1) end
    result[name] = value
  end
  return result
end

return options
