--- The subdomain endpoints of the Locker server.

local accounts = require "locksmith.sandbox.locker.accounts"
local fields = require "locksmith.sandbox.locker.fields"
local json = require "locksmith.sandbox.json"
local paging = require "locksmith.sandbox.locker.paging"
local reply = require "locksmith.sandbox.locker.reply"
local words = require "locksmith.sandbox.locker.words"

local subdomains = {}

local NAME_RULES = { { name = "subdomain", kind = "string", required = true, min = 3, max = 64 } }
local FLAG_RULES = { { name = "use_relay_subdomain", kind = "boolean", required = true } }

local NOT_VALID = {
  "This subdomain is not valid (has black words, blocked words, etc...)",
  "Tên miền phụ này có chứa từ khóa không hợp lệ",
}
local USED = {
  "This subdomain is used. Try another subdomain",
  "Tên miền phụ này đã được sử dụng. Hãy thử lại với tên miền phụ khác",
}

local function present(row, in_list)
  local inside = accounts.inside(row)
  local spam, forwarded = 0, 0
  for _, address in ipairs(inside) do
    spam, forwarded = spam + address.num_spam, forwarded + address.num_forwarded
  end
  -- The list sums in SQL, where the sum of nothing is null.
  local unknown = in_list and #inside == 0
  return json.object {
    { "id", row.id },
    { "subdomain", row.name },
    { "created_time", json.float(row.created_time) },
    { "num_alias", #inside },
    { "num_spam", unknown and json.null or spam },
    { "num_forwarded", unknown and json.null or forwarded },
  }
end

local function present_in_list(row)
  return present(row, true)
end

local function live(context)
  return { context.store:live_subdomain(context.account) }
end

function subdomains.list(context, request)
  return paging.list(request, live(context), present_in_list, context.quirks)
end

local function refuse_name(context, name)
  if not words.valid(name) then return reply.invalid_field("subdomain", NOT_VALID) end
  if context.store.subdomain_names[name] then return reply.invalid_field("subdomain", USED) end
end

function subdomains.create(context)
  if not accounts.paid(context.account) then return reply.refused("7002") end
  local values, details = fields.read(context.data, NAME_RULES)
  if not values then return reply.invalid(details) end
  local refusal = refuse_name(context, values.subdomain)
  if refusal then return refusal end
  if live(context)[1] then return reply.refused("8001") end
  local row = context.store:add_subdomain(context.account, { subdomain = values.subdomain })
  return reply.json(201, json.object { { "id", row.id }, { "subdomain", row.name } })
end

function subdomains.get(context)
  return reply.json(200, present(context.row))
end

--- The plan is checked before the subdomain is looked up, unlike everywhere else.
function subdomains.update(context)
  if not accounts.paid(context.account) then return reply.refused("7002") end
  local row = context.row
  if not row then return reply.rebuilt("0001") end
  local values, details = fields.read(context.data, NAME_RULES)
  if not values then return reply.invalid(details) end
  if values.subdomain ~= row.name then
    local refusal = refuse_name(context, values.subdomain)
    if refusal then return refusal end
    context.store:rename_subdomain(row, values.subdomain)
  end
  return reply.json(200, json.object { { "id", row.id } })
end

function subdomains.delete(context)
  context.store:delete_subdomain(context.row)
  return reply.empty(204)
end

local function flag(context)
  return reply.json(200, json.object { { "use_relay_subdomain", context.account.use_subdomain } })
end

function subdomains.get_use(context)
  return flag(context)
end

function subdomains.set_use(context)
  if not accounts.paid(context.account) then return reply.refused("7002") end
  local values, details = fields.read(context.data, FLAG_RULES)
  if not values then return reply.invalid(details) end
  context.account.use_subdomain = values.use_relay_subdomain
  return flag(context)
end

return subdomains
