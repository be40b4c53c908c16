--- LOCK.PUB links.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local json = require "locksmith.json"
local key_source = require "locksmith.key_source"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

---@class locksmith.Link
---@field short_url string? nil only of a recovered link, where it is not certain
---@field slug string?
---@field raw table? the answer as it came; nil of a recovered link

---@class locksmith.Links
local Links = {}

local CREATE = options.extend(options.CALL, {
  idempotent = options.types("boolean", "string"),
  allow_in_memo = options.types "boolean",
})
local OPERATION = "lockpub.links.create"
local NAME_MAX = 512

local function refused(message, kind)
  return nil, Error.refused(kind or "invalid_request", message, OPERATION)
end

--- The slug that belongs to a caller's own name for a link.
local function named_slug(task, name, wire)
  if wire.customSlug then
    return refused "custom_slug does not go with an idempotent name, which makes the slug: use idempotent = true"
  end
  if #name < 1 or #name > NAME_MAX then return refused "an idempotent name must have 1 to 512 bytes" end
  local err = task:ready(OPERATION)
  if err then return nil, err end
  local secret, kind, message = key_source.slug_secret(task.session)
  if not secret then return refused(message, kind) end
  return core.slug_for(secret, name)
end

--- Gives the link its slug, where it gets one here, and tells what a duplicate of it proves.
---@return "guessable"|"fresh"|"ours"|nil held_by who can hold it; nil without one
---@return locksmith.Error?
local function identify(task, wire, idempotent)
  if type(idempotent) == "string" then
    local slug, err = named_slug(task, idempotent, wire)
    if not slug then return nil, err end
    wire.customSlug = slug
    return "ours"
  end
  if wire.customSlug then return idempotent and "ours" or "guessable" end
  if not idempotent then return nil end
  local slug, problem = core.slug()
  if not slug then return refused(problem, "config") end
  wire.customSlug = slug
  return "fresh"
end

-- What a link whose answer was lost is known to be. Never the password or the secret memo.
local KNOWN = { "type", "targetUrl", "memo", "redirectLimit", "startTime", "expireTime" }

local function recovered_link(session, wire)
  local slug, known = wire.customSlug, {}
  for _, name in ipairs(KNOWN) do known[name] = wire[name] end
  known.slug = slug
  local link = core.link(known)
  link.raw = nil
  if session.short_url_base then link.short_url = session.short_url_base .. slug end
  return link
end

--- Notes how this service makes short URLs of slugs; what it does not do alike is not known.
local function learn_short_url(session, link, sent)
  local slug, url = link.slug or sent, link.short_url
  if type(slug) ~= "string" or slug == "" or type(url) ~= "string" or session.short_url_base == false then return end
  local base = url:sub(-#slug - 1) == "/" .. slug and url:sub(1, -#slug - 1) or false
  if session.short_url_base and session.short_url_base ~= base then base = false end
  session.short_url_base = base
end

local function shape(value)
  return core.link(core.clean(value))
end

--- Makes a link.
---@param fields table type ("url" or "memo"), target_url (or link), secret_memo, password, memo, custom_slug,
---  redirect_limit, start_time, expire_time (Unix seconds or ISO 8601), extra (fields unknown to the library); the
---  provider's camelCase names are accepted too
---@param opts table? timeout, attempt_timeout (seconds), max_retries, pacing; allow_in_memo (the password may stand in
---  the public memo); idempotent: true generates a slug, or vouches for the custom_slug, so that the call can be
---  repeated; a string of 1 to 512 bytes is the caller's own name for the link, of which there is never a second
---@return locksmith.Link? link every field of the answer in snake_case, times in Unix seconds
---@return locksmith.Response|locksmith.Error # kinds: invalid_request (fields; nothing sent), conflict (slug taken),
---  quota_exceeded, would_wait, rate_limited, unauthenticated, and those of any request; `slug` where the link had one
function Links.create(task, fields, opts)
  options.argument(fields, "table", "fields", OPERATION)
  opts = options.read(opts, CREATE, OPERATION)
  local session = task.session
  local wire, problem = core.fields("link", fields, session.now(), opts.allow_in_memo)
  if not wire then return refused(problem) end
  local held_by, failure = identify(task, wire, opts.idempotent)
  if failure then return nil, failure end
  local body
  body, problem = json.encode(wire)
  if not body then return refused("extra cannot be written as JSON: " .. problem) end
  local link, result = task:call(OPERATION, opts, nil, body, held_by, wire, nil, shape)
  if not link and result.recovered then return recovered_link(session, wire), result end
  if link and type(link) ~= "table" then
    link, result = task:unexpected(OPERATION, "the answer is not a JSON object", result, "unknown")
  end
  if not link then
    result.slug = wire.customSlug
    return nil, result
  end
  learn_short_url(session, link, wire.customSlug)
  return link, result
end

return { new = resource.class("locksmith.links", Links) }
