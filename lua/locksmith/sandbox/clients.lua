--- Clients of a sandbox, for tests of code that uses the library: methods of a sandbox that make them.

---@class locksmith.Sandbox
local clients = {}

local KEY_OF = {
  lockpub = function(box) return box:key() end,
  locker = function(box) return box.store:get("main").token end,
}

--- The box's clock, for clients and for code under test. Without the option `clock` time stands still from the first
--- call on, and moves by `sleep` and by `Sandbox:advance` only: nothing is ever waited for.
---@return locksmith.Clock
function clients:clock()
  if self.wired_clock then return self.wired_clock end
  local given = self.options.clock
  if not given and not self.options.start_time then
    local began = self.clock_now() - self.offset
    self.base = function() return began end
  end
  local sleep = given and given.sleep
  self.wired_clock = {
    now = self.clock_now,
    sleep = function(seconds)
      if sleep then return sleep(seconds) end
      self:advance(seconds)
    end,
  }
  return self.wired_clock
end

local function client(box, service, given)
  local options = { api_key = KEY_OF[service](box), transport = box:transport(), clock = box:clock() }
  if not box.wired_store then box.wired_store = require("locksmith.store.memory").new() end
  options.store = box.wired_store
  if given ~= nil and type(given) ~= "table" then
    require("locksmith.options").misuse(("sandbox.%s: options must be a table, not a %s"):format(service, type(given)))
  end
  for name, value in pairs(given or {}) do options[name] = value end
  return require("locksmith." .. service).new(options)
end

--- A LOCK.PUB client of this box: its transport and clock, a key that it takes, and a memory store that only the
--- clients of this box share.
---@param options? locksmith.ClientOptions to be others
---@return locksmith.Lockpub? client
---@return locksmith.Error? err
function clients:lockpub(options)
  local made, err = client(self, "lockpub", options)
  return made, err
end

--- A Locker client of this box, likewise, with the key of the account "main".
---@param options? locksmith.ClientOptions to be others
---@return locksmith.Locker? client
---@return locksmith.Error? err
function clients:locker(options)
  local made, err = client(self, "locker", options)
  return made, err
end

return clients
