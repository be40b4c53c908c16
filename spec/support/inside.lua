--- What runs inside nginx for spec/support/nginx_runner.lua: takes a chunk of Lua, gives back what it returns as JSON.

local cjson = require "cjson"
local is_error = require("locksmith.error").is

local json = cjson.new()
json.encode_sparse_array(true)
json.encode_invalid_numbers(true)

local inside = {}

local function plain(value, depth)
  local kind = type(value)
  if kind ~= "table" then
    if kind == "string" or kind == "number" or kind == "boolean" or value == nil then return value end
    return tostring(value)
  end
  if depth > 12 then return "…" end
  local copy = {}
  if is_error(value) then copy.text = tostring(value) end
  -- Headers of a response are split when they are looked at.
  if value.status and value.attempts then copy.headers = plain(value.headers, depth + 1) end
  for k, v in pairs(value) do
    if type(k) == "string" or type(k) == "number" then copy[k] = plain(v, depth + 1) end
  end
  return copy
end

local function run(order)
  local chunk, problem = loadstring(order.chunk, "=chunk")
  if not chunk then return { raised = problem } end
  local args = order.args or {}
  for i = 1, order.count or 0 do
    if args[i] == cjson.null then args[i] = nil end
  end
  local results = { pcall(chunk, unpack(args, 1, order.count or 0)) }
  if not results[1] then return { raised = plain(results[2], 1) } end
  local list = {}
  -- What is nil must keep its place.
  for i = 2, 4 do list[i - 1] = results[i] == nil and cjson.null or plain(results[i], 1) end
  return { results = list }
end

local function order_of_request()
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  if not text then
    local handle = assert(io.open(ngx.req.get_body_file(), "rb"))
    text = handle:read "*a"
    handle:close()
  end
  return cjson.decode(text)
end

--- Answers with the results of the chunk in the request, run in the present phase.
function inside.serve()
  ngx.print(json.encode(run(order_of_request())))
  -- Elsewhere the request would go on. ngx.exit refuses while a subrequest is under way.
  if ngx.get_phase() ~= "content" then return ngx.exit(ngx.HTTP_OK) end
end

--- The same, run in a timer.
function inside.serve_in_timer()
  local order, answer = order_of_request(), nil
  local ok, problem = ngx.timer.at(0, function() answer = run(order) end)
  if not ok then answer = { raised = problem } end
  while not answer do ngx.sleep(0.002) end
  ngx.print(json.encode(answer))
end

-- Results of the phases that cannot answer a request themselves.
local kept = {}

--- Runs a function in a phase where nothing can be printed; inside.recall(name) tells what came of it.
---@param name string
---@param action function
function inside.keep(name, action)
  local ok, first, second = pcall(action)
  kept[name] = ok and { results = { plain(first, 1) or cjson.null, plain(second, 1) or cjson.null } }
    or { raised = plain(first, 1) }
end

function inside.recall(name)
  ngx.print(json.encode(kept[name] or { raised = "nothing was kept under " .. name }))
end

return inside
