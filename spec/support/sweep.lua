--- Every public method, played against a service that answers well but for what a spec breaks; and what holds of
--- whatever comes of it: see sweep.check.
--
-- A play is one call of one method with a client of its own. The service is a few lines and no sandbox, because the
-- sweeps play tens of thousands.

local Error = require "locksmith.error"
local cjson = require "cjson"
local clients = require "spec.support.clients"
local json = require "locksmith.json"
local sandbox = require "locksmith.sandbox"
local virtual = require "spec.support.virtual"

local sweep = {}

sweep.PASSWORD, sweep.MEMO, sweep.TARGET = "p4ss-only-for-you", "the memo nobody may read",
  "https://example.com/hid?t=1"
local SECRETS = { sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY, sweep.PASSWORD, sweep.MEMO, sweep.TARGET,
  (sandbox.LOCKER_KEY:match "[^.]+$") }
sweep.TIMEOUT = 30
-- More than any method needs of a service that answers.
local REQUESTS_MAX = 40

local KINDS = {}
for kind in ([[invalid_request unauthenticated forbidden plan_required limit_reached not_found conflict rate_limited
  quota_exceeded would_wait server_error connect tls network timeout bad_response too_large not_applied phase config
  store closed]]):gmatch "%S+" do KINDS[kind] = true end

local OUTCOMES = { not_sent = true, rejected = true, unknown = true, applied = true }
local SOURCES = { ["local"] = true, remote = true, transport = true }

-- The service ---------------------------------------------------------------------------------------------------------

