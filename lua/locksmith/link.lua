--- Makes one link of LOCK.PUB.

local Error = require "locksmith.error"
local core = require "locksmith.core"
local json = require "locksmith.json"
local key_source = require "locksmith.key_source"
local options = require "locksmith.options"

local OPERATION, CHECK = "lockpub.links.create", "lockpub.links.check"

local link = { OPERATION = OPERATION, CHECK = CHECK }

--- A refusal before anything was sent. The slug is the one that the caller chose, where it is one.
local function refused(operation, message, fields, kind)
  local err = Error.refused(kind or "invalid_request", message, operation)
  local slug = fields.custom_slug or fields.customSlug
  if core.is_slug(slug) then err.slug = slug end
  return nil, err
end

--- Checks what can be checked without sending or asking anything.
---@return table? wire the fields as they are sent
---@return boolean|locksmith.Error ready for json.encode
local function read(session, operation, fields, opts)
  local wire, problem, ready = core.fields("link", fields, session.now(), opts.allow_in_memo, opts.idempotent)
  if wire then return wire, ready end
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
---@return string|userdata|nil secret that the slug of a named link is made of
local function identify(task, fields, wire, opts)
  local name = opts.idempotent
  if type(name) == "string" then
    local secret, own = slug_secret(task, fields, opts)
    if not secret then return nil, own end
    wire.customSlug = core.slug_for(secret, name)
    return own, "ours", secret
  end
  if wire.customSlug then return opts, name and "ours" or "guessable" end
  if not name then return opts end
  local slug, problem = core.slug()
  if not slug then return refused(OPERATION, problem, fields, "config") end
  wire.customSlug = slug
  return opts, "fresh"
end

---@param operation string
---@param wire table
---@param ready boolean? see json.encode
---@return string? body
---@return locksmith.Error?
function link.encode(operation, wire, ready)
  local body, problem = json.encode(wire, ready)
  if body then return body end
  return refused(operation, "extra cannot be written as JSON: " .. problem, wire)
end

--- What a link whose answer is not there is known to be.
---@param session locksmith.Session
---@param wire table its fields
---@return locksmith.Link
function link.recovered(session, wire)
  local known = core.link_of(wire)
  if session.short_url_base and known.slug then known.short_url = session.short_url_base .. known.slug end
  return known
end

--- Notes how this service makes short URLs of slugs; what it does not do alike is not known.
---@param session locksmith.Session
---@param answered locksmith.Link
---@param sent string? its slug, where the answer does not tell
function link.learn(session, answered, sent)
  local slug, url = answered.slug or sent, answered.short_url
  if type(slug) ~= "string" or slug == "" or type(url) ~= "string" or session.short_url_base == false then return end
  local base = url:sub(-#slug - 1) == "/" .. slug and url:sub(1, -#slug - 1) or false
  if session.short_url_base and session.short_url_base ~= base then base = false end
  session.short_url_base = base
end

local function shape(value, text)
  return core.link(value, #text)
end

--- Makes a link, of fields and options that were read.
---@param noted (fun(slug: string, secret: string|userdata|nil): locksmith.Error?)? gets the slug before anything is
---  sent with it; an error is the call's
---@return locksmith.Link?
---@return locksmith.Response|locksmith.Error
function link.create(task, fields, opts, noted)
  local session = task.session
  task.operation = OPERATION
  local wire, ready = read(session, OPERATION, fields, opts)
  if not wire then return nil, ready end
  local own, held_by, secret = identify(task, fields, wire, opts)
  if not own then return nil, held_by end
  local body, failure = link.encode(OPERATION, wire, ready)
  if not body then return nil, failure end
  task.slug = wire.customSlug
  failure = noted and noted(wire.customSlug, secret)
  if failure then return nil, failure end
  local made, result, text = task:send(OPERATION, own, body, wire, held_by, shape)
  if not made and result.recovered then return link.recovered(session, wire), result end
  if made and (type(made) ~= "table" or not text:find "^[ \t\r\n\239\187\191]*{") then -- an array is a table, too
    made, result = task:unexpected(OPERATION, "the answer is not a JSON object", result, "unknown")
  end
  if not made then
    result.slug = wire.customSlug
    return nil, result
  end
  pcall(link.learn, session, made, wire.customSlug) -- where memory runs out, the link is there all the same
  return made, result
end

--- Checks what `create` would refuse.
---@return true?
---@return locksmith.Error?
function link.check(task, fields, opts)
  local wire, ready = read(task.session, CHECK, fields, opts)
  if not wire then return nil, ready end
  local body, failure = link.encode(CHECK, wire, ready)
  if not body then return nil, failure end
  return true
end

return link
