--- What holds for every store.

local contract = require "spec.support.store_contract"
local core = require "locksmith.core"
local locksmith = require "locksmith"
local redis = require "spec.support.redis"
local shared_dict = require "spec.support.shared_dict"
local shell = require "spec.support.shell"
local table_store = require "spec.support.table_store"

-- A clock of the test's own, where the store can be given one.
local function virtual()
  local time, own = 1780000000, core.now
  core.now = function() return time end
  return {
    now = core.now,
    pass = function(seconds) time = time + seconds end,
    restore = function() core.now = own end,
  }
end

local server

local PLACES = {
  ["a shared dict"] = function()
    local clock = virtual()
    local dict = shared_dict.new { clock = clock.now }
    local own = rawget(_G, "ngx")
    _G.ngx = { shared = { pacing = dict } }
    return {
      open = function() return locksmith.shdict "pacing" end, pass = clock.pass,
      lose = function() for key in pairs(dict.items) do dict:delete(key) end end,
      close = function()
        _G.ngx = own
        clock.restore()
      end,
    }
  end,
  ["Redis"] = redis.usable "Redis as a store" and function()
    server = server or redis.start()
    return {
      open = function() return locksmith.redis { unix = server.unix, timeout = 5 } end, pass = core.sleep,
      lose = function() server:cli "flushall" end,
      close = function() server:cli "flushall" end,
    }
  end or nil,
  ["a table of the user's"] = function()
    local clock, place = virtual(), {}
    return {
      open = function() return table_store.new(place, clock.now) end, pass = clock.pass,
      lose = function() for name in pairs(place) do if name ~= "version" then place[name] = nil end end end,
      close = clock.restore,
    }
  end,
  ["a file"] = function()
    local folder = shell.folder "file"
    return {
      open = function() return locksmith.file { path = folder .. "/state" } end, pass = core.sleep,
      lose = function() os.remove(folder .. "/state") end,
      close = function() os.execute("rm -rf " .. shell.quote(folder)) end,
    }
  end,
}

for name, provide in pairs(PLACES) do
  describe(name .. " as a store", function()
    local place
    before_each(function() place = provide() end)
    after_each(function() place.close() end)

    for _, case in ipairs(contract) do
      it(case[1], function() case[2](place) end)
    end
  end)
end

teardown(function() if server then server:stop() end end)
