-- What users write, read by the language server and never run: it has to find nothing wrong here.
local locksmith = require "locksmith"

local lockpub, why = locksmith.lockpub {
  api_key = function() return nil, "not at hand" end,
  timeout = 3,
  pacing = "fail",
  rate = { { 20, 10 } },
  store = locksmith.redis { host = "cache.example", tls = true },
  clock = { now = os.time, sleep = function() end },
  on_event = function(event)
    if event.type == "retry" then print(event.reason, event.wait) end
    if event.type == "error" then print(event.error.kind) end
  end,
}
if not lockpub then error(why and why.message) end

local link, err = lockpub.links:create({
  type = "url", targetUrl = "https://example.com/", password = "a password", memo = "A memo", expire_time = os.time(),
}, { idempotent = "invoice 4711", timeout = 10 })
if link then print(link.short_url, link.slug) else print(err.kind .. err.outcome, "error: " .. err) end

local rows = { { type = "url", target_url = "https://example.com/", password = "a password", memo = "Seat", seat = 3 } }
for row, made, problem, response in lockpub.links:create_each(rows, { journal = "seats.journal" }) do
  print(row.seat, made and made.short_url, problem and problem.kind, response and response.journaled)
end
local quota, plan_of_links = lockpub:quota(), locksmith.assert(lockpub:plan(200))
print(quota and quota.remaining, plan_of_links.seconds)

local locker = locksmith.assert(locksmith.locker())
for address in locker.addresses:each() do print(address.full_address, address.num_spam + 1) end
for page in locker.addresses:pages { size = 3 } do
  print(page.count, page[1].full_address)
  for _, address in ipairs(page) do print(address.domain) end
end
for id, address, problem in locksmith.parallel({ 1, 2 }, function(id)
  return locker.addresses:set_enabled(id, false)
end, { concurrency = 2 }) do
  print(id + 1, address and address.enabled, problem)
end

local plan = locksmith.assert(locker.addresses:plan(function(address)
  if address.num_spam > 3 then return { enabled = false } end
end))
for _, item in ipairs(plan) do print(item.full_address, item.before.enabled) end
local report = locksmith.assert(plan:apply { concurrency = 3 })
for _, failure in ipairs(report.failed) do print(failure.err.kind) end

local alias, how = locker.addresses:ensure { description = "shop", block_spam = true }
print(alias and alias.id, how.attempts[1].elapsed)
locksmith.loop { poll = function(fds, seconds) print(fds[1].fd, seconds) end }
locksmith.lockpub {
  transport = function(request)
    if request.timeout < 1 then return nil, { kind = "timeout", sent = false } end
    return { status = 200, headers = {}, body = request.url }
  end,
}

local box = require("locksmith.sandbox").new { plan = "free", seed = 1 }
box:fault { status = 429, retry_after = 3 }
box:fault "drop_after"
print(box:clock().now(), box:requests()[1].method, locksmith.assert(box:locker()).addresses, #box:links())
