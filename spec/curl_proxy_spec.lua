--- Which requests go through a proxy over libcurl: one that sees a request over plain http sees its key.
-- Luas: lua5.4 sanitized

local origins = require "spec.support.origin"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"

local VARIABLES = { "http_proxy", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY" }

describe("a proxy", function()
  local origin, proxy

  setup(function()
    origin, proxy = origins.start(), origins.start()
  end)
  teardown(function()
    origin:stop()
    proxy:stop()
  end)
  before_each(function()
    for _, server in ipairs { origin, proxy } do
      server:reset()
      server:default { status = 201, json = { shortUrl = "https://lock.pub/x" } }
    end
  end)

  local function create(environment)
    local all = { BASE_URL = origin.url, no_proxy = "", NO_PROXY = "" }
    for _, name in ipairs(VARIABLES) do all[name] = "" end
    for name, value in pairs(environment) do all[name] = value end
    local output, status = process.run("spec/support/proxied.lua", all)
    assert.equal(0, status, output)
    return output
  end

  for _, variable in ipairs(VARIABLES) do
    it("of the variable " .. variable .. " sees nothing that goes to a loopback host", function()
      assert.equal("created\n", create { [variable] = proxy.url })
      assert.equal("created\n", create { [variable] = proxy.url, BASE_URL = origin.url:gsub("127.0.0.1", "localhost") })
      for _, url in ipairs { "http://127.3.2.1:1", "http://[::1]:1", "https://localhost:1", "https://127.0.0.1:1" } do
        assert.truthy(create { [variable] = proxy.url, BASE_URL = url }:find "^connect not_sent")
      end
      assert.equal(2, #origin:requests())
      assert.equal(0, #proxy:requests())
    end)
  end

  it("of the variable https_proxy is used for other hosts, and sees no key", function()
    proxy:default { status = 403 }
    assert.truthy(create { https_proxy = proxy.url, BASE_URL = "https://lock.invalid" }:find "^connect not_sent")
    local requests = proxy:requests()
    assert.equal(1, #requests)
    assert.equal("CONNECT", requests[1].method)
    assert.is_nil(requests[1].raw:find(sandbox.LOCKPUB_KEY, 1, true))
  end)

  it("of the option is used for a loopback host, too, whatever the environment says", function()
    for _, no_proxy in ipairs { "", "*", "127.0.0.1", "127.0.0.0/8" } do
      assert.equal("created\n", create { PROXY = proxy.url, no_proxy = no_proxy, http_proxy = origin.url })
    end
    local requests = proxy:requests()
    assert.equal(4, #requests)
    assert.equal("Bearer " .. sandbox.LOCKPUB_KEY, requests[1].headers.authorization)
    assert.equal(0, #origin:requests())
  end)

  it("of the environment whose login libcurl would not read is not silently left out", function()
    for _, login in ipairs { "us%0aer:hush", "user:hu%0dsh", "user%00:hush" } do
      local output = create { https_proxy = "http://" .. login .. "@127.0.0.1:" .. proxy.port,
        BASE_URL = "https://lock.invalid" }
      assert.truthy(output:find "^config not_sent", output)
      assert.is_nil(output:find("hush", 1, true))
    end
    assert.equal(0, #proxy:requests())
  end)
end)
