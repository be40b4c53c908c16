--- The same calls over every transport that is here: libcurl on each Lua, and nginx's inside nginx.

local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local scenarios = require "spec.support.scenarios"
local server = require "spec.support.server"

if not server.available() then
  describe("calls over real sockets", function()
    pending("need nginx with its Lua module to serve the sandbox")
  end)
  return
end

local CHUNK = [[
  local name, env = ...
  require("spec.support.scenarios").run(name, env)
]]

describe("over libcurl", function()
  local box
  lazy_setup(function() box = server.sandbox() end)
  lazy_teardown(function() box.stop() end)

  for _, each in ipairs(scenarios.list) do
    it(each.name, function()
      scenarios.play(each, box, scenarios.run, { url = box.url, transport = "curl" })
    end)
  end
end)

if not nginx.usable "inside nginx" then return end

local PLACES = {
  { "over capture", "capture", { "content", "access", "rewrite" } },
  { "over resty (the double of lua-resty-http)", "resty", { "content", "access", "rewrite", "timer" } },
  { "over resty (lua-resty-http itself)", "real", { "content", "timer" } },
}

for _, place in ipairs(PLACES) do
  describe(place[1], function()
    if place[2] == "real" and not nginx.resty_http() then
      pending("lua-resty-http is not installed")
      return
    end

    local box, inside
    lazy_setup(function()
      box = server.sandbox()
      inside = runner.start { transport = place[2] }
    end)
    lazy_teardown(function()
      inside:stop()
      box.stop()
    end)

    for i, phase in ipairs(place[3]) do
      for j, each in ipairs(scenarios.list) do
        -- All of them in the first phase, then a share of them in each of the others.
        if i == 1 or j % 3 == i % 3 then
          it("in " .. phase .. ": " .. each.name, function()
            scenarios.play(each, box, function(name, env)
              inside:run_in(phase, CHUNK, name, env)
            end, { url = box.url })
          end)
        end
      end
    end

    it("leaves nothing in the error log but what failed", function()
      assert.is_nil(inside:log():find "lua entry thread aborted")
      assert.is_nil(inside:log():find "lua user thread aborted")
      assert.is_nil(inside:log():find "%[alert%]")
      assert.is_nil(inside:log():find "%[crit%]")
    end)
  end)
end
