--- The parts of HTTP the sandbox reads: URLs, queries, headers and media types.

local ascii = require "locksmith.ascii"

local http = {}

local function from_hex(hex)
  return string.char(tonumber(hex, 16))
end

---@param text string
---@return string # `text` with %xx decoded
function http.unquote(text)
  return (text:gsub("%%(%x%x)", from_hex))
end

local function quote_char(char)
  return char == " " and "+" or string.format("%%%02X", char:byte())
end

local function quote(text)
  return (text:gsub("[^A-Za-z0-9_.~-]", quote_char))
end

--- Names and values of a query string or a urlencoded form, in order; a name without a value has the value "".
---@param text string
---@return table # list of `{ name, value }`
function http.parse_query(text)
  local list = {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    list[#list + 1] = { http.unquote((name:gsub("+", " "))), http.unquote((value:gsub("+", " "))) }
  end
  return list
end

--- The last value of a name, which is the one the Locker server reads.
---@param list table as returned by `http.parse_query`
---@param name string
---@return string?
function http.last(list, name)
  for i = #list, 1, -1 do
    if list[i][1] == name then return list[i][2] end
  end
end

--- A query string sorted by name; values of one name keep their order.
---@param list table list of `{ name, value }`
---@return string
function http.sorted_query(list)
  local order = {}
  for i, pair in ipairs(list) do order[i] = { pair[1], i, quote(pair[1]) .. "=" .. quote(pair[2]) } end
  table.sort(order, function(a, b)
    if a[1] ~= b[1] then return ascii.before(a[1], b[1]) end
    return a[2] < b[2]
  end)
  local parts = {}
  for i, entry in ipairs(order) do parts[i] = entry[3] end
  return table.concat(parts, "&")
end

--- Media type and parameters of a header such as Content-Type.
---@param value string
---@return string media_type lower-case, "" when missing
---@return table parameters lower-case name -> value
function http.media_type(value)
  local parameters = {}
  for name, given in value:gmatch(";[ \t]*([^=; \t]+)[ \t]*=[ \t]*([^;]*)") do
    given = given:gsub("[ \t]+$", "")
    parameters[ascii.lower(name)] = given:match('^"(.*)"$') or given
  end
  return ascii.lower((value:match("^[ \t]*([^;]*)"):gsub("[ \t]+$", ""))), parameters
end

--- Whether an Accept header allows JSON. A missing or empty header allows everything.
---@param accept string?
---@return boolean
function http.accepts_json(accept)
  if not accept or accept == "" then return true end
  for item in accept:gmatch("[^,]+") do
    local media = http.media_type(item)
    if media == "*/*" or media == "application/*" or media == "application/json" then return true end
  end
  return false
end

--- Splits a request of the transport contract into what a server sees.
---@param request table `{ method, url, headers = { {name, value}, ... }, body, peer }`; `url` is absolute or a path;
--- `peer` is the address the request came from (default "127.0.0.1")
---@return table # `{ method, raw_path, path, query, host, peer, body, header = function(name) end }`
function http.parse(request)
  local url = request.url or request.path or "/"
  local authority, target = url:match("^[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]*)([^#]*)")
  target = target or url:match("^[^#]*")
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  local raw_path, raw_query = target:match("^([^?]*)%??(.*)$")

  local headers = {}
  for _, pair in ipairs(request.headers or {}) do
    local name, value = ascii.lower(tostring(pair[1])), tostring(pair[2])
    headers[name] = headers[name] and headers[name] .. "," .. value or value
  end
  return {
    method = request.method or "GET",
    raw_path = raw_path,
    path = http.unquote(raw_path),
    query = http.parse_query(raw_query),
    host = headers.host or (authority and authority:match("[^@]*$")) or "127.0.0.1",
    peer = request.peer or "127.0.0.1",
    body = request.body or "",
    header = function(name) return headers[name] end,
  }
end

return http
