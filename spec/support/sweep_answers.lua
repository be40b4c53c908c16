--- Answers that no service should give: each a function(request, serve) that returns a response, or nil and a failure.
--- `serve(request)` gives the good answer, and has the service act.

local sweep = require "spec.support.sweep"

local answers = {}

-- A good answer with some of it replaced.
local function but(changes)
  return function(request, serve)
    local answer = serve(request)
    for name, value in pairs(changes) do answer[name] = value end
    return answer
  end
end

local function add(group, name, answer)
  answers[group] = answers[group] or {}
  table.insert(answers[group], { name = name, answer = answer })
end

local function header(name, value)
  local headers = { ["content-type"] = "application/json" }
  headers[name] = value
  return but { headers = headers }
end

for _, body in ipairs {
  "null", "[]", "{}", '"x"', '""', "5", "-0", "1e308", "1e400", "99999999999999999999", "true", "false", "NaN", "", " ",
  "\239\187\191", "\239\187\191{}", "{", '{"id":', "[1,2", '{"id":7}x', '{"id":7}\0', "\0", "[[]]", "[null]", "[5]",
  '[{"id":1},null]', '[{"id":1},{"id":1}]', '[{"id":{}}]', "[{}]", '{"":""}', '{"1":2}', '{"results":[]}',
  '{"count":5}', '{"code":null,"message":null}', '{"code":{},"message":[],"details":5}', '{"error":[{"code":1}]}',
  '{"errors":[[[]]]}', '{"error":{"error":{}},"errors":"x","details":{"a":{"b":[null]}}}',
  '{"message":"\\ud83d","code":"\\udc00"}', '{"message":"\255\254","code":"\192\128"}', '{"message":"a\\u0000b"}',
  "<html><title>Sign in</title>", "<!doctype html>", "Bad Request", "\27[31mred", ("a"):rep(3000),
  '{"message":"' .. ("\195\164"):rep(3000) .. '"}', ("["):rep(90) .. ("]"):rep(90), ("["):rep(5000),
  ("["):rep(2000) .. ("]"):rep(2000), ('{"a":'):rep(99) .. "1" .. ("}"):rep(99), '{"id":7,"id":null}',
  '{"id":7,"__index":5,"__gc":{},"metatable":1}',
} do
  local name = #body > 60 and body:sub(1, 20) .. "…" or ("%q"):format(body)
  add("bodies", "the body " .. name, but { body = body })
  if #body < 60 then add("refusals", "400 with " .. name, but { status = 400, body = body }) end
end

for _, status in ipairs { 100, 101, 103, 199, 200, 201, 202, 203, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304,
  307, 308, 310, 399, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 415, 418, 421, 422, 423, 425,
  426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 507, 511, 520, 529, 599, 600, 999, 0, -1, 1000 } do
  add("statuses", ("status %d"):format(status), but { status = status })
  add("statuses", ("status %d without a body"):format(status), but { status = status, body = "" })
end

for _, value in ipairs { "", " ", "0", "-1", "5, 5", "1e9", "99999999999999999999", "nan", "inf", "1.5", "soon", "\0",
  "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2099 07:28:00 GMT", ("9"):rep(400) } do
  for _, status in ipairs { 429, 503 } do
    add("headers", ("%d, retry-after %q"):format(status, value:sub(1, 20)),
      but { status = status, headers = { ["retry-after"] = value } })
  end
  for _, name in ipairs { "x-api-quota-remaining", "x-api-quota-reset" } do
    add("headers", ("%s %q"):format(name, value:sub(1, 20)), but { headers = { [name] = value,
      ["x-api-quota-remaining"] = name == "x-api-quota-remaining" and value or "5" } })
  end
end

for _, value in ipairs { "text/html", "", "application/json; charset=utf-16", "\0", ";;;" } do
  add("headers", ("content-type %q"):format(value), header("content-type", value))
end
for name, value in pairs {
  ["content-length"] = "-1", ["Transfer-Encoding"] = "chunked", ["content-encoding"] = "gzip", [""] = "x", [" "] = "x",
  ["X\r\nY"] = "1", [("n"):rep(3000)] = "x", ["x\255"] = "\255", location = "javascript:x",
} do add("headers", ("the header %q"):format(name:sub(1, 20)), header(name, value)) end
add("headers", "a redirect without a place", but { status = 302, headers = {} })
add("headers", "a redirect to a list of places", but { status = 302, headers = { location = { "a", "b" } } })

