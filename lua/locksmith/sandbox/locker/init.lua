--- The Locker server: routes and the order in which it checks a request.

local addresses = require "locksmith.sandbox.locker.addresses"
local ascii = require "locksmith.ascii"
local body = require "locksmith.sandbox.locker.body"
local http = require "locksmith.sandbox.http"
local json = require "locksmith.sandbox.json"
local reply = require "locksmith.sandbox.locker.reply"
local subdomains = require "locksmith.sandbox.locker.subdomains"
local window = require "locksmith.sandbox.window"

local locker = {}
locker.__index = locker

--- The same resources are served under both.
locker.PREFIXES = { "/v3/cystack_platform/relay", "/v3/relay" }

local ROOT = {
  name = "Api Root", description = "The default basic root view for DefaultRouter", allow = "GET, HEAD, OPTIONS",
  GET = "root",
}
local ROUTES = {
  addresses = { allow = "HEAD, OPTIONS, GET, POST", GET = addresses.list, POST = addresses.create },
  address = {
    allow = "HEAD, OPTIONS, GET, PUT, DELETE", row = "address", unknown = "Relay Address Instance",
    GET = addresses.get, PUT = addresses.update, DELETE = addresses.delete,
  },
  enabled = { name = "Enabled", allow = "OPTIONS, PUT", row = "address", PUT = addresses.toggle_enabled },
  block_spam = { name = "Block spam", allow = "OPTIONS, PUT", row = "address", PUT = addresses.toggle_block_spam },
  subdomains = { allow = "HEAD, OPTIONS, GET, POST", GET = subdomains.list, POST = subdomains.create },
  subdomain = {
    allow = "HEAD, OPTIONS, GET, PUT, DELETE", row = "subdomain", row_optional = { PUT = true },
    unknown = "Relay Subdomain Instance",
    GET = subdomains.get, PUT = subdomains.update, DELETE = subdomains.delete,
  },
  use_subdomain = {
    name = "Use subdomain", allow = "HEAD, OPTIONS, GET, PUT", GET = subdomains.get_use, PUT = subdomains.set_use,
    -- The server routes HEAD to a function that knows only the other two.
    HEAD = function() return reply.rebuilt("0008") end,
  },
}

---@param options table `store` (accounts), `now` fun(): number, `throttle` requests a minute or false,
--- `allowed_hosts` list or nil for all, `quirks` table
---@return table
function locker.new(options)
  local self = setmetatable({
    store = options.store, now = options.now, allowed_hosts = options.allowed_hosts, quirks = options.quirks,
  }, locker)
  self:set_throttle(options.throttle)
  return self
end

---@param limit number|false requests a minute and address
function locker:set_throttle(limit)
  self.throttle = limit and window.new(limit, 60) or nil
end

