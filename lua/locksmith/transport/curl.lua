--- libcurl, for everything that is not nginx. A request that blocks has the main handle; each of those that are under
--- way together has one of its own. A handle has a connection, which stays for its next request.

local core = require "locksmith.core"
local scheduler = require "locksmith.scheduler"

---@class locksmith.CurlTransport
---@field library table
---@field settings table of its handles
---@field main userdata
---@field idle table<boolean, userdata[]> the other ones, by whether they share nothing, as event loops want it
---@field busy table<userdata, boolean>
local Curl = {}
Curl.__index = Curl
Curl.tells = true

local function take(self, apart)
  local handle = table.remove(self.idle[apart])
  if not handle then
    local message
    self.settings.alone = apart
    handle, message = self.library.new(self.settings)
    if not handle then return nil, message end
  end
  self.busy[handle] = true
  return handle
end

-- So many of a sort stay when none is busy.
local IDLE_MAX = 1

local function trim(self, most)
  for _, list in pairs(self.idle) do
    for i = #list, most + 1, -1 do
      list[i]:close()
      list[i] = nil
    end
  end
end

--- Closes connections that nothing needs for now.
function Curl:rest()
  if next(self.busy) == nil then trim(self, IDLE_MAX) end
end

--- A run of many calls goes on with the connections until it ends.
local function given_back(self, place, handle, ...)
  self.busy[handle] = nil
  if self.closed then
    handle:close()
    return ...
  end
  local list = self.idle[place.apart or false]
  list[#list + 1] = handle
  if place.resting then
    place.resting[self] = true
  else
    self:rest()
  end
  return ...
end

--- Sends in the coroutine's place. Something that raises in between leaves the handle to be collected.
local function send_in(self, place, call, limit, noted)
  local apart = place.apart or false
  local handle, message = take(self, apart)
  if not handle then return nil, { kind = "config", sent = false, message = message, permanent = true } end
  local ends = core.now() + limit
  local started, failure = handle:start(call, limit, noted)
  if not started then return given_back(self, place, handle, nil, failure) end
  local lines, left = { handle }, limit
  handle:advance()
  while not handle:has_ended() and not place.left do
    place:wait(lines, left)
    handle:advance()
    left = math.max(0, math.min(left, ends - core.now()))
  end
  return given_back(self, place, handle, handle:finish(call, nil, noted))
end

--- Carries out one attempt.
---@param call userdata
---@param limit number seconds
---@param noted locksmith.Task
---@return locksmith.Answer?
---@return locksmith.Failure?
function Curl:send(call, limit, noted)
  local place = scheduler.here()
  if place then return send_in(self, place, call, limit, noted) end
  return self.main:send(call, limit, noted)
end

function Curl:close()
  self.closed = true
  trim(self, 0)
  for handle in pairs(self.busy) do handle:close() end
  self.main:close()
end

local curl = {}

---@param options table the client's options
---@return locksmith.CurlTransport?
---@return string? message why it cannot be used
function curl.new(options)
  local ok, library = pcall(require, "locksmith.curl")
  if not ok and tostring(library):find "not enough memory$" then error(library, 0) end
  if not ok then return nil, "transport \"curl\" needs locksmith's libcurl module: " .. tostring(library) end
  local self = setmetatable({
    library = library,
    settings = {
      ca_file = options.ca_file,
      proxy = options.proxy,
      connect_timeout = options.connect_timeout,
      max_response_bytes = options.max_response_bytes,
    },
    idle = { [false] = {}, [true] = {} },
    busy = setmetatable({}, { __mode = "k" }),
  }, Curl)
  local message
  self.main, message = library.new(self.settings)
  if not self.main then return nil, message end
  return self
end

return curl
