--- A scripted service with a list, and what specs do with lists.

local json = require "locksmith.json"

local lists = {}

local GONE = '{"code": "0001", "message": "The requested resource does not exist"}'

--- Answers that are no pages, by name: what gateways, proxies and other paths answer.
lists.WRONG = {
  html_404 = { status = 404, headers = { ["content-type"] = "text/html" },
    body = "<html><title>Not Found</title></html>" },
  empty_404 = { status = 404, headers = {}, body = "" },
  bare_404 = { status = 404, headers = {}, body = "{}" },
  other_404 = { status = 404, headers = {}, body = '{"code":"0003","message":"Data too large"}' },
  gone = { status = 410, headers = {}, body = GONE },
  object = { status = 200, headers = {}, body = "{}" },
  results_object = { status = 200, headers = {}, body = '{"count":0,"next":null,"previous":null,"results":{}}' },
  no_count = { status = 200, headers = {}, body = '{"next":null,"results":[]}' },
  negative = { status = 200, headers = {}, body = '{"count":-1,"next":null,"results":[]}' },
  null = { status = 200, headers = {}, body = "[null]" },
  empty = { status = 200, headers = {}, body = "" },
}

--- Locker's own answer for a page beyond the last, and for everything else that does not exist.
lists.GONE = { status = 404, headers = {}, body = GONE }

--- A service with a list of ids and every quirk on demand: `no_snapshot` it does not know paging=0; `size` of its own;
--- `leak` fun(n): size of the n-th answer; `answer` fun(query, n): an answer instead; `on_request` fun(state, n) may
--- change the list between requests.
---@param state table { ids = list }; `requests` is added: the queries it got
---@return function transport
function lists.service(state)
  state.requests = {}
  return function(request)
    local query = {}
    for name, value in request.url:gmatch "[?&]([^=&]+)=([^&]*)" do query[name] = value end
    state.requests[#state.requests + 1] = query
    if state.on_request then state.on_request(state, #state.requests) end
    local planted = state.answer and state.answer(query, #state.requests)
    if planted then return planted end
    local items = {}
    local function item(id) items[#items + 1] = { id = id, address = "a" .. id } end
    if query.paging == "0" and not state.no_snapshot then
      for _, id in ipairs(state.ids) do item(id) end
      return { status = 200, headers = {}, body = #items > 0 and json.encode(items) or "[]" }
    end
    local size = state.size or tonumber(query.size) or 10
    if state.leak then size = state.leak(#state.requests) or size end
    local page = tonumber(query.page) or 1
    local first = (page - 1) * size
    if page > 1 and first >= #state.ids then return lists.GONE end
    for i = first + 1, math.min(first + size, #state.ids) do item(state.ids[i]) end
    local more = first + size < #state.ids
    local next_page = more and '"http://127.0.0.1/steal?page=' .. page + 1 .. '"' or "null"
    return { status = 200, headers = {}, body = ('{"count":%d,"next":%s,"previous":null,"results":%s}'):format(
      #state.ids, next_page, #items > 0 and json.encode(items) or "[]") }
  end
end

---@param n integer
---@return integer[] # 1 to n
function lists.range(n)
  local ids = {}
  for i = 1, n do ids[i] = i end
  return ids
end

---@param list table
---@return string
function lists.joined(list)
  return table.concat(list, " ")
end

--- Takes an id out of a list.
---@param ids integer[]
---@param id integer
function lists.without(ids, id)
  for i = #ids, 1, -1 do
    if ids[i] == id then table.remove(ids, i) end
  end
end

--- Runs an iterator over items to its end; raises when one comes twice.
---@param iterator fun(): table?
---@return integer[] order the ids
---@return table<integer, boolean> seen
function lists.collect(iterator)
  local seen, order = {}, {}
  for item in iterator do
    if seen[item.id] then error("repeated " .. tostring(item.id), 2) end
    seen[item.id] = true
    order[#order + 1] = item.id
  end
  return order, seen
end

return lists