---@param path string
---@return string? rest what follows the prefix, nil when the path is another service's
function locker.rest_of(path)
  for _, prefix in ipairs(locker.PREFIXES) do
    local after = path:sub(#prefix + 1)
    if path:sub(1, #prefix) == prefix and (after == "" or after:sub(1, 1) == "/") then return after end
  end
end

--- Route, id and format of a path below the prefix; nil when there is none (so also with a trailing slash).
local function match(rest)
  if rest == "/" then return ROOT end
  local path, format = rest:match("^(/.-)%.([a-z0-9]+)$")
  path = path or rest
  if path == "/addresses" then return ROUTES.addresses, nil, format end
  if path == "/subdomains" then return ROUTES.subdomains, nil, format end
  if path == "/subdomains/use_subdomain" then return ROUTES.use_subdomain, nil, format end
  local id, action = path:match("^/addresses/([0-9]+)/([a-z_]+)$")
  if action == "enabled" or action == "block_spam" then return ROUTES[action], tonumber(id), format end
  id = path:match("^/addresses/([0-9]+)$")
  if id then return ROUTES.address, tonumber(id), format end
  id = path:match("^/subdomains/([0-9]+)$")
  if id then return ROUTES.subdomain, tonumber(id), format end
end

local function host_allowed(self, host)
  if not self.allowed_hosts then return true end
  local name = ascii.lower((host:gsub(":[0-9]+$", "")))
  for _, allowed in ipairs(self.allowed_hosts) do
    if name == allowed then return true end
  end
  return false
end

local function account_of(self, request)
  local header = request.header("authorization") or ""
  local parts = {}
  for part in header:gmatch("[^\t-\r ]+") do parts[#parts + 1] = part end
  if #parts ~= 2 or ascii.lower(parts[1]) ~= "bearer" then return nil end
  return self.store:authenticate(parts[2])
end

local function refuse_body(request, problem)
  if problem == "unsupported" then
    return reply.detail(415, 'Unsupported media type "' .. (request.header("content-type") or "") .. '" in request.')
  end
  if problem == "page" then return reply.bad_request_page() end
  return reply.invalid(json.object {})
end

--- The bucket is not the user's: it is the client's address, or a `username` in the body.
local function throttled(self, request, data)
  if not self.throttle then return nil end
  local username = data.values.username
  if json.is_number(username) then username = json.python_text(username) end
  local forwarded = request.header("x-forwarded-for")
  local key = type(username) == "string" and username ~= "" and "name " .. username
    or "address " .. (forwarded and forwarded:gsub("[\t-\r ]+", "") or request.peer)
  local now = self.now()
  local wait = self.throttle:wait(key, now)
  if wait <= 0 then
    self.throttle:take(key, now)
    return nil
  end
  local seconds = string.format("%.0f", math.ceil(wait))
  local response = reply.detail(429, "Request was throttled. Expected available in " .. seconds
    .. (seconds == "1" and " second." or " seconds."))
  response.headers["retry-after"] = seconds
  return response
end

local function options(route, row)
  -- Where the server would describe the fields of a body it fails; where there are none, or nothing they belong to, it
  -- does not come to that.
  local name = route.name or (not row and route.unknown)
  if not name then return reply.rebuilt("0008") end
  return reply.json(200, json.object {
    { "name", name },
    { "description", route.description or "" },
    { "renders", json.array { "application/json" } },
    { "parses", json.array { "application/json", "application/x-www-form-urlencoded", "multipart/form-data" } },
  })
end

local function root(request)
  local scheme = request.header("x-forwarded-proto") == "https" and "https" or "http"
  local base = scheme .. "://" .. request.host .. request.raw_path
  return reply.json(200, json.object {
    { "addresses", base .. "addresses" }, { "subdomains", base .. "subdomains" },
  })
end

local function row_of(self, account, route, id)
  if route.row == "address" then return self.store:address(account, id) end
  local row = self.store:live_subdomain(account)
  if row and row.id == id then return row end
end

--- Everything behind authentication.
local function serve(self, request, account, route, id)
  if not account.active then return reply.rebuilt("0002") end
  local data = { values = {}, form = false }
  if route ~= ROOT then
    local problem
    data, problem = body.parse(request)
    if not data then return refuse_body(request, problem) end
    local refusal = throttled(self, request, data)
    if refusal then return refusal end
  end
  local row = route.row and row_of(self, account, route, id)
  if request.method == "OPTIONS" then return options(route, row) end
  local handler = route[request.method] or (request.method == "HEAD" and route.GET)
  if type(handler) == "string" then return root(request) end
  if type(handler) ~= "function" then return reply.method_not_allowed() end
  local context = {
    account = account, data = data, store = self.store, quirks = self.quirks, now = self.now(),
    row = row,
  }
  if route.row and not context.row and not (route.row_optional and route.row_optional[request.method]) then
    return reply.rebuilt("0001")
  end
  return handler(context, request)
end

local function preflight(request)
  return request.method == "OPTIONS" and request.header("origin")
    and request.header("access-control-request-method")
end

local function respond(self, request)
  if not host_allowed(self, request.host) then
    local response = reply.bad_request_page()
    response.no_length = true
    return response
  end
  if preflight(request) then
    local response = reply.empty(200, { ["content-type"] = "text/html; charset=utf-8" })
    response.rebuilt = true
    return response
  end
  local rest = locker.rest_of(request.path)
  if rest == "" then return reply.moved(request.raw_path .. "/") end
  local route, id, format = match(rest or "")
  if not route then return reply.rebuilt("0001") end
  format = format or http.last(request.query, "format")
  if format and format ~= "" and format ~= "json" then return reply.rebuilt("0001") end
  if not http.accepts_json(request.header("accept")) then
    return reply.detail(406, "Could not satisfy the request Accept header."), route
  end
  local account = account_of(self, request)
  if not account then return reply.rebuilt("0000") end
  return serve(self, request, account, route, id), route
end

--- Headers every answer has; a HEAD answer keeps the length of the body it does not have.
---@param response table
---@param request table
---@param allow? string
---@return table response
function locker.finish(response, request, allow)
  local headers = response.headers
  headers.vary = "origin"
  if allow and not response.rebuilt then headers.allow = allow end
  if not response.no_length then headers["content-length"] = tostring(#response.body) end
  return {
    status = response.status, headers = headers, body = request.method == "HEAD" and "" or response.body,
  }
end

---@param request table as returned by `http.parse`
---@return table response
function locker:handle(request)
  local response, route = respond(self, request)
  return locker.finish(response, request, route and route.allow)
end

return locker
