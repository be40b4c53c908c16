--- Whether the services can be reached, and with these keys.

local lifetime = require "locksmith.cli.lifetime"
local moment = require "locksmith.cli.moment"
local status = require "locksmith.cli.status"

local COLUMNS = { "service", "reachable", "key", "left", "quota_remaining", "quota_limit", "quota_reset", "message" }

local REFUSED = { unauthenticated = true, forbidden = true }

-- What the answer to a request that changes nothing tells.
local function tell(row, err)
  if not err then
    row.reachable, row.key = true, "accepted"
  elseif REFUSED[err.kind] then
    row.reachable, row.key, row.message = err.status ~= nil, "refused", err.message
  else
    -- LOCK.PUB has nothing to read: that it answers is all there is to learn.
    row.reachable, row.key = err.status ~= nil, "unknown"
    if not err.status then row.message = tostring(err) end
  end
end

local function locker_row(client, row)
  local claims = client:key_info()
  local ends = claims and lifetime.ends(claims)
  if ends then
    row.left, row.expired_time = lifetime.text(ends, moment.now()), ends
  end
  local _, err = client.addresses:list { size = 1 }
  tell(row, not _ and err or nil)
end

local function lockpub_row(client, row)
  local value, err = client:request { method = "GET", path = "links" }
  tell(row, value == nil and err or nil)
  local quota = client:quota()
  if quota then
    row.quota_remaining, row.quota_limit, row.quota_reset, row.quota_as_of = quota.remaining, quota.limit, quota.reset,
      quota.as_of
  end
end

local ROW = { locker = locker_row, lockpub = lockpub_row }

local function code_of(row)
  if row.key == "refused" then return status.KEY end
  return row.reachable and status.DONE or status.SERVICE
end

-- Of a key file that holds nothing but one key, it is not known for which service it is.
local function is_others(context, err)
  return type(context.keys) == "string" and type(err) == "table" and err.kind == "unauthenticated"
end

---@return table row
local function row_of(client, service, err)
  local row = { service = service }
  if client then
    ROW[service](client, row)
  else
    row.key, row.message = "refused", err.message
  end
  return row
end

local function show(context)
  local writer, worst = nil, status.DONE
  for _, service in ipairs { "locker", "lockpub" } do
    if context:has_key(service) then
      local made, client = pcall(context.client, context, service)
      if not made and not (type(client) == "table" and client.kind == "unauthenticated") then error(client, 0) end
      if made or not is_others(context, client) then
        local row = row_of(made and client, service, client)
        writer = writer or context:writer { columns = COLUMNS }
        writer:row(row)
        if worst == status.DONE then worst = code_of(row) end
      end
    end
  end
  if not writer then
    status.fail(status.KEY, "no key is there: set LOCKPUB_API_KEY or LOCKER_API_KEY, or use --key-file")
  end
  return worst
end

return function(parser, runs)
  local command = parser:command("status", "Show whether each service with a key can be reached, what it says of " ..
    "the key, and what is known of the quota. Changes nothing.")
  runs(command, show)
end
