--- One page of a list, or all of it at once, as the service answers it.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local number = require "locksmith.number"
local resource = require "locksmith.resource"

local pages = {}

--- Items per page where the caller does not say.
pages.SIZE = 100

---@class locksmith.ListSource
---@field task locksmith.Task
---@field operation string
---@field opts table per-call options
---@field response locksmith.Response? of its last page

--- An answer that is no list, or not the one asked for.
---@param source locksmith.ListSource
---@param message string
---@param response locksmith.Response
---@return nil
---@return locksmith.Error
function pages.broken(source, message, response)
  return source.task:unexpected(source.operation, message, response, "not_sent")
end

--- Whether an error is the service's own word for a page beyond the last one. It has no other for an id, a path or an
--- account that does not exist, so it proves nothing by itself (spec/vectors/locker-wire.md, sections 3 and 8).
---@param err locksmith.Error
---@return boolean
function pages.is_beyond(err)
  return err.status == 404 and err.code == "0001"
end

local function query_of(q)
  if q.paging == 0 or q.paging == false then return { { "paging", "0" } } end
  local page = q.page or 1
  return { { "page", page == "last" and page or number.text(page) }, { "paging", "1" },
    { "size", number.text(q.size or pages.SIZE) } }
end

local function number_of(q, count)
  if q.page ~= "last" then return q.page or 1 end
  return math.max(1, math.ceil(count / (q.size or pages.SIZE)))
end

-- An empty array and an empty object decode alike, so the text has to tell.
local function is_array(text)
  return text:gsub("^\239\187\191", ""):find "^[ \t\r\n]*%[" ~= nil
end

local function holds_array(text)
  return text:find '"results"[ \t\r\n]*:[ \t\r\n]*%[' ~= nil
end

local function rows_of(value, text)
  if is_array(text) then return value, true end
  local rows = value.results
  if type(rows) ~= "table" or type(value.count) ~= "number" or value.count < 0 then return nil end
  if rows[1] == nil and not holds_array(text) then return nil end
  return rows, false
end

--- Reads one page.
---@param source locksmith.ListSource
---@param q table { page, size, paging }
---@return table? page array with count, page, has_next, has_previous; and whole where it is the entire list
---@return locksmith.Response|locksmith.Error
function pages.fetch(source, q)
  local length
  -- Nulls among the items are gone once the answer is clean.
  local function shape(value)
    length = #(type(value.results) == "table" and value.results or value)
    return core.clean(value)
  end
  local value, response, text =
    source.task:call(source.operation, source.opts, { query = query_of(q), shape = shape })
  if Error.is(response) then return nil, response end
  if type(value) ~= "table" then return pages.broken(source, "the answer is not a list", response) end
  local items, whole = rows_of(value, text)
  if not items then
    return pages.broken(source, "the answer is not a list: it has no results and count", response)
  end
  for i = 1, length do
    if items[i] == nil then return pages.broken(source, "an item of the list is null", response) end
    if not resource.has_id(items[i]) then return pages.broken(source, "an item of the list has no id", response) end
  end
  if not whole then
    items.count, items.page = value.count, number_of(q, value.count)
    items.has_next, items.has_previous = value.next ~= nil, value.previous ~= nil
  elseif type(q.page) == "number" and q.page > 1 then
    return pages.broken(source, "the answer is not the page that was asked for", response)
  else
    items.count, items.page, items.has_next, items.has_previous, items.whole = #items, 1, false, false, true
  end
  source.response = response
  return items, response
end

return pages
