--- Answers as the Locker server words them. `rebuilt` marks those its error middleware writes anew: they lose `Allow`
--- and have a space after each comma and colon.

local json = require "locksmith.sandbox.json"

local reply = {}

local REBUILT = {
  ["0000"] = { 401, "The authentication token is invalid" },
  ["0001"] = { 404, "The requested resource does not exist" },
  ["0002"] = { 403, "The account does not have enough permission to execute this operation" },
  ["0003"] = { 404, "Data too large" },
  ["0008"] = { 500, "Unknown Error" },
}

local CODE_OF_STATUS = { [401] = "0000", [403] = "0002", [404] = "0001", [413] = "0003", [500] = "0008" }

local REFUSALS = {
  ["7002"] = "You need to upgrade your plan to execute this operator",
  ["8000"] = "The number of relay addresses is reached",
  ["8001"] = "The number of relay subdomain is reached",
}

local HTML_400 = [[

<!doctype html>
<html lang="en">
<head>
  <title>Bad Request (400)</title>
</head>
<body>
  <h1>Bad Request (400)</h1><p></p>
</body>
</html>
]]

local HTML = "text/html; charset=utf-8"

---@param status integer
---@param value any JSON value
---@return table response
function reply.json(status, value)
  return { status = status, headers = { ["content-type"] = "application/json" }, body = json.encode(value) }
end

--- One of the errors the middleware writes.
---@param code "0000"|"0001"|"0002"|"0003"|"0008"
---@return table response
function reply.rebuilt(code)
  local status, message = REBUILT[code][1], REBUILT[code][2]
  return {
    status = status,
    headers = { ["content-type"] = "application/json" },
    body = json.encode(json.object { { "code", code }, { "message", message } }, true),
    rebuilt = true,
  }
end

--- A 400 about the plan or a limit.
---@param code "7002"|"8000"|"8001"
---@return table response
function reply.refused(code)
  return reply.json(400, json.object {
    { "details", json.object {} }, { "message", REFUSALS[code] }, { "code", code },
  })
end

--- A 400 about the fields.
---@param details table? ordered object of field -> list of messages; nil leaves the key out
---@return table response
function reply.invalid(details)
  local members = { { "code", "0004" }, { "message", "Invalid data" } }
  if details then members[3] = { "details", details } end
  return reply.json(400, json.object(members))
end

--- The same for one field.
---@param field string
---@param messages string[]
---@return table response
function reply.invalid_field(field, messages)
  return reply.invalid(json.object { { field, json.array(messages) } })
end

---@return table response 405; the caller adds `Allow`
function reply.method_not_allowed()
  return reply.json(405, json.object {
    { "code", "0005" }, { "message", "Method Not Allowed" }, { "details", json.object {} },
  })
end

--- 406, 415 and 429 carry `detail` alone.
---@param status integer
---@param text string
---@return table response
function reply.detail(status, text)
  return reply.json(status, json.object { { "detail", text } })
end

---@return table response the framework's own HTML page
function reply.bad_request_page()
  return { status = 400, headers = { ["content-type"] = HTML }, body = HTML_400, rebuilt = true }
end

---@param status integer
---@param headers? table
---@return table response without a body
function reply.empty(status, headers)
  return { status = status, headers = headers or {}, body = "" }
end

---@param location string
---@return table response 301; the server sends no Content-Length with it
function reply.moved(location)
  return {
    status = 301, headers = { ["content-type"] = HTML, location = location }, body = "", rebuilt = true,
    no_length = true,
  }
end

--- What the middleware makes of an answer that came from inside the application.
---@param response table
---@return table response
function reply.through_middleware(response)
  local code = CODE_OF_STATUS[response.status]
  if code then return reply.rebuilt(code) end
  local headers = { ["content-type"] = HTML }
  for name, value in pairs(response.headers or {}) do headers[name] = value end
  return { status = response.status, headers = headers, body = response.body or "", rebuilt = true }
end

return reply