-- What only a transport of the caller's can give.
local CYCLE = {}
CYCLE.cycle = CYCLE
local RAISES = setmetatable({}, { __index = function() error "no such field" end, __tostring = error })
local ODD = { false, true, 5, 0 / 0, math.huge, "x", {}, CYCLE, RAISES, print, io.stdout,
  coroutine.create(function() end) }

for i, value in ipairs(ODD) do
  local name = ("odd value %d (%s)"):format(i, type(value))
  add("transports", "the answer " .. name, function() return value == false and sweep.NOTHING or value end)
  add("transports", "the failure " .. name, function() return sweep.NOTHING, value end)
  add("transports", "the status " .. name, but { status = value })
  if type(value) ~= "string" then add("transports", "the body " .. name, but { body = value }) end
  add("transports", "the headers " .. name, but { headers = value })
  add("transports", "a header " .. name, header("x-odd", value))
  add("transports", "a header's list " .. name, header("x-odd", { "a", value }))
  add("transports", "a list of headers " .. name, but { headers = { { "retry-after", value }, value, { value, "x" } } })
  add("transports", "the header name " .. name, function(request, serve)
    local answer = serve(request)
    if value == value then answer.headers = { [value] = "x" } end
    return answer
  end)
  for _, field in ipairs { "kind", "sent", "message", "permanent" } do
    add("transports", ("the failure's %s %s"):format(field, name), function()
      local failure = { kind = "network", sent = true, message = "cut" }
      failure[field] = value
      return sweep.NOTHING, failure
    end)
  end
  add("transports", "raises " .. name, function() error(value, 0) end)
  add("transports", "raises after it was sent, " .. name, function(request, serve)
    serve(request)
    error(value, 0)
  end)
end
add("transports", "raises nil", function() error() end)
for _, kind in ipairs { "connect", "tls", "network", "timeout", "too_large", "bad_response", "phase", "config",
  "closed", "store", "no_memory", "none", "", "not_applied" } do
  for _, sent in ipairs { true, false, "unsaid" } do
    add("transports", ("failure %s, sent %s"):format(kind, tostring(sent)), function()
      local failure = { kind = kind, message = "why" }
      if sent ~= "unsaid" then failure.sent = sent end
      return sweep.NOTHING, failure
    end)
  end
end

--- Puts what is no value of a field in its place, in the body of a good answer; for a request whose answer has fields.
---@return table[]
function answers.of_fields(fields)
  local list = {}
  for _, field in ipairs(fields) do
    for _, text in ipairs { false, "null", "true", "5", "-1", "0.5", "1e300", "99999999999999999999", '"x"', '""',
      '"\\ud83d"', "[]", "{}", '[[{"a":null}]]', '"../9"' } do
      list[#list + 1] = {
        name = ("%s is %s"):format(field[1], text or "missing"),
        answer = function(request, serve)
          local answer = serve(request)
          answer.body = sweep.body(fields, field[1], text)
          return answer
        end,
      }
    end
  end
  return list
end

--- What was sent comes back, where errors take their texts from.
answers.echoes = {}
for _, status in ipairs { 200, 302, 400, 409, 429, 500 } do
  for _, shape in ipairs { '{"code":%s,"message":%s,"details":{%s:[%s]}}', '{"error":{"code":%s,"message":%s}}', "%s",
    "You sent %s", "<html><title>%s</title>" } do
    table.insert(answers.echoes, { name = ("%d with %s"):format(status, shape), answer = function(request, serve)
      serve(request)
      local text = request.headers[1][2] .. " " .. (request.body or "")
      for _, pair in ipairs(request.headers) do text = text .. " " .. pair[2] end
      local quoted = '"' .. text:gsub('\\', '\\\\'):gsub('"', '\\"') .. '"'
      if not shape:find "{" then quoted = text end
      return { status = status, body = (shape:gsub("%%s", function() return quoted end)),
        headers = { location = "https://x/" .. text, ["x-echo"] = text } }
    end })
  end
end

return answers
