--- What runs inside the internal location of locksmith.conf. It talks to the transport through the subrequest's
--- ngx.ctx, a table that no answer of the service can reach. It runs for every call and several times, so what LuaJIT
--- cannot compile stands in functions of its own, off the way of an answer that is as it should be.

local ascii = require "locksmith.ascii"
local balancer = require "ngx.balancer"

local ngx = ngx

local location = {}

-- The proxy_buffer_size of locksmith.conf: a head that does not fit is none to nginx.
local HEAD_MAX = 8192
-- What ngx.status is for an answer that is no HTTP.
local NO_STATUS = 9
-- Seconds that who waits for an answer may be late to give it up. Later than that his light thread was killed.
local SLACK = 10

local function first_number(text)
  return text and ascii.number(text:match "[%d.]+") or nil
end

-- What it takes when a kept connection is taken is known without reading it.
local function seconds(text)
  if text == "0.000" then return 0 end
  return first_number(text)
end

-- Only the service gives such a status here; others nginx may have given in its place, which leaves this out.
local function is_answered(status, var)
  return status >= 200 and status < 300 or first_number(var.upstream_header_time) ~= nil
end

-- Before the body has begun, nginx can still break off an answer and go on with the visitor's request.
local function refuse(seen, why)
  seen[why] = true
  return ngx.exit(ngx.ERROR)
end

local function note_unanswered(seen, var)
  seen.sent = (first_number(var.upstream_bytes_sent) or 0) > 0
  seen.overflowed = (first_number(var.upstream_bytes_received) or 0) >= HEAD_MAX
  seen.unresolved = var.upstream_addr == nil
  seen.refused = seen.unresolved and seen.status ~= ngx.HTTP_BAD_GATEWAY
end

local function address_of(var)
  local address = var.upstream_addr or ""
  return address:match "^([%d.]+):%d+$" or address:match "^(%[.*%]):%d+$"
end

--- header_filter_by_lua: notes whether the service answered, or nginx in its place, which looks alike from outside.
function location.header()
  local var, ctx, status = ngx.var, ngx.ctx, ngx.status
  if ctx.locksmith_seen then return end -- nginx makes a head of its own for one that was refused
  local seen = { connected = seconds(var.upstream_connect_time), status = status, answered = is_answered(status, var),
    measured = false, ends = ngx.now() + (ctx.locksmith_limit or 0) + SLACK }
  ctx.locksmith_seen = seen
  if ctx.locksmith_wakes then ctx.locksmith_wakes:post(1) end
  if not seen.answered then return note_unanswered(seen, var) end
  if not ctx.locksmith_address then seen.address = address_of(var) end
  if status == NO_STATUS then return refuse(seen, "garbled") end
  if status < 200 then return refuse(seen, "interim") end
  local length = tonumber(ngx.header["Content-Length"]) -- LuaJIT's is the same in every locale
  seen.measured = length ~= nil
  if length and length > (ctx.locksmith_maximum or 0) and not ctx.locksmith_bodiless then
    return refuse(seen, "too_large")
  end
end

--- body_filter_by_lua: throws away what nobody waits for any more, and what comes above max_response_bytes of an answer
--- that did not tell its length. Whoever breaks it off here ends the visitor's request too, which is for answers that
--- do not end and have nobody left who would give them up.
function location.body()
  local ctx = ngx.ctx
  local seen = ctx.locksmith_seen
  if ctx.locksmith_given_up then
    ngx.arg[1] = nil
    return
  end
  if not seen or not seen.answered then return end
  if ngx.now() > seen.ends then return ngx.ERROR end
  if seen.measured then return end
  seen.size = (seen.size or 0) + #ngx.arg[1]
  if seen.size > (ctx.locksmith_maximum or 0) then
    seen.too_large = true
    ngx.arg[1] = nil
  end
end

--- balancer_by_lua of the upstreams in locksmith-http.conf: connects to the address the transport chose.
function location.balance()
  local ctx = ngx.ctx
  if not ctx.locksmith_address then return ngx.exit(ngx.ERROR) end
  assert(balancer.set_current_peer(ctx.locksmith_address, ctx.locksmith_port))
  assert(balancer.set_timeouts(ctx.locksmith_connect, ctx.locksmith_limit, ctx.locksmith_limit))
end

return location
