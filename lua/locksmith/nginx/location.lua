--- What runs inside the internal location of locksmith.conf. It talks to the transport through the subrequest's
--- ngx.ctx, a table that no answer of the service can reach.

local location = {}

local function seconds(text)
  return text and tonumber(text:match "[%d.]+") or nil
end

--- header_filter_by_lua: notes whether the service answered, or nginx in its place, which looks alike from outside.
function location.header()
  local var, ctx = ngx.var, ngx.ctx
  local seen = { connected = seconds(var.upstream_connect_time) }
  ctx.locksmith_seen = seen
  seen.answered = seconds(var.upstream_header_time) ~= nil
  if seen.answered then
    if not ctx.locksmith_address then
      local address = var.upstream_addr or ""
      seen.address = address:match "^([%d.]+):%d+$" or address:match "^(%[.*%]):%d+$"
    end
    local length = tonumber(ngx.header["Content-Length"])
    seen.measured = length ~= nil
    if length and length > (ctx.locksmith_maximum or 0) and var.locksmith_method ~= "HEAD" then
      seen.too_large = true
      return ngx.exit(ngx.ERROR)
    end
  else
    local bytes = seconds(var.upstream_bytes_sent)
    seen.sent = bytes ~= nil and bytes > 0
    seen.unresolved = var.upstream_addr == nil
  end
end

--- body_filter_by_lua: throws away what comes above max_response_bytes of an answer that did not tell its length. nginx
--- cannot break it off without ending the visitor's request too.
function location.body()
  local ctx = ngx.ctx
  local seen = ctx.locksmith_seen
  if not seen or not seen.answered or seen.measured then return end
  seen.size = (seen.size or 0) + #ngx.arg[1]
  if seen.size > (ctx.locksmith_maximum or 0) then
    seen.too_large = true
    ngx.arg[1] = nil
  end
end

--- balancer_by_lua of the upstreams in locksmith-http.conf: connects to the address the transport chose.
function location.balance()
  local balancer = require "ngx.balancer"
  local ctx = ngx.ctx
  if not ctx.locksmith_address then return ngx.exit(ngx.ERROR) end
  assert(balancer.set_current_peer(ctx.locksmith_address, ctx.locksmith_port))
  assert(balancer.set_timeouts(ctx.locksmith_connect, ctx.locksmith_limit, ctx.locksmith_limit))
end

return location
