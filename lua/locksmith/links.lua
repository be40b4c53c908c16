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
local OPERATION, CHECK = "lockpub.links.create", "lockpub.links.check"
local FIELDS = { resource.of_type("table", "fields") }

--- A refusal before anything was sent. The slug is the one that the caller chose, where it is one.
local function refused(operation, message, fields, kind)
  local err = Error.refused(kind or "invalid_request", message, operation)
  local slug = fields.custom_slug or fields.customSlug
  if core.is_slug(slug) then err.slug = slug end
  return nil, err
end

--- Checks what can be checked without sending or asking anything.
---@return table? wire the fields as they are sent
---@return locksmith.Error?
local function read(session, operation, fields, opts)
  local wire, problem = core.fields("link", fields, session.now(), opts.allow_in_memo, opts.idempotent)
  if wire then return wire end
  return refused(operation, problem, fields)
end

--- What the slugs of named links are made of. It may have to be asked for, which counts in the timeout of the call.
---@return string|userdata|nil
---@return locksmith.Error|table # opts, with a deadline where somebody was asked
local function slug_secret(task, fields, opts)
  local session = task.session
  local secret = key_source.slug_secret_at_hand(session)
  if secret then return secret, opts end
  local err = task:ready(OPERATION)
  if err then return nil, err end
  local own = options.copy(opts)
  own.deadline = session.now() + (opts.timeout or session.options.timeout)
  local kind, message
  secret, kind, message = key_source.slug_secret(session)
  if not secret then return refused(OPERATION, message, fields, kind) end
  return secret, own
end

--- Gives the link its slug, where it gets one here, and tells what a duplicate of it proves.
---@return table? opts nil when it cannot have one
---@return "guessable"|"fresh"|"ours"|nil|locksmith.Error # who can hold it; nil without one
local function identify(task, fields, wire, opts)
  local name = opts.idempotent
  if type(name) == "string" then
    local secret, own = slug_secret(task, fields, opts)
    if not secret then return nil, own end
    wire.customSlug = core.slug_for(secret, name)
    return own, "ours"
  end
  if wire.customSlug then return opts, name and "ours" or "guessable" end
  if not name then return opts end
  local slug, problem = core.slug()
  if not slug then return refused(OPERATION, problem, fields, "config") end
  wire.customSlug = slug
  return opts, "fresh"
end

local function encode(operation, wire)
  local body, problem = json.encode(wire)
  if body then return body end
  return refused(operation, "extra cannot be written as JSON: " .. problem, wire)
end

--- What a link whose answer was lost is known to be.
local function recovered_link(session, wire)
  local link = core.link_of(wire)
  if session.short_url_base then link.short_url = session.short_url_base .. link.slug end
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
Links.create = resource.method({ name = OPERATION, arguments = FIELDS, options = CREATE }, function(task, fields, opts)
  local session = task.session
  local wire, failure = read(session, OPERATION, fields, opts)
  if not wire then return nil, failure end
  local own, held_by = identify(task, fields, wire, opts)
  if not own then return nil, held_by end
  local body
  body, failure = encode(OPERATION, wire)
  if not body then return nil, failure end
  task.slug = wire.customSlug
  local link, result, text = task:call(OPERATION, own, { body = body, slug = held_by, fields = wire, shape = shape })
  if not link and result.recovered then return recovered_link(session, wire), result end
  if link and (type(link) ~= "table" or not text:find "^[ \t\r\n\239\187\191]*{") then -- an array is a table, too
    link, result = task:unexpected(OPERATION, "the answer is not a JSON object", result, "unknown")
  end
  if not link then
    result.slug = wire.customSlug
    return nil, result
  end
  learn_short_url(session, link, wire.customSlug)
  return link, result
end)

--- Checks fields as create would, and sends nothing.
---@param fields table
---@param opts table? as of create
---@return true?
---@return locksmith.Error? # invalid_request
Links.check = resource.method({ name = CHECK, arguments = FIELDS, options = CREATE }, function(task, fields, opts)
  local wire, failure = read(task.session, CHECK, fields, opts)
  if not wire then return nil, failure end
  local body
  body, failure = encode(CHECK, wire)
  if not body then return nil, failure end
  return true
end)

return { new = resource.class("locksmith.links", Links) }
