--- What the parts of one client share. Never handed to users: it leads to the key function and the transport.

local Error = require "locksmith.error"
local carried = require "locksmith.carried"
local clock = require "locksmith.clock"
local core = require "locksmith.core"
local json = require "locksmith.json"
local key_source = require "locksmith.key_source"
local memory = require "locksmith.store.memory"
local checked_options = require "locksmith.options"
local transport = require "locksmith.transport"
local version = require "locksmith.version"

---@class locksmith.Session
local Session = {}
Session.__index = Session

local session = {}

local function fill_defaults(options)
  if transport.under_nginx() then options.timeout = options.timeout or core.server_timeout end
  for name, value in pairs(core.defaults) do
    if options[name] == nil then options[name] = value end
  end
  options.on_store_error = options.on_store_error or "local"
  return options
end

local warned

--- Each worker of an nginx would keep the windows for itself, and all of them together break them.
local function warn_of_workers(ngx)
  local ok, count = pcall(function() return ngx.worker.count() end)
  if warned or not ok or not count or count < 2 then return end
  warned = true
  ngx.log(ngx.WARN, ("locksmith: each of the %d workers paces on its own: put \"lua_shared_dict locksmith 1m;\" into "
    .. "nginx.conf (locksmith-http.conf has it), or give the clients a store"):format(count))
end

local function default_store(windows)
  if transport.under_nginx() then
    local ngx = rawget(_G, "ngx")
    local dicts = ngx.shared
    if dicts and dicts.locksmith then return require("locksmith.store.shdict").new "locksmith" end
    if #windows > 0 then warn_of_workers(ngx) end
  end
  return memory.default()
end

local function user_agent(own)
  local name = "locksmith/" .. version
  if own == nil or own == "" then return name end
  return name .. " " .. own
end

-- Why an option of the right type cannot be used, in words that do not show it.
local function unusable(options)
  if options.user_agent and options.user_agent:find "[%z\1-\31\127-\255]" then
    return "user_agent holds a character that no header can carry"
  end
  if options.slug_secret == "" then return "slug_secret must not be empty" end
  if options.ca_file and options.ca_file:find("\0", 1, true) then return "ca_file holds a NUL byte" end
  if options.proxy and not core.proxy(options.proxy) then
    return "proxy holds a control character, or its login decodes to one"
  end
end

---@param service "lockpub"|"locker"
---@param given table checked options
---@return locksmith.Session?
---@return locksmith.Error?
function session.new(service, given)
  local what = "locksmith." .. service
  local options = fill_defaults(checked_options.copy(given))
  local problem = unusable(options)
  if problem then return nil, Error.refused("invalid_request", problem, what) end
  local client
  client, problem = core.client {
    service = service,
    base_url = options.base_url,
    path_prefix = options.path_prefix,
    user_agent = user_agent(options.user_agent),
    windows = options.rate,
    margin = options.pacing_margin,
    key_renewable = type(options.api_key) == "function",
    timeout = options.timeout,
    attempt_timeout = options.attempt_timeout,
    max_retries = options.max_retries,
    pacing = options.pacing,
  }
  if not client then
    if not problem:find "^path_prefix" then problem = "base_url: " .. problem end
    return nil, Error.refused("invalid_request", problem, what)
  end

  local own_clock = options.clock and clock.checked(options.clock)
  local store = options.store or default_store(client:windows())
  local in_process = memory.of(store)
  local self = setmetatable({
    service = service,
    core = client,
    windows = client:windows(),
    options = options,
    memory = in_process,
    store = not in_process and carried.new(store, client:state_room()) or nil,
    on_store_error = options.on_store_error,
    on_event = options.on_event,
    random = options.random or core.random,
    now = own_clock and own_clock.now or core.now,
    own_clock = own_clock,
    key_generation = 0,
    tasks = 0,
    emitting = setmetatable({}, { __mode = "k" }), -- places that run on_event
  }, Session)

  if type(options.api_key) == "function" then
    self.ask_key = options.api_key
  else
    local variable = core.service(service).key_variable
    local text = options.api_key or os.getenv(variable)
    local key, message = key_source.parse(service, text)
    if not text and transport.under_nginx() then
      message = ("%s (nginx hides the environment from its workers: put \"env %s;\" at the top of nginx.conf)")
        :format(message, variable)
    end
    if not key then return nil, Error.refused("unauthenticated", message, what) end
    key_source.adopt(self, key)
  end
  local secret = options.slug_secret
  if secret then self.slug_secret = type(secret) == "string" and { text = secret } or { ask = secret } end
  options.api_key, options.slug_secret = nil, nil
  return self
end

local function closed(operation)
  return Error.refused("closed", "the client is closed", operation)
end

--- Finds transport and clock at the first call.
---@return locksmith.Error?
local function start(self, operation)
  local options = self.options
  local chosen, natural = transport.resolve(options)
  if not chosen then return Error.refused("config", natural, operation) end
  local used = self.own_clock or natural
  self.transport, self.now, self.sleep = chosen, used.now, used.sleep
end

--- Makes sure that a call can be made at all.
---@param operation string
---@return locksmith.Error?
function Session:ready(operation)
  if self.closed then return closed(operation) end
  if not self.transport then
    local err = start(self, operation)
    if err then return err end
  end
  local usable = self.transport.usable
  if not usable then return nil end
  local kind, message = usable(self.transport)
  if kind then return Error.refused(kind, message, operation) end
end

--- What is known of a key: a copy of its state.
---@param name string
---@param now number
---@return userdata? state
---@return number|string now by the clock of the place where it is kept, or why it is out of reach
function Session:look(name, now)
  if self.memory then return self.memory:state(name), now end
  return carried.look(self, name, now)
end

--- The claims of the present key; a key function is asked when it was not before.
---@return table? claims
---@return string? kind of the error
---@return string? message
function Session:key_claims()
  local key, kind, message = key_source.present(self)
  if not key then return nil, kind, message end
  local _, claims = json.decode(key:payload())
  return claims
end

--- Forgets the key and drops the connections. Calls that are under way notice before their next step: what they hold
--- stays whole until then.
function Session:close()
  if self.closed then return end
  self.closed = true
  if self.key then self.key:close() end
  self.key, self.ask_key, self.slug_secret = nil, nil, nil
  self.core:set_key(nil)
  local chosen = self.transport
  if chosen and chosen.close then chosen:close() end
end

return session