-- Field by field, so that a sweep can put something else in the place of one.
local function object(fields)
  local parts = {}
  for i, field in ipairs(fields) do parts[i] = ('"%s":%s'):format(field[1], field[2]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function address(state, id)
  return { { "id", tostring(id) }, { "address", '"abc"' }, { "subdomain", "null" }, { "domain", '"maily.org"' },
    { "full_address", '"abc@maily.org"' }, { "enabled", tostring(state.enabled) },
    { "block_spam", tostring(state.block_spam) }, { "description", '"' .. state.description .. '"' },
    { "created_time", "1795189533" }, { "updated_time", "null" }, { "num_forwarded", "0" }, { "num_spam", "0" } }
end

local function subdomain(state, id)
  return { { "id", tostring(id) }, { "subdomain", '"' .. state.name .. '"' }, { "created_time", "1795189533" },
    { "num_alias", "2" } }
end

local LINK = { { "id", '"lnk_1"' }, { "type", '"url"' }, { "slug", '"k3x9"' },
  { "shortUrl", '"https://lock.pub/k3x9"' }, { "redirectLimit", "3" }, { "memo", "null" },
  { "expireTime", '"2027-01-31T12:00:00Z"' }, { "createdAt", '"2026-01-31T12:00:00.000Z"' },
  { "settings", '{"startTime":null}' } }

local function page_of(url, item)
  if url:find("paging=0", 1, true) then return nil, "[" .. item(1) .. "," .. item(2) .. "]" end
  local n = tonumber(url:match "[?&]page=(%d+)") or 1
  if n > 2 then return nil, '{"code":"0001","message":"Invalid page."}', 404 end
  return { { "count", "2" }, { "next", n == 1 and '"x"' or "null" }, { "previous", n == 2 and '"x"' or "null" },
    { "results", "[" .. item(n) .. "]" } }
end

local function flip(state, flag)
  state[flag] = not state[flag]
  return { { flag, tostring(state[flag]) } }
end

local function change(state, request)
  local _, fields = json.decode(request.body)
  if not state.premium then return { { "success", "true" } } end -- free plans say yes and drop flags
  for _, name in ipairs { "enabled", "block_spam", "description" } do
    if fields[name] ~= nil then state[name] = fields[name] end
  end
  return { { "success", "true" } }
end

local ROUTES = {
  ["POST links"] = function() return LINK, nil, 201 end,
  ["GET addresses"] = function(state, request)
    return page_of(request.url, function(id) return object(address(state, id)) end)
  end,
  ["POST addresses"] = function(state) return address(state, 7), nil, 201 end,
  ["GET addresses/7"] = function(state) return address(state, 7) end,
  ["PUT addresses/7"] = change,
  ["DELETE addresses/7"] = function() return nil, "", 204 end,
  ["PUT addresses/7/enabled"] = function(state) return flip(state, "enabled") end,
  ["PUT addresses/7/block_spam"] = function(state) return flip(state, "block_spam") end,
  ["GET subdomains"] = function(state, request)
    return page_of(request.url, function(id) return object(subdomain(state, id)) end)
  end,
  ["POST subdomains"] = function(state)
    return { { "id", "7" }, { "subdomain", '"' .. state.name .. '"' } }, nil, 201
  end,
  ["GET subdomains/7"] = function(state) return subdomain(state, 7) end,
  ["PUT subdomains/7"] = function() return { { "success", "true" } } end,
  ["DELETE subdomains/7"] = function() return nil, "", 204 end,
  ["GET subdomains/use_subdomain"] = function(state) return { { "use_relay_subdomain", tostring(state.in_use) } } end,
  ["PUT subdomains/use_subdomain"] = function(state)
    state.in_use = true
    return { { "use_relay_subdomain", "true" } }
  end,
}

--- A service whose `answer(request)` gives a response, and the fields of its body where that is an object.
local function service(premium)
  local state = { premium = premium, enabled = true, block_spam = false, description = "", name = "mine",
    in_use = false }
  return function(request)
    local path = request.url:gsub("^https://[^/]+/v3/relay/", ""):gsub("^https://[^/]+/api/v1/", "")
      :gsub("%?.*", ""):gsub("/%d+", "/7")
    local route = ROUTES[request.method .. " " .. path]
    if not route then return { status = 404, body = '{"code":"0002"}' } end
    local fields, body, status = route(state, request)
    return { status = status or 200, headers = { ["content-type"] = "application/json" },
      body = body or object(fields) }, fields
  end
end

--- The text of an object with another value for one of its fields; without a value the field is left out.
function sweep.body(fields, name, value)
  local changed = {}
  for _, field in ipairs(fields) do
    if field[1] ~= name then changed[#changed + 1] = field
    elseif value then changed[#changed + 1] = { name, value } end
  end
  return object(changed)
end

-- The methods ---------------------------------------------------------------------------------------------------------

local function link_fields(more)
  local fields = { type = "url", target_url = sweep.TARGET, password = sweep.PASSWORD, memo = "public",
    redirect_limit = 3, expire_time = 1790000000 }
  for name, value in pairs(more or {}) do fields[name] = value or nil end
  return fields
end

local function iterate(iterator)
  local items = {}
  for item in iterator do
    items[#items + 1] = item
    assert(#items < 1000, "an iterator without end")
  end
  return items
end

local function each(what, q)
  return function(client)
    return iterate(client[what]:each(q))
  end
end

--- `run(client)` makes the call. `reads`: it cannot change anything. `raises`: an iterator, whose errors are raised.
--- `bare`: a success comes without a response.
sweep.METHODS = {
  { name = "links:create", service = "lockpub", run = function(c) return c.links:create(link_fields()) end },
  { name = "links:create, a memo", service = "lockpub", run = function(c)
    return c.links:create { type = "memo", secret_memo = sweep.MEMO, password = sweep.PASSWORD, memo = "public" }
  end },
  { name = "links:create, own slug", service = "lockpub", slug = true, run = function(c)
    return c.links:create(link_fields { custom_slug = "k3x9" })
  end },
  { name = "links:create, a fresh slug", service = "lockpub", slug = true, run = function(c)
    return c.links:create(link_fields(), { idempotent = true })
  end },
  { name = "links:create, a vouched slug", service = "lockpub", slug = true, run = function(c)
    return c.links:create(link_fields { custom_slug = "k3x9" }, { idempotent = true })
  end },
  { name = "links:create, named", service = "lockpub", slug = true, run = function(c)
    return c.links:create(link_fields(), { idempotent = "invoice-4711" })
  end },
  { name = "lockpub:request", service = "lockpub", run = function(c)
    return c:request { method = "POST", path = "links", body = link_fields() }
  end },
  { name = "lockpub:quota", service = "lockpub", reads = true, bare = true, silent = true,
    run = function(c) return c:quota() end },
  { name = "lockpub:plan", service = "lockpub", reads = true, bare = true, silent = true,
    run = function(c) return c:plan(3) end },
  { name = "locker:key_info", service = "locker", reads = true, bare = true, silent = true,
    run = function(c) return c:key_info() end },
  { name = "locker:request, reading", service = "locker", reads = true, run = function(c)
    return c:request { method = "GET", path = "addresses", query = { page = 1 } }
  end },
  { name = "locker:request, safe", service = "locker", run = function(c)
    return c:request { method = "PUT", path = "addresses/7", body = { address = "abc" }, retry = "safe" }
  end },
  { name = "addresses:list", service = "locker", reads = true, run = function(c) return c.addresses:list() end },
  { name = "addresses:list, whole", service = "locker", reads = true,
    run = function(c) return c.addresses:list { paging = false } end },
  { name = "addresses:list, the last", service = "locker", reads = true,
    run = function(c) return c.addresses:list { page = 2, size = 1 } end },
  { name = "addresses:pages", service = "locker", reads = true, raises = true, bare = true,
    run = function(c) return iterate(c.addresses:pages { size = 1 }) end },
  { name = "addresses:each", service = "locker", reads = true, raises = true, bare = true, run = each "addresses" },
  { name = "addresses:each, by pages", service = "locker", reads = true, raises = true, bare = true,
    run = each("addresses", { size = 1 }) },
  { name = "addresses:all", service = "locker", reads = true,
    run = function(c) return c.addresses:all() end },
  { name = "addresses:create", service = "locker", run = function(c) return c.addresses:create() end },
  { name = "addresses:create, described", service = "locker", premium = true,
    run = function(c) return c.addresses:create { description = "news" } end },
  { name = "addresses:get", service = "locker", reads = true, run = function(c) return c.addresses:get(7) end },
  { name = "addresses:update", service = "locker", premium = true,
    run = function(c) return c.addresses:update(7, { description = "news" }) end },
  { name = "addresses:update, a flag", service = "locker", premium = true,
    run = function(c) return c.addresses:update(7, { enabled = false }) end },
  { name = "addresses:delete", service = "locker", run = function(c) return c.addresses:delete(7) end },
  { name = "addresses:set_enabled", service = "locker", premium = true,
    run = function(c) return c.addresses:set_enabled(7, false) end },
  { name = "addresses:set_enabled, free", service = "locker", drops = true,
    run = function(c) return c.addresses:set_enabled(7, false) end },
  { name = "addresses:set_block_spam, free", service = "locker", drops = true,
    run = function(c) return c.addresses:set_block_spam({ id = 7, address = "abc", block_spam = false }, true) end },
  { name = "subdomains:list", service = "locker", reads = true, run = function(c) return c.subdomains:list() end },
  { name = "subdomains:each", service = "locker", reads = true, raises = true, bare = true, run = each "subdomains" },
  { name = "subdomains:all", service = "locker", reads = true,
    run = function(c) return c.subdomains:all() end },
  { name = "subdomains:create", service = "locker", run = function(c) return c.subdomains:create "mine" end },
  { name = "subdomains:get", service = "locker", reads = true, run = function(c) return c.subdomains:get(7) end },
  { name = "subdomains:update", service = "locker",
    run = function(c) return c.subdomains:update(7, "mine", { confirm = "mine" }) end },
  { name = "subdomains:delete", service = "locker",
    run = function(c) return c.subdomains:delete(7, { confirm = "mine" }) end },
  { name = "subdomains:in_use", service = "locker", reads = true, run = function(c) return c.subdomains:in_use() end },
  { name = "subdomains:set_in_use", service = "locker", run = function(c) return c.subdomains:set_in_use(true) end },
}

-- Playing -------------------------------------------------------------------------------------------------------------

--- What a transport gave for a request, as the outcome of that attempt.
local BEFORE = { connect = true, tls = true, phase = true, config = true }

local function attempt_outcome(response, failure)
  if not response then
    failure = type(failure) == "table" and failure or {}
    local unsent = failure.sent == false or failure.sent == nil and BEFORE[failure.kind]
    return unsent and "not_sent" or "unknown"
  end
  local status = type(response) == "table" and response.status
  if type(status) ~= "number" then return "unknown" end
  if status >= 200 and status <= 299 then return "applied" end
  if status >= 400 and status <= 499 or status == 301 or status == 307 or status == 308 then return "rejected" end
  -- With a valid Retry-After it is a refusal: here either is fine.
  return status == 503 and "either" or "unknown"
end

--- Plays one method.
---@param method table of sweep.METHODS
---@param options table? of the client, and
---  `broken(n, request, serve)`: what the transport gives for the n-th request, nil for what the service does;
---  `wrap(play)`: before the call; `play.wrap_callback(name, wrapped)` replaces a callback by what wrapped(it) gives;
---  `call(run, client)`: makes the call in place of pcall; `aside(act)`: wraps what belongs to the play itself
---@return table play { method, client, clock, ok, value, result, requests, outcomes, events }
function sweep.play(method, options)
  options = options or {}
  local play = { method = method, requests = {}, outcomes = {}, events = {} }
  local serve = service(method.premium)
  local clock = virtual.clock()
  local callbacks = { on_event = function(event) play.events[#play.events + 1] = event end, now = clock.now,
    sleep = clock.sleep, transport = serve }
  local own = { timeout = sweep.TIMEOUT, on_event = function(event) return callbacks.on_event(event) end,
    clock = { now = function() return callbacks.now() end, sleep = function(span) return callbacks.sleep(span) end } }
  function play.wrap_callback(name, wrapped) callbacks[name] = wrapped(callbacks[name]) end
  for name, value in pairs(options) do own[name] = value end
  own.broken, own.call, own.wrap, own.aside = nil, nil, nil, nil
  local function transport(request)
    local n = #play.requests + 1
    play.requests[n] = request
    assert(n <= REQUESTS_MAX, "requests without end")
    local response, failure
    if options.broken and not play.over then response, failure = options.broken(n, request, serve) end
    if response == nil and failure == nil then response, failure = callbacks.transport(request) end
    if response == sweep.NOTHING then response = nil end
    play.outcomes[n] = attempt_outcome(response, failure)
    return response, failure
  end
  own.transport = transport
  if options.aside then own.transport, own.on_event = options.aside(transport), options.aside(own.on_event) end
  local client = clients[method.service](nil, own)
  play.client, play.clock, play.began = client, clock, clock.now()
  if options.wrap then options.wrap(play) end
  play.ok, play.value, play.result = (options.call or pcall)(method.run, client)
  return play
end

--- Stands for what a transport gives that gives nothing.
sweep.NOTHING = {}

--- As tostring, of anything.
function sweep.text(value)
  local ok, text = pcall(tostring, value)
  return ok and text or "a " .. type(value) .. " without a text"
end

-- Judging -------------------------------------------------------------------------------------------------------------

local function walkable(value, path, seen)
  local kind = type(value)
  if kind == "function" or kind == "userdata" or kind == "thread" then return path .. " is a " .. kind end
  if kind ~= "table" or seen[value] then return nil end
  seen[value] = true
  local length = #value
  for name, member in pairs(value) do
    local is_index = type(name) == "number" and name >= 1 and name <= length and name % 1 == 0
    if type(name) ~= "string" and not is_index then return path .. " has the key " .. tostring(name) end
    local problem = walkable(member, path .. "." .. tostring(name), seen)
    if problem then return problem end
  end
end

-- What the service said goes into results as it came, so only errors, responses and events are read for secrets.
local function check_value(what, value, public)
  local problem = walkable(value, what, {})
  if problem then return problem end
  local ok, text = pcall(cjson.encode, value)
  if not ok then return what .. " cannot be written as JSON: " .. tostring(text) end
  if public then return nil end
  for _, secret in ipairs(SECRETS) do
    if text:gsub("\\/", "/"):find(secret, 1, true) or tostring(value):find(secret, 1, true) then
      return what .. " shows a secret: " .. text
    end
  end
end

local function check_attempts(play, list)
  if type(list) ~= "table" then return "no list of attempts" end
  -- Each step of an iterator is a call of its own.
  local unsent = 0
  for _, attempt in ipairs(list) do
    local given_up = attempt.kind == "closed" or attempt.kind == "config" or attempt.kind == "too_large"
    if given_up and not attempt.status then unsent = unsent + 1 end
  end
  local count = #list - unsent
  -- One that was given up before, or while, the transport had it may be either.
  local fits = count <= #play.requests and (#list >= #play.requests or play.method.raises)
  if not play.nested and not fits then
    return ("%d attempts of %d requests"):format(#list, #play.requests)
  end
  for _, attempt in ipairs(list) do
    if attempt.kind ~= nil and not KINDS[attempt.kind] then return "an attempt of kind " .. tostring(attempt.kind) end
    if not attempt.kind and not attempt.status then return "an attempt without kind and status" end
    if type(attempt.elapsed) ~= "number" or type(attempt.wait) ~= "number" then return "an attempt without times" end
  end
end

local function check_outcome(play, err)
  local applied, unknown, sent = false, false, false
  for i, request in ipairs(play.requests) do
    if request.method ~= "GET" then
      local seen_to_do_nothing = play.method.drops and request.url:find "/7$"
      applied = applied or play.outcomes[i] == "applied" and not seen_to_do_nothing
      unknown = unknown or play.outcomes[i] == "unknown"
      sent = sent or play.outcomes[i] ~= "not_sent"
    end
  end
  local outcome = err.outcome
  if play.method.reads then
    if outcome == "applied" then return "a read was applied" end
    if tostring(err):find("carried out", 1, true) then return "a read may have been carried out: " .. tostring(err) end
  elseif not sent then
    if outcome ~= "not_sent" and not (outcome == "rejected" and #play.requests > 0) then
      return "nothing that writes was sent, but the outcome is " .. outcome
    end
  elseif (applied or unknown) and (outcome == "not_sent" or outcome == "rejected") then
    return "what was sent may have happened, but the outcome is " .. outcome
  end
end

local function check_error(play, err)
  if not Error.is(err) then return "no error object: " .. sweep.text(err) end
  if not KINDS[err.kind] then return "unknown kind " .. tostring(err.kind) end
  if not OUTCOMES[err.outcome] then return "unknown outcome " .. tostring(err.outcome) end
  if not SOURCES[err.source] then return "unknown source " .. tostring(err.source) end
  if type(err.message) ~= "string" or err.message == "" then return "no message" end
  if type(err.operation) ~= "string" then return "no operation" end
  if play.method.slug and #play.requests > 0 and type(err.slug) ~= "string" then return "no slug" end
  if tostring(err):find "[\r\n]" then return "more than a line: " .. tostring(err) end
  if ("x" .. err):sub(1, 1) ~= "x" then return "cannot be joined to texts" end
  return check_attempts(play, err.attempts) or check_outcome(play, err) or check_value("the error", err)
end

local function check_response(play, response)
  if type(response) ~= "table" or Error.is(response) then return "no response: " .. sweep.text(response) end
  if type(response.headers) ~= "table" then return "a response without headers" end
  if #play.requests > 0 and type(response.status) ~= "number" then return "a response without status" end
  return check_attempts(play, response.attempts) or check_value("the response", response)
end

local function check_events(play)
  if play.deaf then return nil end
  local ended = 0
  for _, event in ipairs(play.events) do
    if type(event.call) ~= "number" or type(event.time) ~= "number" then return "an event without call or time" end
    if event.type == "error" then ended = ended + 1 end
    local problem = check_value("the event " .. tostring(event.type), event)
    if problem then return problem end
  end
  local failed = Error.is(play.result) or not play.ok
  if not play.nested and ended ~= (failed and 1 or 0) then return ended .. " events say how it ended" end
end

local function judge(play)
  local method, value, result = play.method, play.value, play.result
  local took = play.clock.time - play.began
  local longest = sweep.TIMEOUT * (method.raises and #play.requests or 1)
  if took > longest and not play.nested then return "took " .. took .. " s" end
  if not play.ok then
    if not method.raises then return "raised " .. sweep.text(value) end
    return check_error(play, value)
  end
  if value == nil then
    if method.silent and result == nil then return nil end
    return check_error(play, result)
  end
  return check_value("the value", value, true)
    or method.bare and result ~= nil and "a second value" or not method.bare and check_response(play, result) or nil
end

--- What is wrong with a play.
---@return string?
function sweep.wrong(play)
  return judge(play) or check_events(play)
end

--- Whether the client of a play still does what it did before, once all is well.
---@return string?
function sweep.stuck(play)
  play.clock.time = play.clock.time + 86400 * 40
  play.over = true
  local ok, value, result = pcall(function()
    if play.method.service == "lockpub" then return play.client.links:create(link_fields { expire_time = false }) end
    return play.client.addresses:all()
  end)
  if not ok then return "afterwards it raised " .. sweep.text(value) end
  if not value then return "afterwards: " .. sweep.text(result) end
end

return sweep
