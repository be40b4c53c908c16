--- LOCK.PUB links.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local json = require "locksmith.json"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

---@class locksmith.Link
---@field short_url string
---@field slug string?
---@field raw table the answer as it came

---@class locksmith.Links
local Links = {}

local CREATE = options.extend(options.CALL, { idempotent = options.types "boolean" })
local OPERATION = "lockpub.links.create"

-- What a link whose answer was lost is known to be. Never the password or the secret memo.
local KNOWN = { type = "type", target_url = "targetUrl", slug = "customSlug", memo = "memo",
  redirect_limit = "redirectLimit", start_time = "startTime", expire_time = "expireTime" }

local function recovered_link(wire)
  local link = {}
  for name, field in pairs(KNOWN) do link[name] = wire[field] end
  return link
end

--- Sees to the slug that the create carries.
---@return "guessable"|"fresh"|"ours"|nil # who can hold it; nil without one
---@return string? problem
local function choose_slug(wire, idempotent)
  if wire.customSlug then return idempotent and "ours" or "guessable" end
  if not idempotent then return nil end
  local problem
  wire.customSlug, problem = core.slug()
  return "fresh", problem
end

local function send(session, opts, wire, short, held_by)
  local body, problem = json.encode(wire, short)
  if not body then
    return nil, Error.refused("invalid_request", "extra cannot be written as JSON: " .. problem, OPERATION)
  end
  local link, response = session:call(OPERATION, opts, nil, body, held_by, wire, nil, core.link)
  if not link then
    if response.recovered then return recovered_link(wire), response end
    return nil, response
  end
  if type(link) ~= "table" then
    return session:unexpected(OPERATION, "the answer is not a JSON object", response, "unknown")
  end
  return link, response
end

--- Makes a link.
---@param fields table type ("url" or "memo"), target_url (or link), secret_memo, password, memo, custom_slug,
---  redirect_limit, start_time, expire_time (Unix seconds or ISO 8601), extra (fields unknown to the library); the
---  provider's camelCase names are accepted too
---@param opts table? timeout, attempt_timeout (seconds), max_retries, pacing, idempotent (generates a slug, so that the
---  call can be repeated safely)
---@return locksmith.Link? link every field of the answer in snake_case
---@return locksmith.Response|locksmith.Error # kinds: invalid_request (fields; nothing sent), conflict (slug taken),
---  quota_exceeded, would_wait, rate_limited, unauthenticated, and those of any request
function Links:create(fields, opts)
  local session = resource.session(self)
  options.argument(fields, "table", "fields", OPERATION, 3)
  opts = options.read(opts, CREATE, OPERATION, 3)
  local wire, short = core.fields("link", fields)
  if not wire then return nil, Error.refused("invalid_request", short, OPERATION) end
  local held_by, problem = choose_slug(wire, opts.idempotent)
  if problem then return nil, Error.refused("config", problem, OPERATION) end
  local link, result = send(session, opts, wire, short, held_by)
  -- Under it the call can be repeated, whatever became of it.
  if not link then result.slug = wire.customSlug end
  return link, result
end

return { new = resource.class("locksmith.links", Links) }
