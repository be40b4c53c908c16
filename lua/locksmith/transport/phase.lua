--- Where in nginx a call is made from, and what of nginx works there.

local phase = {}

local function set(...)
  local members = {}
  for _, name in ipairs { ... } do members[name] = true end
  return members
end

local SOCKETS = set("rewrite", "server_rewrite", "access", "content", "timer", "preread", "ssl_cert",
  "ssl_client_hello", "ssl_session_fetch")
local SUBREQUESTS = set("rewrite", "access", "content")

local NAMES = {
  init = "init_by_lua",
  init_worker = "init_worker_by_lua",
  exit_worker = "exit_worker_by_lua",
  set = "set_by_lua",
  rewrite = "rewrite_by_lua",
  server_rewrite = "server_rewrite_by_lua",
  access = "access_by_lua",
  content = "content_by_lua",
  balancer = "balancer_by_lua",
  header_filter = "header_filter_by_lua",
  body_filter = "body_filter_by_lua",
  log = "log_by_lua",
  timer = "a timer",
  preread = "preread_by_lua",
  ssl_cert = "ssl_certificate_by_lua",
  ssl_client_hello = "ssl_client_hello_by_lua",
  ssl_session_fetch = "ssl_session_fetch_by_lua",
  ssl_session_store = "ssl_session_store_by_lua",
}

local LATER = {
  init = "start a timer from init_worker_by_lua (ngx.timer.at) and call from there",
  exit_worker = "call before the worker ends",
}
local BY_TIMER = "hand the work to a timer (ngx.timer.at), or call earlier, in rewrite, access or content"

local function here()
  local name = ngx.get_phase()
  return name, NAMES[name] or name
end

--- Whether cosockets work in the phase that runs now.
---@return string? message why not, and what to do
function phase.without_sockets()
  local name, shown = here()
  if SOCKETS[name] then return nil end
  return ("nginx can do no network I/O in %s: %s"):format(shown, LATER[name] or BY_TIMER)
end

--- Whether a coroutine can wait in the phase that runs now.
---@return string? message why not, and what to do
function phase.without_sleep()
  local name, shown = here()
  if SOCKETS[name] then return nil end
  return ("nobody can wait in %s without stopping the worker: %s"):format(shown, LATER[name] or BY_TIMER)
end

--- Whether subrequests work in the phase that runs now.
---@return string? message why not, and what to do
function phase.without_subrequests()
  local name, shown = here()
  if SUBREQUESTS[name] and ngx.location and ngx.location.capture then return nil end
  if SOCKETS[name] then
    return ('nginx can issue no subrequest, which transport "capture" needs, in %s: transport "resty" '
      .. "(install lua-resty-http) works there; or call in rewrite, access or content"):format(shown)
  end
  if SUBREQUESTS[name] then return nil end
  local later = name == "init" and "start a timer from init_worker_by_lua" or "hand the work to a timer"
  return ("nginx can do no network I/O in %s: call in rewrite, access or content, or %s (ngx.timer.at), where "
    .. 'transport "capture" does not work, but "resty" does (install lua-resty-http)'):format(shown, later)
end

return phase
