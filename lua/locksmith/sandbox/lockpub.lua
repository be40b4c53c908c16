--- The LOCK.PUB developer API. What its documentation leaves open is marked as a choice; a client must not rely on it.

local ascii = require "locksmith.ascii"
local calendar = require "locksmith.sandbox.calendar"
local json = require "locksmith.sandbox.json"
local names = require "locksmith.sandbox.names"
local window = require "locksmith.sandbox.window"

local lockpub = {}
lockpub.__index = lockpub

lockpub.PATH = "/api/v1/links"

---@param options table
--- `now` fun(): number; `random` fun(n): integer; `key` string;
--- `rate` list of `{ requests, seconds }` or false; `quota` creations a month; `quota_used` number;
--- `quota_status` integer; `quota_retry_after` boolean; `reset_format` "seconds"|"milliseconds"|"iso";
--- `error_shape` "flat"|"nested"|"text"; `created_status` integer; `slug_pattern` string
---@return table
function lockpub.new(options)
  local windows = {}
  for i, limit in ipairs(options.rate or {}) do windows[i] = window.new(limit[1], limit[2]) end
  local self = setmetatable({
    options = options, now = options.now, key = options.key, windows = windows,
    links = {}, by_slug = {}, used = options.quota_used, rotations = 0,
  }, lockpub)
  self.resets_at = calendar.next_month(self.now())
  return self
end

--- Replaces the key; the previous one stops working at once.
---@return string # the new key
function lockpub:rotate()
  self.rotations = self.rotations + 1
  self.key = self.options.key .. "r" .. string.format("%.0f", self.rotations)
  return self.key
end

