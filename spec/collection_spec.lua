local clients = require "spec.support.clients"
local sandbox = require "locksmith.sandbox"

local function collect()
  local jit = rawget(_G, "jit")
  if jit then jit.flush() end -- compiled code holds what it was compiled for
  for _ = 1, 4 do collectgarbage() end
end

--- Whether what `make` returns is collected once nobody else holds it.
local function is_collected(make)
  local held = setmetatable({}, { __mode = "v" })
  do held[1] = make() end
  collect()
  return held[1] == nil
end

-- In Lua 5.1 and LuaJIT a weak-keyed table would keep a client for ever that its own callbacks lead back to.
describe("a client that nobody holds any more", function()
  for _, name in ipairs { "on_event", "api_key", "random" } do
    it("is collected although its own " .. name .. " names it", function()
      assert.is_true(is_collected(function()
        local client
        client = clients.lockpub({ clients.CREATED }, { [name] = function()
          return client and name == "api_key" and sandbox.LOCKPUB_KEY or 0.5
        end })
        assert(client.links:create(clients.link_fields()))
        return client
      end))
    end)
  end

  it("is collected although its own clock names it", function()
    assert.is_true(is_collected(function()
      local client
      client = clients.locker({ { status = 200, body = "[]" } }, { clock = {
        now = function() return client and 1780000000 end, sleep = function() return client end,
      } })
      assert(client.addresses:list())
      return client
    end))
  end)

  it("is collected although its own transport names it", function()
    assert.is_true(is_collected(function()
      local client
      client = clients.locker(function() return client and { status = 200, body = "[]" } end)
      assert(client.addresses:list())
      return client
    end))
  end)

  it("is collected with its resources, whichever of them names it", function()
    assert.is_true(is_collected(function()
      local client
      client = clients.locker({ { status = 200, body = "[]" } }, { on_event = function() return client.addresses end })
      assert(client.addresses:list())
      return client.addresses
    end))
  end)

  it("stays while a resource of it is held", function()
    local addresses = clients.locker({ { status = 200, body = "[]" } }).addresses
    collect()
    assert(addresses:list())
  end)
end)
