--- Transport "resty": everything that is received counts, and is read to its true end.

local floods = require "spec.support.http_floods"
local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"
local sender = require "spec.support.sender"

if not nginx.usable "what is received over resty" then return end

local CALL = [[
  local url, options = ...
  local locksmith, sandbox = require "locksmith", require "locksmith.sandbox"
  local own = { api_key = sandbox.LOCKER_KEY, base_url = url, store = locksmith.memory(), max_response_bytes = 20000,
    random = function() return 0 end }
  for name, value in pairs(options or {}) do own[name] = value end
  local locker = assert(locksmith.locker(own))
  return locker.addresses:list()
]]

for name, library in pairs { ["the double of lua-resty-http"] = "resty", ["lua-resty-http itself"] = "real" } do
  describe("what is received over " .. name, function()
    if library == "real" and not nginx.resty_http() then
      pending("lua-resty-http is not installed")
      return
    end

    local service, inside
    lazy_setup(function()
      service = sender.start()
      inside = runner.start { transport = library }
    end)
    lazy_teardown(function()
      inside:stop()
      service:stop()
    end)

    local function answer(script)
      script.after = "\r\n\r\n"
      service:script { script }
    end

    -- How many more connections the second and third call need than the first.
    local function new_connections()
      local first
      for _ = 1, 3 do
        local page, response = inside:run(CALL, service.url)
        assert.truthy(page, response.text)
        assert.equal(200, response.status)
        first = first or service:state().connections
      end
      return service:state().connections - first
    end

    for _, case in ipairs(floods.TOO_LARGE) do
      it(case[1] .. ": too_large, and not asked for again", function()
        answer(case[2])
        local page, err = inside:run(CALL, service.url, { attempt_timeout = 60, timeout = 60 })
        assert.is_nil(page)
        assert.equal("too_large", err.kind, err.text)
        assert.equal("unknown", err.outcome)
        assert.equal(1, #err.attempts)
        assert.equal(1, service:state().questions)
      end)
    end

    it("is not asked for again over a kept connection either, where an answer had begun", function()
      local good = { after = "\r\n\r\n", head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" }
      for _, case in ipairs {
        { "too_large", { head = "HTTP/1.1 200 OK\r\n", again = "X-Header: value\r\n" } },
        { "bad_response", { head = "SSH-2.0-OpenSSH_9.2\r\n\r\n" } },
        { "network", { head = "HTTP/1.1 200 OK\r\n", close = true } },
      } do
        case[2].after = "\r\n\r\n"
        service:script { good, case[2] }
        assert.truthy((inside:run(CALL, service.url)))
        local _, err = inside:run(CALL, service.url, { max_retries = 0 })
        assert.equal(case[1], err.kind, err.text)
        assert.same({ 2, 1 }, { service:state().questions, service:state().connections })
      end
    end)

    it("takes no memory worth speaking of", function()
      assert.is_true(nginx.memory(inside.nginx:workers()[1]) < 60000)
    end)

    for _, case in ipairs(floods.BAD) do
      it(case[1] .. ": bad_response", function()
        answer(case[2])
        local page, err = inside:run(CALL, service.url, { attempt_timeout = 2 })
        assert.is_nil(page)
        assert.equal("bad_response", err.kind, err.text)
        assert.equal("unknown", err.outcome)
        assert.equal(1, service:state().questions)
      end)
    end

    for _, case in ipairs(floods.GOOD) do
      it(case[1] .. " is read, and the connection kept", function()
        answer(case[2])
        assert.equal(0, new_connections())
      end)
    end

    it("a connection is not kept for which any of several headers says close", function()
      answer { head = "HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n[]" }
      assert.equal(2, new_connections())
    end)

    it("a connection over which more came than was asked for is not used again", function()
      answer { head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" }
      assert.equal(2, new_connections())
    end)

    it("the answer of a proxy to CONNECT without end: too_large, and nothing was sent", function()
      for _, script in ipairs { { head = "HTTP/1.1 200 OK\r\n", again = "X: y\r\n" },
        { head = "HTTP/1.1 407 No\r\nX: ", again = "x" }, { again = "HTTP/1.1 100 Continue\r\n\r\n" } } do
        answer(script)
        local _, err = inside:run(CALL, "https://localhost:1", { proxy = service.url, connect_timeout = 30,
          attempt_timeout = 60 })
        assert.equal("too_large", err.kind, err.text)
        assert.equal("not_sent", err.outcome)
        assert.equal(1, service:state().questions)
      end
    end)

    it("a drip: timeout, wherever it is", function()
      for _, head in ipairs { "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nX: " } do
        answer { head = head, again = "1", every = 10 }
        local _, err = inside:run(CALL, service.url, { attempt_timeout = 0.3, max_retries = 0 })
        assert.equal("timeout", err.kind, err.text)
      end
    end)
  end)
end