local function respond(status, value, headers)
  headers = headers or {}
  headers["content-type"] = headers["content-type"] or "application/json; charset=utf-8"
  local body = type(value) == "string" and value or json.encode(value)
  headers["content-length"] = tostring(#body)
  return { status = status, headers = headers, body = body }
end

-- Choice: the shape of an error body is undocumented, so tests can have several.
local function refuse(self, status, code, message, headers)
  local shape = self.options.error_shape
  if shape == "text" then
    headers = headers or {}
    headers["content-type"] = "text/plain; charset=utf-8"
    return respond(status, message, headers)
  end
  if shape == "nested" then
    return respond(status, json.object {
      { "error", json.object { { "code", code }, { "message", message } } },
    }, headers)
  end
  return respond(status, json.object { { "error", message }, { "code", code } }, headers)
end

-- Choice: the unit and form of X-Api-Quota-Reset are undocumented.
local function reset_text(self)
  local form = self.options.reset_format
  if form == "iso" then return calendar.format(self.resets_at) end
  return string.format("%.0f", self.resets_at * (form == "milliseconds" and 1000 or 1))
end

local function quota_headers(self)
  return {
    ["x-api-quota-limit"] = string.format("%.0f", self.options.quota),
    ["x-api-quota-remaining"] = string.format("%.0f", math.max(0, self.options.quota - self.used)),
    ["x-api-quota-reset"] = reset_text(self),
  }
end

-- Choice: only requests with a valid key fill the windows, and invalid ones among them do; refused ones do not.
-- The windows are the account's and outlive a key.
local function rate_limited(self)
  local now, wait = self.now(), 0
  for _, limit in ipairs(self.windows) do wait = math.max(wait, limit:wait("account", now)) end
  if wait > 0 then
    local seconds = string.format("%.0f", math.ceil(wait))
    return refuse(self, 429, "RATE_LIMITED", "Too many requests", { ["retry-after"] = seconds })
  end
  for _, limit in ipairs(self.windows) do limit:take("account", now) end
end

-- Choice: how an exhausted quota is signalled is undocumented; the sandbox answers 429 with the quota headers.
local function quota_exceeded(self)
  if self.used < self.options.quota then return nil end
  local headers = quota_headers(self)
  if self.options.quota_retry_after then
    headers["retry-after"] = string.format("%.0f", math.max(1, math.ceil(self.resets_at - self.now())))
  end
  return refuse(self, self.options.quota_status, "QUOTA_EXCEEDED", "Monthly API quota exceeded", headers)
end

local function text_field(fields, name)
  local value = fields[name]
  if value == nil or value == json.null then return nil end
  if type(value) ~= "string" or value == "" then return nil, name .. " must be a non-empty string" end
  return value
end

local function slug_field(self, fields)
  local slug, problem = text_field(fields, "customSlug")
  if problem or not slug then return nil, problem end
  if #slug < 3 or #slug > 30 then return nil, "customSlug must have 3 to 30 characters" end
  -- Choice: beyond "lowercase" the characters are undocumented; letters, digits, hyphen and underscore pass.
  if not slug:find(self.options.slug_pattern) then return nil, "customSlug must be lowercase" end
  return slug
end

local function limit_field(fields)
  local limit = fields.redirectLimit
  if limit == nil or limit == json.null then return nil end
  if type(limit) ~= "number" or limit < 1 or limit ~= math.floor(limit) then
    return nil, "redirectLimit must be a positive integer"
  end
  return limit
end

local function time_field(fields, name)
  local text, problem = text_field(fields, name)
  if problem or not text then return nil, problem end
  local seconds = calendar.parse(text)
  if not seconds then return nil, name .. " must be an ISO date/time" end
  return seconds
end

--- Checks the fields; returns the link to be stored, or nil and what is wrong.
local function read_link(self, fields)
  local kind = fields.type
  if kind ~= "url" and kind ~= "memo" then return nil, "type must be url or memo" end
  local link = { type = kind }
  local function take(key, value, problem, required)
    if problem then return problem end
    if required and not value then return key .. " is required" end
    link[key] = value
  end
  local destination = kind == "url" and (fields.targetUrl ~= nil and "targetUrl" or "link")
  -- Choice: a field of the other type is ignored.
  local problem
  if destination then
    local url, wrong = text_field(fields, destination)
    if url and not url:find("^https?://[^/]") then wrong = destination .. " must be an http or https URL" end
    problem = take("targetUrl", url, wrong, true)
  else
    local memo, wrong = text_field(fields, "secretMemo")
    problem = take("secretMemo", memo, wrong, true)
  end
  local function check(key, required, value, wrong)
    problem = problem or take(key, value, wrong, required)
  end
  check("password", true, text_field(fields, "password"))
  check("memo", true, text_field(fields, "memo"))
  check("slug", false, slug_field(self, fields))
  check("redirectLimit", false, limit_field(fields))
  check("startTime", false, time_field(fields, "startTime"))
  check("expireTime", false, time_field(fields, "expireTime"))
  if problem then return nil, problem end
  -- Choice: undocumented, but such a link could never open. An expireTime in the past is accepted.
  if link.startTime and link.expireTime and link.startTime >= link.expireTime then
    return nil, "startTime must be before expireTime"
  end
  return link
end

local function iso(seconds)
  return seconds and calendar.format(seconds) or json.null
end

-- Choice: only shortUrl is documented. Password and secret memo are never sent back.
local function present(link)
  local members = {
    { "id", link.id }, { "type", link.type }, { "slug", link.slug }, { "shortUrl", link.shortUrl },
  }
  if link.type == "url" then members[#members + 1] = { "targetUrl", link.targetUrl } end
  for _, member in ipairs {
    { "memo", link.memo }, { "redirectLimit", link.redirectLimit or json.null },
    { "startTime", iso(link.startTime) }, { "expireTime", iso(link.expireTime) }, { "createdAt", iso(link.createdAt) },
  } do members[#members + 1] = member end
  return json.object(members)
end

local function fresh_slug(self)
  while true do
    local slug = names.generate(self.options.random, 8)
    if not self.by_slug[slug] then return slug end
  end
end

--- Stores a link, as the service does and as someone else may.
---@param link table fields of the service; needs `type`, `memo`, `password` and what the type requires
---@return table link
function lockpub:add(link)
  link.slug = link.slug or fresh_slug(self)
  link.id = "lnk_" .. string.format("%.0f", #self.links + 1)
  link.shortUrl = "https://lock.pub/" .. link.slug
  link.createdAt = self.now()
  self.links[#self.links + 1] = link
  self.by_slug[link.slug] = link
  return link
end

local function create(self, request)
  local fields = json.decode(request.body)
  if type(fields) ~= "table" or fields == json.null or json.is_array(fields) then
    return refuse(self, 400, "INVALID_JSON", "The body must be a JSON object")
  end
  local link, problem = read_link(self, fields)
  if not link then return refuse(self, 400, "VALIDATION_ERROR", problem) end
  -- Choice: the status of a duplicate slug is undocumented; that it does not count is documented.
  if link.slug and self.by_slug[link.slug] then
    return refuse(self, 409, "SLUG_TAKEN", "customSlug is already in use")
  end
  self:add(link)
  self.used = self.used + 1
  return respond(self.options.created_status, present(link), quota_headers(self))
end

local function start_month(self)
  local now = self.now()
  if now >= self.resets_at then
    self.used, self.resets_at = 0, calendar.next_month(now)
  end
end

local function authorized(self, request)
  local scheme, key = (request.header("authorization") or ""):match("^([^ ]+) +([^ ]+)$")
  return scheme and ascii.lower(scheme) == "bearer" and key == self.key
end

local function serve(self, request)
  if request.path ~= lockpub.PATH then return refuse(self, 404, "NOT_FOUND", "Not found") end
  if not authorized(self, request) then return refuse(self, 401, "UNAUTHORIZED", "Invalid API key") end
  if request.method ~= "POST" then
    return refuse(self, 405, "METHOD_NOT_ALLOWED", "Method not allowed", { allow = "POST" })
  end
  start_month(self)
  return rate_limited(self) or quota_exceeded(self) or create(self, request)
end

---@param request table as returned by `http.parse`
---@return table response
function lockpub:handle(request)
  local response = serve(self, request)
  if request.method == "HEAD" then response.body = "" end
  return response
end

---@param path string
---@return boolean # whether a path is this service's
function lockpub.owns(path)
  return path:find("^/api/v1/") ~= nil
end

return lockpub
