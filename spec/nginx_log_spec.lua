--- What nginx writes about calls into its error log at the lowest level.

local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local sandbox = require "locksmith.sandbox"
local server = require "spec.support.server"

if not nginx.usable "the error log at debug level" then return end

-- The order that nginx gets is in a body, which it does not log.
local CALL = [[
  local url, password, memo, target, secret = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, base_url = url,
    store = locksmith.memory() })
  local link, err = lockpub.links:create { type = "url", target_url = target, password = password, memo = memo }
  if not link then return tostring(err) end
  link, err = lockpub.links:create { type = "memo", secret_memo = secret, password = password, memo = memo }
  return link and "created" or tostring(err)
]]

local SECRETS = { "hidden-password", "hidden-memo", "https://hidden-target.example/", "hidden-secret-memo" }

for name, transport in pairs { capture = "capture", resty = "resty", ["lua-resty-http itself"] = "real" } do
  describe("the error log at debug level, over " .. name, function()
    if transport == "real" and not nginx.resty_http() then
      pending("lua-resty-http is not installed")
      return
    end

    local box, inside, log
    lazy_setup(function()
      box = server.sandbox { rate = false, throttle = false }
      inside = runner.start { transport = transport, level = "debug" }
      local said = inside:run(CALL, box.url, unpack(SECRETS))
      assert(said == "created", said)
      log = inside:log()
    end)
    lazy_teardown(function()
      inside:stop()
      box.stop()
    end)

    it("shows no password, memo or target", function()
      for _, secret in ipairs(SECRETS) do
        assert.is_nil(log:find(secret, 1, true))
        assert.is_nil(log:find(secret:gsub("/", "\\/"), 1, true))
      end
    end)

    if transport ~= "capture" then
      it("shows no key", function() assert.is_nil(log:find(sandbox.LOCKPUB_KEY, 1, true)) end)
    end
  end)
end
