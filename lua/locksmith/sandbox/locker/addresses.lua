--- The address endpoints of the Locker server.

local accounts = require "locksmith.sandbox.locker.accounts"
local fields = require "locksmith.sandbox.locker.fields"
local json = require "locksmith.sandbox.json"
local paging = require "locksmith.sandbox.locker.paging"
local reply = require "locksmith.sandbox.locker.reply"

local addresses = {}

local FREE_LIMIT = 1
-- Longer ones pass validation and fail in the database.
local MAX_DESCRIPTION = 64

local UPDATE_RULES = {
  { name = "address", kind = "string", required = true, min = 6, max = 64 },
  { name = "description", kind = "string", allow_blank = true },
  { name = "enabled", kind = "boolean" },
  { name = "block_spam", kind = "boolean" },
}

local TAKEN = { "This address exists", "Địa chỉ đã tồn tại" }
local NOT_VALID = {
  "This address is not valid (black words, blocked words, used by other user,...)",
  "Địa chỉ này không hợp lệ (từ khóa cấm, đã sử dụng bởi user khác)",
}

local function time(value)
  return value and json.float(value) or json.null
end

local function present(row, created_time)
  local public = accounts.public_address(row)
  return json.object {
    { "id", public.id },
    { "address", public.address },
    { "subdomain", public.subdomain or json.null },
    { "domain", public.domain },
    { "enabled", public.enabled },
    { "block_spam", public.block_spam },
    { "description", public.description },
    { "created_time", created_time or time(public.created_time) },
    { "updated_time", time(public.updated_time) },
    { "num_forwarded", public.num_forwarded },
    { "num_blocked", public.num_blocked },
    { "num_replied", public.num_replied },
    { "num_spam", public.num_spam },
    { "full_address", public.full_address },
  }
end

local function present_stored(row)
  return present(row)
end

function addresses.list(context, request)
  local rows = context.store:by_age(context.account, "list")
  return paging.list(request, rows, present_stored, context.quirks)
end

function addresses.create(context)
  if context.data.not_object then return reply.invalid() end
  local account, store = context.account, context.store
  local paid = accounts.paid(account)
  if not paid and #account.addresses >= FREE_LIMIT then return reply.refused("8000") end
  local subdomain = paid and account.use_subdomain and store:live_subdomain(account)
  local row = store:add_address(account, { subdomain = subdomain and subdomain.name or nil })
  -- Fresh from memory the time is an integer, read back from its column a float.
  return reply.json(201, present(row, row.created_time))
end

function addresses.get(context)
  return reply.json(200, present(context.row))
end

local function refuse_rename(context, row, name)
  local store = context.store
  if store:by_age(context.account, "oldest")[1] ~= row then return reply.rebuilt("0002") end
  if store.locals[name] then return reply.invalid_field("address", TAKEN) end
  if not store:may_be_taken(name) then return reply.invalid_field("address", NOT_VALID) end
end

function addresses.update(context)
  local values, details = fields.read(context.data, UPDATE_RULES)
  if not values then return reply.invalid(details) end
  local row = context.row
  local renamed = values.address ~= row.address
  local refusal = renamed and refuse_rename(context, row, values.address)
  if refusal then return refusal end
  if values.description then
    if fields.length(values.description) > MAX_DESCRIPTION then return reply.rebuilt("0008") end
    row.description = values.description
  end
  if renamed then context.store:rename_address(row, values.address) end
  if accounts.paid(context.account) then
    if values.enabled ~= nil then row.enabled = values.enabled end
    if values.block_spam ~= nil then row.block_spam = values.block_spam end
  end
  row.updated_time = math.floor(context.now)
  return reply.json(200, json.object { { "id", row.id } })
end

function addresses.delete(context)
  context.store:delete_address(context.row)
  return reply.empty(204)
end

local function toggle(context, flag)
  local row = context.row
  row[flag] = not row[flag]
  row.updated_time = math.floor(context.now)
  return reply.json(200, json.object { { "id", row.id }, { flag, row[flag] } })
end

function addresses.toggle_enabled(context)
  return toggle(context, "enabled")
end

function addresses.toggle_block_spam(context)
  if not accounts.paid(context.account) then return reply.refused("7002") end
  return toggle(context, "block_spam")
end

return addresses
