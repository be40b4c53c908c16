-- Makes a link for a customer that can be opened once, within a day.

local cjson = require "cjson"
local locksmith = require "locksmith"

-- One client for all requests: connections, pacing and the monthly quota are shared.
local lockpub = assert(locksmith.lockpub {
  api_key = os.getenv "LOCKPUB_API_KEY",
  base_url = os.getenv "LOCKPUB_BASE_URL",
})

local invoice_link = {}

local function reply(status, value)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(cjson.encode(value))
end

-- Something to say over the telephone.
local function new_password()
  local random = assert(io.open("/dev/urandom", "rb"))
  local bytes = random:read(6)
  random:close()
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

function invoice_link.answer()
  local invoice = ngx.var.arg_invoice
  if not invoice or not invoice:find "^%d+$" then return reply(400, { error = "which invoice?" }) end
  local password = new_password()
  local link, err = lockpub.links:create({
    type = "url",
    target_url = "https://shop.example/invoices/" .. invoice,
    password = password,
    memo = "Invoice " .. invoice,
    redirect_limit = 1,
    expire_time = os.time() + 86400,
  }, { timeout = 10, idempotent = true }) -- a customer waits, and a lost answer may be asked for again
  if link then
    return reply(201, { link = link.short_url or "https://lock.pub/" .. link.slug, password = password })
  end

  ngx.log(ngx.ERR, tostring(err)) -- never shows key or password
  if err.retry_after then ngx.header["Retry-After"] = math.ceil(err.retry_after) end
  if err.kind == "would_wait" or err.kind == "rate_limited" or err.kind == "quota_exceeded" then
    return reply(503, { error = "too many links at the moment" })
  end
  return reply(502, { error = "no link could be made" })
end

return invoice_link
