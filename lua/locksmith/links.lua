--- LOCK.PUB links.

local batch = require "locksmith.batch"
local link = require "locksmith.link"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

---@class locksmith.Links
local Links = {}

local ONE = options.extend(options.CALL, { allow_in_memo = options.types "boolean" })
local CREATE = options.extend(ONE, { idempotent = options.types("boolean", "string") })
local EACH = options.extend(ONE, {
  concurrency = options.check.positive,
  journal = options.check.path,
  name = options.types "function",
  on_progress = options.types "function",
  ordered = options.types "boolean",
  total = options.check.count,
})
local FIELDS = { resource.of_type("table", "fields") }

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
Links.create = resource.method({ name = link.OPERATION, arguments = FIELDS, options = CREATE }, link.create)

--- Checks fields as create would, and sends nothing.
---@param fields table
---@param opts table? as of create
---@return true?
---@return locksmith.Error? # invalid_request
Links.check = resource.method({ name = link.CHECK, arguments = FIELDS, options = CREATE }, link.check)

local function rows_of(value, what)
  if type(value) ~= "function" then options.argument(value, "table", "rows", what) end
  return value
end

--- Makes a link for each row, several at a time, and exactly one however often the run is repeated.
---@param rows table[]|fun(): table? fields as of create: an array, or an iterator, asked when a place is free
---@param opts table? concurrency (4); ordered (false): results in the order of the rows; name(row): the caller's own
---  name for the row's link, of 1 to 512 bytes, by default made of all its fields and how often they came in this run
---  (a custom_slug is its row's name); journal: path of a file by which a run that is repeated asks for nothing that is
---  done; total: how many rows an iterator has; on_progress(p): gets { done, failed, total, seconds_left } before each
---  result, the last two nil for an iterator without total; timeout (of one row; 600), attempt_timeout, max_retries,
---  pacing, allow_in_memo
---@return fun(): table?, locksmith.Link?, locksmith.Error?, locksmith.Response? # row, link, err, response, as they
---  come; response.journaled: the link is from the journal. Raises an error object: for a journal that cannot be used
---  (invalid_request) at once; for what every further row would meet (unauthenticated, forbidden, plan_required,
---  quota_exceeded, closed, config, store) when what was under way has been handed out
Links.create_each = resource.method({ name = "lockpub.links.create_each", arguments = { rows_of }, options = EACH },
  batch.create_each)

return { new = resource.class("locksmith.links", Links) }
