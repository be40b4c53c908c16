--- Pages of a list, with the quirks of the Locker server.

local http = require "locksmith.sandbox.http"
local json = require "locksmith.sandbox.json"
local python = require "locksmith.sandbox.locker.python"
local reply = require "locksmith.sandbox.locker.reply"

local paging = {}

local DEFAULT_SIZE = 10

--- The page size the query asks for; whatever cannot be used is silently the default.
local function asked_size(query)
  local size = python.int(http.last(query, "size") or "")
  return size and size > 0 and size or DEFAULT_SIZE
end

local function actual_size(query, quirks)
  local size = quirks.ignore_size and DEFAULT_SIZE or asked_size(query)
  local leak = quirks.page_size_leak
  if type(leak) == "function" then return leak(size) or size end
  return leak or size
end

local function page_number(query, last)
  local text = http.last(query, "page")
  if not text or text == "" then return 1 end
  if text == "last" then return last end
  local number = python.int(text)
  if number and number >= 1 and number <= last then return number end
end

--- The server builds links from the Host header and what it believes about the scheme behind its proxy.
local function link(request, page)
  local query = {}
  for _, pair in ipairs(request.query) do
    if pair[1] ~= "page" then query[#query + 1] = pair end
  end
  if page > 1 then query[#query + 1] = { "page", string.format("%.0f", page) } end
  local scheme = request.header("x-forwarded-proto") == "https" and "https" or "http"
  local url = scheme .. "://" .. request.host .. request.raw_path
  return query[1] and url .. "?" .. http.sorted_query(query) or url
end

--- Answers a list request.
---@param request table as returned by `http.parse`
---@param rows table[]
---@param present fun(row: table): table JSON value of one row
---@param quirks table options `ignore_size` and `page_size_leak` of the sandbox
---@return table response
function paging.list(request, rows, present, quirks)
  local items = {}
  if http.last(request.query, "paging") == "0" then
    for i, row in ipairs(rows) do items[i] = present(row) end
    return reply.json(200, json.array(items))
  end
  local size = actual_size(request.query, quirks)
  local last = math.max(1, math.ceil(#rows / size))
  local page = page_number(request.query, last)
  if not page then return reply.rebuilt("0001") end
  for i = (page - 1) * size + 1, math.min(page * size, #rows) do items[#items + 1] = present(rows[i]) end
  return reply.json(200, json.object {
    { "count", #rows },
    { "next", page < last and link(request, page + 1) or json.null },
    { "previous", page > 1 and link(request, page - 1) or json.null },
    { "results", json.array(items) },
  })
end

return paging
