--- Redis is not trusted: whatever comes in place of a reply takes no more than its time and its bytes.

local floods = require "spec.support.redis_floods"
local locksmith = require "locksmith"
local missing = require "spec.support.missing"
local nginx = require "spec.support.nginx"
local redis = require "spec.support.redis"
local runner = require "spec.support.nginx_runner"
local sender = require "spec.support.sender"
local server = require "spec.support.server"

local reason = not redis.find_library() and "needs the modules redis (lua-redis) and socket (LuaSocket)"
  or not server.available() and "needs lua5.4 with LuaSocket"
if not missing.declare("what is no Redis", reason or nil) then return end

-- A drip that is too slow to end by its size ends by the time; for the others there is plenty of it.
local function timeout_of(case) return case[3]:find "timeout" and 0.2 or 30 end

describe("what is no Redis", function()
  local other
  setup(function() other = sender.start() end)
  teardown(function() other:stop() end)

  for _, case in ipairs(floods) do
    it("sends " .. case[1], function()
      other:script { case[2] }
      local store = locksmith.redis { port = other.port, timeout = timeout_of(case) }
      local bytes, message = store.read "lockpub:test"
      assert.is_nil(bytes)
      assert.matches(case[3], message)
    end)
  end

  it("answers twice, and is not asked again over that connection", function()
    other:script { { head = "*2\r\n$10\r\n1780000000\r\n$1\r\n0\r\n:1\r\n" } }
    local store = locksmith.redis { port = other.port, timeout = 5 }
    for _ = 1, 2 do assert.equal("number", type(select(3, store.read("lockpub:test", nil, true)))) end
    assert.equal(2, other:state().connections)
  end)
end)

if not nginx.usable "what is no Redis, inside nginx" then return end

for library, path in pairs { ["nginx.redis"] = "", ["resty.redis"] = nginx.resty_redis() or false } do
  describe("what is no Redis, asked by " .. library .. " inside nginx,", function()
    if not path then
      pending("lua-resty-redis is not installed")
      return
    end

    local other, inside
    lazy_setup(function()
      other = sender.start()
      inside = runner.start { path = path ~= "" and path .. "/?.lua;" or nil }
    end)
    lazy_teardown(function()
      inside:stop()
      other:stop()
    end)

    for _, case in ipairs(floods) do
      it("sends " .. case[1], function()
        other:script { case[2] }
        local bytes, message, used = inside:run([[
          local library, port, timeout = ...
          assert(pcall(require, library))
          local store = require("locksmith").redis { port = port, timeout = timeout }
          local bytes, message = store.read "lockpub:test"
          return bytes, message, package.loaded[library] ~= nil
        ]], library, other.port, timeout_of(case))
        assert.is_nil(bytes)
        assert.matches(case[3], message)
        assert.is_true(used)
      end)
    end

    it("has taken no memory worth speaking of", function()
      assert.is_true(nginx.memory(inside.nginx:workers()[1]) < 60000)
    end)
  end)
end
