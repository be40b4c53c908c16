--- Serves a sandbox by nginx with its Lua module: one worker, the sandbox lives in that worker's memory.

local control = require "locksmith.sandbox.control"
local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"

local ngx = rawget(_G, "ngx")

local server = {}

-- A request nobody will answer is held until its client gives up, but not for ever.
local LONGEST_SILENCE = 120
local CLOSE = 444

local state = { new = sandbox.new }

--- Makes the sandbox; for `init_by_lua`, where an unusable option keeps nginx from starting.
---@param file string path of a JSON file with options of `sandbox.new`
function server.start(file)
  math.randomseed(ngx.now() * 1000)
  local handle = assert(io.open(file, "rb"))
  local options = json.decode(handle:read "*a")
  handle:close()
  state.box = sandbox.new(options)
end

local function read_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  if body then return body end
  local file = ngx.req.get_body_file()
  if not file then return "" end
  local handle = assert(io.open(file, "rb"))
  body = handle:read "*a"
  handle:close()
  return body
end

local function read_headers()
  local list = {}
  for name, value in pairs(ngx.req.get_headers(0, true)) do
    for _, each in ipairs(type(value) == "table" and value or { value }) do
      list[#list + 1] = { name, each == true and "" or each }
    end
  end
  return list
end

local function send(response, cut)
  ngx.status = response.status
  for name, value in pairs(response.headers) do ngx.header[name] = value end
  if not cut then return ngx.print(response.body) end
  ngx.header["Content-Length"] = #response.body
  ngx.print(response.body:sub(1, math.floor(#response.body / 2)))
  ngx.flush(true)
  return ngx.exit(CLOSE)
end

local function give_up()
  ngx.exit(499)
end

--- Answers one request; for `content_by_lua`.
function server.serve()
  local body, url, method = read_body(), ngx.var.request_uri, ngx.req.get_method()
  if url:sub(1, #control.PREFIX) == control.PREFIX then
    local status, text = control.handle(state, method, url, body)
    return send { status = status, headers = { ["content-type"] = "application/json" }, body = text .. "\n" }
  end
  ngx.on_abort(give_up)
  local outcome = state.box:perform {
    method = method, url = url, headers = read_headers(), body = body, peer = ngx.var.remote_addr,
  }
  local delay = outcome.delay or LONGEST_SILENCE
  if delay > 0 then ngx.sleep(delay) end
  if outcome.failure then return ngx.exit(CLOSE) end
  return send(outcome.response, outcome.cut)
end

return server
