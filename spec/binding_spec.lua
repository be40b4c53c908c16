--- What the Lua layer asks of the C modules, asked in the wrong order: it raises and never crashes.

local core = require "locksmith.core"
local curl = require "locksmith.curl"
local sandbox = require "locksmith.sandbox"

local METHODS = { "next", "request", "target", "key", "grant", "refuse", "response", "failure", "abort",
  "observe", "result", "attempt", "deadline", "is_retrying", "is_reading", "state_name", "redact", "headers",
  "holds_key", "slot_came", "slot", "operation", "close" }

local function new_call()
  local client = core.client { service = "locker", user_agent = "x", windows = {}, margin = 0.05,
    timeout = 60, attempt_timeout = 10, max_retries = 2, pacing = "wait" }
  client:set_key(core.key("locker", sandbox.LOCKER_KEY))
  local call = assert(core.call(client, core.operations["locker.addresses.list"], 1e9, nil))
  return call, client
end

local ARGUMENTS = {
  next = { 1e9 }, key = { 1e9, core.key("locker", sandbox.LOCKER_KEY) }, grant = { 1e9, 0 },
  refuse = { 1e9, "would_wait" }, response = { 1e9, 0, { status = 200, headers = "" } },
  failure = { 1e9, 0, { kind = "network", sent = true } },
  abort = { 1e9, "closed" }, holds_key = { core.key("locker", sandbox.LOCKER_KEY) },
}

local unpack = table.unpack or unpack

local function ask(call, method)
  return pcall(function() return call[method](call, unpack(ARGUMENTS[method] or {}, 1, 6)) end)
end

local function transport()
  return assert(curl.new { connect_timeout = 1, max_response_bytes = 100 })
end

describe("a call of the binding", function()
  it("that has ended answers nothing more, and is not sent", function()
    local call = new_call()
    call:abort(1e9, "closed")
    assert.equal("closed", call:result().kind)
    call:close()
    for _, method in ipairs(METHODS) do
      local ok, message = ask(call, method)
      assert.equal(method == "close", ok, method)
      if not ok then assert.truthy(message:find("closed", 1, true), message) end
    end
    assert.is_false((pcall(transport().send, transport(), call, 1)))
  end)

  it("is sent only when the machine said so", function()
    local call = new_call()
    local own = transport()
    assert.is_false((pcall(own.send, own, call, 1)))
    assert.is_false((pcall(call.request, call)))
    call:next(1e9, core.memory())
    assert.truthy(call:request())
    call:response(1e9, 0, nil, 200, "", nil, {})
    assert.is_false((pcall(own.send, own, call, 1)))
    assert.is_false((pcall(call.request, call)))
  end)

  it("survives every order of questions", function()
    local state = 7
    local function random(n)
      state = (state * 16807) % 2147483647
      return state % n + 1
    end
    local own, memory = transport(), core.memory()
    for _ = 1, 300 do
      local call = new_call()
      for _ = 1, 12 do
        local n = random(#METHODS + 2)
        if n <= #METHODS then ask(call, METHODS[n])
        elseif n == #METHODS + 1 then pcall(call.next, call, 1e9, memory)
        elseif not pcall(call.request, call) then assert.is_false((pcall(own.send, own, call, 0.01))) end
      end
    end
  end)

  it("is told from other userdata", function()
    for _, other in ipairs { io.stdout, core.memory(), select(2, new_call()), {}, 5, "x", transport() } do
      for _, method in ipairs(METHODS) do
        assert.is_false((pcall(getmetatable("").__index and new_call()[method], other)))
      end
    end
  end)
end)
