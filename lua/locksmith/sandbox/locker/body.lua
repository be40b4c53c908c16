--- Request bodies as the Locker server parses them: JSON, urlencoded form or multipart.

local http = require "locksmith.sandbox.http"
local json = require "locksmith.sandbox.json"

local body = {}

local MAX_FORM_FIELDS = 1000
local MAX_MULTIPART_BYTES = 2621440

local FORM = "application/x-www-form-urlencoded"

local function from_pairs(list)
  if #list > MAX_FORM_FIELDS then return nil, "page" end
  local values = {}
  for _, pair in ipairs(list) do values[pair[1]] = pair[2] end
  return { values = values, form = true }
end

--- Fields of a multipart body; files are left out.
local function parse_multipart(text, boundary)
  if not boundary or boundary == "" then return nil, "malformed" end
  local delimiter, list, size = "--" .. boundary, {}, 0
  local _, at = text:find(delimiter, 1, true)
  if not at then return nil, "malformed" end
  while true do
    local stop, stop_end = text:find("\r\n" .. delimiter, at + 1, true)
    if not stop then break end
    local head, value = text:sub(at + 1, stop - 1):match("^\r\n(.-)\r\n\r\n(.*)$")
    local name = head and head:match('[;\t-\r ]name="([^"]*)"')
    if name and not head:find("filename=", 1, true) then
      list[#list + 1] = { name, value }
      size = size + #value
      if size > MAX_MULTIPART_BYTES then return nil, "page" end
    end
    at = stop_end
  end
  return from_pairs(list)
end

local function parse_json(text)
  local value = json.decode(text, "exact")
  if value == nil then return nil, "malformed" end
  -- What is no object is not refused here: only who reads fields minds.
  if type(value) ~= "table" or value == json.null or json.is_array(value) or json.is_number(value) then
    return { values = {}, form = false, not_object = true }
  end
  return { values = value, form = false }
end

--- Parses the body of a request.
---@param request table as returned by `http.parse`
---@return table? data `{ values = name -> value, form = boolean, not_object = true where JSON holds something else }`
---@return "unsupported"|"malformed"|"page"|nil problem `page`: refused with an HTML page
function body.parse(request)
  local media, parameters = http.media_type(request.header("content-type") or "")
  if request.body == "" then
    return { values = {}, form = media == FORM or media == "multipart/form-data" }
  end
  if media == "application/json" then return parse_json(request.body) end
  if media == FORM then return from_pairs(http.parse_query(request.body)) end
  if media == "multipart/form-data" then return parse_multipart(request.body, parameters.boundary) end
  return nil, "unsupported"
end

return body
