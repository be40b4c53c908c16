--- The README's first steps in nginx: the handler as it stands there, over subrequests, with the files that the rock
--- ships.
-- Luas: luajit

local first_steps = require "spec.support.first_steps"
local nginx = require "spec.support.nginx"
local server = require "spec.support.server"

if not nginx.usable "the first steps in nginx" then return end

describe("the first steps in nginx", function()
  local box, front

  lazy_setup(function()
    box = server.sandbox {}
    front = nginx.start {
      http = ([[
        include %s/lua/locksmith/nginx/locksmith-http.conf;
        init_by_lua_block {
          local make = require("locksmith").lockpub
          require("locksmith").lockpub = function() return make { api_key = %q, base_url = %q } end
        }
      ]]):format(nginx.root, server.LOCKPUB_KEY, box.url),
      server = ([[
        include %s/lua/locksmith/nginx/locksmith.conf;
        location = /link { content_by_lua_block { require("invoice")() } }
      ]]):format(nginx.root),
      path = "@DIR@/?.lua;",
      files = { ["invoice.lua"] = first_steps.program "In nginx" },
    }
  end)
  lazy_teardown(function()
    front:stop()
    box:stop()
  end)

  it("answer with a link, the same to whoever asks again", function()
    local first = front:get "/link?number=4711&code=spring-tide"
    assert.equal(200, first.status, first.body)
    assert.truthy(first.body:find "^https://lock%.pub/")
    assert.equal(first.body, front:get("/link?number=4711&code=spring-tide").body)
    assert.equal(1, #box:call "links")
  end)

  it("say so when there is none, and show no key", function()
    assert.equal(400, front:get("/link").status)
    box:fault { service = "lockpub", fault = { status = 403, body = "{}" } }
    local answer = front:get "/link?number=4712&code=spring-tide"
    assert.equal(503, answer.status)
    assert.equal("no link at the moment\n", answer.body)
  end)
end)
