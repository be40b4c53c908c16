--- The sandbox inside nginx with its Lua module: one worker, in whose memory it lives.

local exchange = require "locksmith.sandbox.server.exchange"
local json = require "locksmith.sandbox.json"
local sandbox = require "locksmith.sandbox"
local shell = require "locksmith.sandbox.server.shell"
local watch = require "locksmith.sandbox.server.watch"

local ngx = rawget(_G, "ngx")

local inside = {}

local CLOSE = 444

local state = { new = sandbox.new }
local settings, pid_file

--- Makes the sandbox; for `init_by_lua`, where an unusable option keeps nginx from starting.
---@param folder string with nginx.pid and settings.json: `{ sandbox = options of sandbox.new, watched = ids of
--- processes to end with, lifetime = seconds or nil }`
function inside.start(folder)
  math.randomseed(ngx.now() * 1000)
  local handle = assert(io.open(folder .. "/settings.json", "rb"))
  settings = json.decode(handle:read "*a")
  handle:close()
  pid_file = folder .. "/nginx.pid"
  state.box = sandbox.new(settings.sandbox)
end

local function stop()
  os.execute(('kill -TERM "$(cat %s)"'):format(shell.quote(pid_file)))
end

--- Ends nginx when it is time to; for `init_worker_by_lua`.
function inside.watch()
  local ended = watch.new(settings.watched, settings.lifetime, ngx.now())
  if not ended then return end
  ngx.timer.every(watch.INTERVAL, function(premature)
    if not premature and ended(ngx.now()) then stop() end
  end)
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
  ngx.print(exchange.half(response))
  ngx.flush(true)
  return ngx.exit(CLOSE)
end

local function give_up()
  ngx.exit(499)
end

--- Answers one request; for `content_by_lua`.
function inside.serve()
  local body = read_body()
  ngx.on_abort(give_up)
  local outcome = exchange.outcome(state, {
    method = ngx.req.get_method(), url = ngx.var.request_uri, headers = read_headers(), body = body,
    peer = ngx.var.remote_addr,
  })
  if outcome.delay > 0 then ngx.sleep(outcome.delay) end
  if not outcome.response then return ngx.exit(CLOSE) end
  send(outcome.response, outcome.cut)
  if state.stopping then
    ngx.eof()
    stop()
  end
end

return inside
