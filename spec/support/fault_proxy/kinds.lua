-- The faults a script or a random mix may name, with the options each one takes.
-- An unknown name or option is refused: a test whose fault never happens could not fail.
local kinds = {}

local COMMON = { kind = "string", when = "table", times = "number" }

local function options(list)
  for name, kind in pairs(COMMON) do list[name] = kind end
  return list
end

local close = { how = { fin = true, rst = true } }

kinds.options = {
  pass = options {},
  refuse = { kind = "string", times = "number" },
  drop_before = options { how = close.how },
  drop_after = options { how = close.how },
  cut_headers = options { at = "number", fraction = "number", how = close.how },
  cut_body = options { at = "number", fraction = "number", how = close.how },
  delay = options { ms = "number", before = "boolean" },
  stall = options { ms = "number", forward = "boolean" },
  stall_body = options { at = "number", fraction = "number", ms = "number" },
  wrong_length = options { by = "number" },
  garbage = options { forward = "boolean", body = "string" },
  bad_json = options { forward = "boolean", status = "number", body = "string" },
  status = options { status = "number", headers = "table", body = "string", json = "table", close = "boolean" },
  status_after = options { status = "number", headers = "table", body = "string", json = "table", close = "boolean" },
  trickle = options { ms = "number", bytes = "number" },
  idle_close = options { ms = "number", how = close.how },
  idle_close_on_next = options { how = close.how },
  gzip_bad = options { forward = "boolean", how = { noise = true, plain = true, truncated = true } },
  huge = options {
    forward = "boolean", bytes = "number",
    how = { chunked = true, length = true, close = true, headers = true },
  },
}

-- Left out of the default mix: faults that hold a client for its whole timeout or feed it megabytes.
kinds.default_mix = {
  "refuse", "drop_before", "drop_after", "cut_headers", "cut_body", "delay", "wrong_length", "garbage", "bad_json",
  "status", "status_after", { "trickle", bytes = 16 }, "idle_close", "idle_close_on_next",
}

local function check_option(kind, name, value, expected)
  if type(expected) == "table" then
    if not expected[value] then return nil, ("%s: bad value of %s: %s"):format(kind, name, tostring(value)) end
  elseif type(value) ~= expected then
    return nil, ("%s: %s must be a %s"):format(kind, name, expected)
  end
  return true
end

---Brings one entry into the form { kind = ..., options }.
---@param entry any "kind", { "kind", option = ... } or { kind = "kind", option = ... }
---@return table|nil fault
---@return string|nil err
function kinds.normalize(entry)
  if type(entry) == "string" then entry = { kind = entry } end
  if type(entry) ~= "table" then return nil, "an entry must be a string or a table" end
  local fault = {}
  for name, value in pairs(entry) do
    -- A JSON object cannot hold the positional kind of a Lua table, so it may arrive as the key "1".
    fault[(name == 1 or name == "1") and "kind" or name] = value
  end
  local known = kinds.options[fault.kind]
  if not known then return nil, "unknown fault: " .. tostring(fault.kind) end
  for name, value in pairs(fault) do
    if not known[name] then return nil, ("%s has no option %s"):format(fault.kind, tostring(name)) end
    local ok, err = check_option(fault.kind, name, value, known[name])
    if not ok then return nil, err end
  end
  return fault
end

return kinds
