--- Runs chunks of Lua inside nginx, in the phase and with the transport that a spec asks for.
---
---     local runner = require "spec.support.nginx_runner"
---     local r = runner.start { transport = "capture" }
---     local value, err = r:run([[ local url = ... return client_of(url):list() ]], url)
---     r:run_in("timer", …)
---     r:stop()

local cjson = require "cjson"
local nginx = require "spec.support.nginx"

local runner = {}

local Runner = {}
Runner.__index = Runner

local HTTP = [[
  lua_code_cache on;
  lua_max_running_timers 1024;
]]

local SERVER = [[
  client_body_buffer_size 1m;
  location /run/content { content_by_lua_block { require("spec.support.inside").serve() } }
  location /run/access { access_by_lua_block { require("spec.support.inside").serve() } }
  location /run/rewrite { rewrite_by_lua_block { require("spec.support.inside").serve() } }
  location /run/timer { content_by_lua_block { require("spec.support.inside").serve_in_timer() } }
  location /recall/ { content_by_lua_block { require("spec.support.inside").recall(ngx.var.uri:sub(9)) } }
]]

--- Folder patterns that make `require "resty.http"` find the double.
runner.DOUBLE = "@ROOT@/spec/support/fake_resty/?.lua;"

--- For "resty" the installed lua-resty-http, or its double where there is none.
---@param transport string
---@return string # for runner.start
---@return string remark to print behind the transport's name
function runner.best(transport)
  if transport ~= "resty" then return transport, "" end
  if nginx.resty_http() then return "real", "" end
  return "resty", " (a double of lua-resty-http)"
end

local INCLUDE_HTTP = "include @ROOT@/lua/locksmith/nginx/locksmith-http.conf;\n"
local INCLUDE_SERVER = "include @ROOT@/lua/locksmith/nginx/locksmith.conf;\n"

--- Starts nginx.
---@param options? table `{ transport = "capture" (the two files included), "resty" (the double), "real" (the installed
--- lua-resty-http) or nil (neither) }` and the options of nginx.start
---@return table runner
function runner.start(options)
  options = options or {}
  local own = {}
  for name, value in pairs(options) do own[name] = value end
  local captures = options.transport == "capture"
  if options.transport == "resty" then own.path = runner.DOUBLE .. (own.path or "") end
  if options.transport == "real" then own.path = assert(nginx.resty_http()) .. "/?.lua;" .. (own.path or "") end
  own.http = HTTP .. (captures and INCLUDE_HTTP or "") .. (options.http or "")
  own.server = (captures and INCLUDE_SERVER or "") .. SERVER .. (options.server or "")
  return setmetatable({ nginx = nginx.start(own) }, Runner)
end

local function decode(text)
  local ok, answer = pcall(cjson.decode, text)
  if not ok then error("nginx answered: " .. text, 0) end
  if answer.raised then error(answer.raised, 0) end
  local results = answer.results
  for i = 1, 3 do
    if results[i] == cjson.null then results[i] = nil end
  end
  return results[1], results[2], results[3]
end

--- Runs a chunk in a phase: "content", "access", "rewrite" or "timer".
---@param phase string
---@param chunk string Lua; its arguments are `...`
---@return any # up to three results, as JSON can hold them; what the chunk raises is raised
function Runner:run_in(phase, chunk, ...)
  return decode(self.nginx:get("/run/" .. phase, {
    method = "POST", headers = self.headers, timeout = 120,
    body = cjson.encode { chunk = chunk, args = { ... }, count = select("#", ...) },
  }).body)
end

function Runner:run(chunk, ...)
  return self:run_in("content", chunk, ...)
end

--- Starts to run a chunk and goes on.
---@param chunk string
---@return fun(): any # waits, and returns what run would have
function Runner:begin(chunk, ...)
  local file = os.tmpname()
  nginx.write(file, cjson.encode { chunk = chunk, args = { ... }, count = select("#", ...) })
  local command = "curl -s --max-time 120 --noproxy '*' -H Expect: --data-binary @%s %s/run/content"
  local pipe = assert(io.popen(command:format(file, self.nginx.url)))
  return function()
    local text = pipe:read "*a"
    pipe:close()
    os.remove(file)
    return decode(text)
  end
end

--- What a phase that cannot answer kept with inside.keep.
---@param name string
function Runner:recall(name)
  return decode(self.nginx:get("/recall/" .. name).body)
end

function Runner:log()
  return self.nginx:log()
end

function Runner:stop()
  self.nginx:stop()
end

return runner
