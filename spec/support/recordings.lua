--- The recorded exchanges with Locker's server: reading them, and replaying them against a sandbox.
-- What depends on chance or the clock is bound first: generated local parts are fed to the sandbox, its clock is set to
-- the instants the answers show, and rows of one second are put in the order that was seen.

local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"

local recordings = {}

local DIRECTORY = "spec/vectors/"
local HOST, THROTTLED_HOST = "127.0.0.1:18765", "127.0.0.1:18766"
local ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

---@return table[] # `{ name, request, response }`, numbers as `json.decode(text, "exact")` gives them
function recordings.read()
  local list = {}
  for line in io.lines(DIRECTORY .. "locker-current.jsonl") do
    list[#list + 1] = assert(json.decode(line, "exact"))
  end
  return list
end

local function plain(value)
  if value == json.null then return nil end
  return json.is_number(value) and value.value or value
end

local function each_object(value, visit)
  if type(value) ~= "table" or value == json.null or json.is_number(value) then return end
  if value.id then visit(value) end
  for _, member in pairs(value) do each_object(member, visit) end
end

local function status(exchange)
  return plain(exchange.response.status)
end

--- The instant of each exchange, as far as the answers tell: a creation shows its own, an update shows in a later read.
local function instants(list)
  local at, made, touched = {}, {}, {}
  for i, exchange in ipairs(list) do
    local request, body = exchange.request, exchange.response.body
    local path = request.path:gsub("%?.*", "")
    local kind = path:match("/relay/(%l+)")
    if status(exchange) == 201 then
      made[kind .. plain(body.id)] = i
    elseif request.method == "PUT" and status(exchange) == 200 then
      local id = path:match("/addresses/(%d+)")
      if id then touched[tonumber(id)] = i end
    end
    each_object(body, function(object)
      local id = plain(object.id)
      local creation = made[(kind or "") .. id]
      if creation and plain(object.created_time) then at[creation] = plain(object.created_time) end
      if touched[id] and plain(object.updated_time) then at[touched[id]] = plain(object.updated_time) end
    end)
  end
  return at
end

--- A random source that deals the generated local parts in the order they were recorded.
local function dealt_names(list)
  local letters = {}
  for _, exchange in ipairs(list) do
    local body = exchange.response.body
    if status(exchange) == 201 and body.address then letters[#letters + 1] = body.address end
  end
  local text, n = table.concat(letters), 0
  return function()
    n = n + 1
    return ALPHABET:find(text:sub(n, n), 1, true)
  end
end

--- Ranks within a second: list order as the first list of several such rows shows it; the oldest one as the two 403 to
--- the first listed rows leave it, by id.
local function listed_order(list)
  local rank = {}
  for _, exchange in ipairs(list) do
    if exchange.name == "prem_create_then_list" then
      for i, row in ipairs(exchange.response.body.results) do rank[plain(row.id)] = i end
    end
  end
  return function(id, purpose) return purpose == "list" and rank[id] or id end
end

local function many_fields(address)
  local parts = { "address=" .. address }
  for i = 0, 1000 do parts[#parts + 1] = "f" .. i .. "=1" end
  return table.concat(parts, "&")
end

--- Bodies too large to be recorded are described in them.
local function body_of(text)
  if text == json.null then return nil end
  local address, size = text:match("^<multipart: address=(%w+), pad=(%d+) x characters>$")
  if address then
    local part = '--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    return part:format("address", address) .. part:format("pad", ("x"):rep(tonumber(size))) .. "--B--\r\n"
  end
  if text:find("&...&", 1, true) then return many_fields(text:match("^address=(%w+)")) end
  return (text:gsub("<(%d+) x characters>", function(count) return ("x"):rep(tonumber(count)) end))
end

local function request_of(exchange)
  local headers = {}
  for name, value in pairs(exchange.request.headers) do
    headers[#headers + 1] = { name, (value:gsub("cs%.<TOKEN:", "<TOKEN:"):gsub("<TOKEN:([%w_]+)>", "cs.token-of-%1")) }
  end
  if not exchange.request.headers.Host then
    headers[#headers + 1] = { "Host", exchange.name:find("^throttle_") and THROTTLED_HOST or HOST }
  end
  return {
    method = exchange.request.method, url = exchange.request.path, headers = headers,
    body = body_of(exchange.request.body),
  }
end

--- The harness of the recordings had views of its own inside the application.
local function harness(request)
  local inner = request.url:match("^/__harness__/status/(%d+)$")
  if inner then return { status = tonumber(inner), body = "plain body", inside = true } end
  if request.url == "/__harness__/raise" then return "crash" end
end

--- Steps between the exchanges that left no recording of their own.
local BEFORE = {
  throttle_3permin_request_1_ok = function(box) box:set_throttle(3) end,
  throttle_after_retry_after_seconds_ok = function(box) box:advance(60) end,
  throttle_default_rate_601st_429 = function(box, request)
    box:set_throttle(600)
    for _ = 1, 600 do assert(box:handle(request).status == 200) end
    box:advance(3)
  end,
}

local COMPARED_HEADERS = { "content-type", "content-length", "allow", "retry-after", "location", "vary" }

--- Text of a value; objects with sorted keys and numbers as they were written, so that only equal values look alike.
local function show(value)
  if type(value) == "string" or value == nil then return tostring(value) end
  return json.encode(value)
end

local function compare_body(recorded, response)
  local got = response.body
  if recorded == json.null then recorded = "" end
  if type(recorded) == "table" then
    got = json.decode(response.body, "exact")
    if got == nil then return "not JSON: " .. response.body end
  end
  if show(recorded) ~= show(got) then return "expected " .. show(recorded) .. "\ngot " .. show(got) end
end

local function compare(exchange, response)
  local recorded = exchange.response
  if status(exchange) ~= response.status then
    return "expected " .. status(exchange) .. ", got " .. response.status .. " " .. response.body
  end
  for _, name in ipairs(COMPARED_HEADERS) do
    if recorded.headers[name] ~= response.headers[name] then
      return name .. ": expected " .. tostring(recorded.headers[name]) .. ", got " .. tostring(response.headers[name])
    end
  end
  return compare_body(recorded.body, response)
end

--- Replays the recordings in order.
---@param list table[] as returned by `recordings.read`
---@return table<string, string|boolean> # name -> what differed, or false
function recordings.replay(list)
  local at, moment = instants(list), 1795289536
  local seeds = dofile(DIRECTORY .. "locker_seed.lua")
  local box = sandbox.new {
    start_time = moment, accounts = seeds, random = dealt_names(list), same_second = listed_order(list),
    allowed_hosts = { "127.0.0.1", "localhost" }, faults = harness,
  }
  local results = {}
  for i, exchange in ipairs(list) do
    if at[i] then
      box:advance(math.max(0, at[i] - moment))
      moment = math.max(moment, at[i])
    end
    local request = request_of(exchange)
    if BEFORE[exchange.name] then BEFORE[exchange.name](box, request) end
    results[exchange.name] = compare(exchange, box:handle(request)) or false
  end
  return results
end

return recordings
