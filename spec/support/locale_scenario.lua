-- Uses both clients while the locale is TEST_LOCALE from the moment TEST_MOMENT on, and writes what came of it, in the
-- C locale. Moments: "never"; "first", before anything is loaded; "loaded", before the first call; "always": from then
-- on it changes back and forth whenever the library calls something of ours.

local locale, moment = os.getenv "TEST_LOCALE", os.getenv "TEST_MOMENT"

local function set(name)
  assert(os.setlocale(name), "no such locale")
end

if moment == "first" then set(locale) end

local ascii = require "locksmith.ascii"
local json = require "locksmith.json"
local locksmith = require "locksmith"
local number = require "locksmith.number"
local sandbox = require "locksmith.sandbox"

if moment == "loaded" then set(locale) end

local flips = 0
local function flip()
  if moment ~= "always" then return end
  flips = flips + 1
  set(flips % 2 == 1 and locale or "C")
end

local results = {}
local function note(what, ...)
  results[#results + 1] = { what, n = select("#", ...), ... }
end

local function clock()
  local time = 1780000000.25
  return {
    now = function()
      flip()
      return time
    end,
    sleep = function(seconds)
      note("sleep", seconds)
      time = time + seconds
      flip()
    end,
  }
end

-- Members come in any order.
local function sorted(body)
  local parts = {}
  for part in (body or ""):gmatch "[^,{}]+" do parts[#parts + 1] = part end
  table.sort(parts, ascii.before)
  return table.concat(parts, ",")
end

local function options(key, answers)
  local n = 0
  return {
    api_key = key, store = locksmith.memory(), clock = clock(), random = function() return 0.5 end,
    transport = type(answers) == "function" and answers or function(request)
      n = n + 1
      local answer = answers[n]
      local headers = {}
      for _, pair in ipairs(request.headers) do headers[#headers + 1] = pair[1] .. ": " .. pair[2] end
      table.sort(headers, ascii.before)
      note("asked", request.method, request.url, sorted(request.body), table.concat(headers, "; "))
      flip()
      if answer.kind then return nil, answer end
      return { status = answer.status or 200, headers = answer.headers or {}, body = answer.body or "" }
    end,
    on_event = function(event)
      note("event", event.type, event.wait, event.elapsed, event.kind, event.status)
      flip()
    end,
  }
end

local function result(what, value, answer)
  if value == nil then return note(what, nil, tostring(answer), answer.headers, answer.details) end
  return note(what, value, answer and answer.headers, answer and answer.quota)
end

note("numbers", number.text(0.5), number.text(1 / 3), number.text(-1.5e-7), json.encode { 0.1, { a = 2.5 }, 3 },
  select(2, json.decode "[0.5,1.0,-2.5e-3,12345678901234567890,1e400]"), select(2, json.decode "[0.5,1.0,-2.5e-3]"))

local QUOTA = { ["X-API-QUOTA-LIMIT"] = "1000", ["X-Api-Quota-REMAINING"] = "7", ["X-API-QUOTA-RESET"] = "1782864000.5",
  ["CONTENT-TYPE"] = "application/json", ["RETRY-AFTER"] = "1.5", ["X-IÇ\221"] = "\253\138" }

local lockpub = assert(locksmith.lockpub(options(sandbox.LOCKPUB_KEY, {
  { status = 429, headers = { ["RETRY-AFTER"] = "2" }, body = '{"error":"slow down"}' },
  { status = 201, headers = QUOTA, body = '{"shortUrl":"https://lock.pub/abc","slug":"abc","ratio":0.5,"IDLE":-1.5e-3,'
    .. '"big":9007199254740993,"startTime":"2027-01-15T08:00:00.500Z","cut":"Ç\221\\ud83d","exact":1.0}' },
  { status = 400, body = '{"code":"0004","message":"Ung\252ltig\138 \195\188"'
    .. ',"details":{"ratio":[0.25,"I\196\176"]}}' },
  { status = 200, headers = { ["CONTENT-ENCODING"] = "IDENTITY" }, body = '{"INFO":[0.125,{"I":2.5}]}' },
  { status = 503, headers = { ["RETRY-AFTER"] = "86400" }, body = "" },
})))
local fields = { type = "url", target_url = "https://example.com/\195\188", password = "share-this-I",
  memo = "I\196\177", start_time = 1800000000.5, redirect_limit = 3, extra = { ratio = 0.25, I = { 1 / 3 } } }
result("create", lockpub.links:create(fields))
result("refused", lockpub.links:create(fields))
result("request", lockpub:request { method = "POST", path = "INFO",
  query = { half = 0.5, I = 1, i = 2, a = true, Z = "\233" },
  body = { 0.1, n = nil, [2] = { IDLE = 1e-9 } } })
result("late", lockpub.links:create(fields, { timeout = 0.5, max_retries = 0 }))
note("quota", lockpub:quota(), lockpub:plan(30))

-- Claims with a fraction in them: {"expired_time":4102444800.5,"user":"I","scope":"api"}
local KEY = "cs.eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
  .. ".eyJleHBpcmVkX3RpbWUiOjQxMDI0NDQ4MDAuNSwidXNlciI6IkkiLCJzY29wZSI6ImFwaSJ9.c2lnbmF0dXJl"
local locker, problem = locksmith.locker(options(KEY, {
  { body = '{"count":2.0,"next":null,"previous":null,"results":[{"id":7.0,"created_time":1795189533.25},{"id":8}]}' },
  { body = '{"id":7,"address":"abc","description":"I","enabled":true,"ratio":0.5}' },
}))
note("key", problem and tostring(problem), locker and locker:key_info())
result("list", locker.addresses:list { page = 2 / 2 })
result("get", locker.addresses:get(14 / 2))

local box = sandbox.new { start_time = 1780000000.5, seed = 1 }
local transport = box:transport()
local function through_box(request)
  flip()
  return transport(request)
end
local at_lockpub = assert(locksmith.lockpub(options(sandbox.LOCKPUB_KEY, through_box)))
local at_locker = assert(locksmith.locker(options(sandbox.LOCKER_KEY, through_box)))
result("sandbox link", at_lockpub.links:create(fields))
result("sandbox memo", at_lockpub.links:create { type = "memo", secret_memo = "I", password = "pass-I", memo = "i",
  expire_time = "2027-01-15T08:00:00.25Z" })
result("sandbox alias", at_locker.addresses:create { description = "I\196\176" })
for address in at_locker.addresses:each() do result("sandbox address", address) end
result("sandbox page", at_locker:request { method = "GET", path = "addresses",
  query = { paging = 1, size = 1, I = 0.5 } })
local alias = at_locker.addresses:get(1)
result("sandbox number", at_locker:request { method = "PUT", path = "addresses/1",
  body = { address = alias.address, description = 1234.5 } })
result("sandbox text", at_locker.addresses:get(1))
result("sandbox flag", at_locker.addresses:set_enabled(1, false))
note("sandbox refusal", box:handle { method = "POST", url = "/v3/relay/addresses", body = "0.5", headers = {
  { "CONTENT-TYPE", "APPLICATION/JSON; CHARSET=UTF-8" }, { "AUTHORIZATION", "BEARER " .. sandbox.LOCKER_KEY } } })

-- The library leaves the locale as it is.
local set_to = moment == "never" and "C" or moment == "always" and flips % 2 == 0 and "C" or locale
note("kept", os.setlocale() == os.setlocale(set_to))
set "C"

local function show(value, depth)
  if type(value) == "table" and depth < 8 then
    local parts = {}
    for k, v in pairs(value) do
      if type(v) ~= "function" then parts[#parts + 1] = tostring(k) .. "=" .. show(v, depth + 1) end
    end
    table.sort(parts, ascii.before)
    return "{" .. table.concat(parts, ",") .. "}"
  end
  if type(value) == "number" then return ("%.17g"):format(value) end
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

for _, entry in ipairs(results) do
  local parts = {}
  for i = 2, entry.n + 1 do parts[#parts + 1] = show(entry[i], 0) end
  io.write(entry[1], ": ", table.concat(parts, " | "), "\n")
end
