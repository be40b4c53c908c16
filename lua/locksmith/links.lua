--- LOCK.PUB links.

local batch = require "locksmith.batch"
local link = require "locksmith.link"
local options = require "locksmith.options"
local resource = require "locksmith.resource"

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
Links.create = resource.method({ name = link.OPERATION, arguments = FIELDS, options = CREATE }, link.create)

--- Checks fields as create would, and sends nothing.
Links.check = resource.method({ name = link.CHECK, arguments = FIELDS, options = CREATE }, link.check)

local function rows_of(value, what)
  if type(value) ~= "function" then options.argument(value, "table", "rows", what) end
  return value
end

--- Makes a link for each row, several at a time, and exactly one however often the run is repeated.
Links.create_each = resource.method({ name = "lockpub.links.create_each", arguments = { rows_of }, options = EACH },
  batch.create_each)

return { new = resource.class("locksmith.links", Links) }
