--- Transport "curl": everything that is received counts, wherever it stands, and nothing outlasts its limit.
-- Luas: lua5.4 luajit sanitized

local clients = require "spec.support.clients"
local floods = require "spec.support.http_floods"
local locksmith = require "locksmith"
local memory = require "spec.chaos.memory"
local sandbox = require "locksmith.sandbox"
local sender = require "spec.support.sender"

local UNAUTHORIZED = "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\n"

describe("what is received over libcurl", function()
  local service

  setup(function() service = sender.start() end)
  teardown(function() service:stop() end)

  local function make(kind, options)
    local own = { api_key = sandbox.LOCKER_KEY, base_url = service.url, store = locksmith.memory(),
      max_response_bytes = 100000, random = function() return 0 end }
    if kind == "lockpub" then own.api_key = sandbox.LOCKPUB_KEY end
    for name, value in pairs(options or {}) do own[name] = value end
    return assert(locksmith[kind](own))
  end

  local function answer(script)
    script.after = "\r\n\r\n"
    service:script { script }
  end

  for _, case in ipairs(floods.TOO_LARGE) do
    it(case[1] .. ": too_large, and not asked for again", function()
      local before = memory.resident()
      answer(case[2])
      local page, err = make("locker", { attempt_timeout = 60, timeout = 60 }).addresses:list()
      assert.is_nil(page)
      assert.equal("too_large", err.kind, tostring(err))
      assert.equal(1, #err.attempts)
      assert.equal(1, service:state().questions)
      local after = memory.resident()
      if before and after then assert.is_true(after - before < 20000, ("%d KB more"):format(after - before)) end
    end)
  end

  for _, case in ipairs(floods.BAD) do
    it(case[1] .. ": bad_response, although the link may exist", function()
      answer(case[2])
      local link, err = make("lockpub", { attempt_timeout = 2 }).links:create(clients.link_fields())
      assert.is_nil(link)
      assert.equal("bad_response", err.kind, tostring(err))
      assert.equal("unknown", err.outcome)
      assert.equal("transport", err.source)
      assert.equal(1, #err.attempts)
      assert.equal(1, service:state().questions)
    end)
  end

  for _, case in ipairs(floods.GOOD) do
    it(case[1] .. ": taken", function()
      answer(case[2])
      local page, response = make("locker"):request { method = "GET", path = "addresses" }
      assert.truthy(page, tostring(response))
      assert.equal(200, response.status)
    end)
  end

  for name, script in pairs {
    ["floods a body nobody asked for"] = { head = UNAUTHORIZED .. "Content-Length: 99999999999\r\n\r\n", again = "x" },
    ["drips a body nobody asked for"] = { head = UNAUTHORIZED .. "Content-Length: 99999999999\r\n\r\n", again = "x",
      every = 5 },
    ["floods chunks"] = { head = UNAUTHORIZED .. "Transfer-Encoding: chunked\r\n\r\n", again = "1\r\nx\r\n" },
    ["floods a chunk's extension"] = { head = UNAUTHORIZED .. "Transfer-Encoding: chunked\r\n\r\n1;", again = "x" },
    ["floods headers"] = { head = "HTTP/1.1 200 OK\r\n", again = "X-Header: value\r\n" },
    ["drips a header"] = { head = "HTTP/1.1 200 OK\r\nX: ", again = "x", every = 5 },
  } do
    it("ends in time when a proxy " .. name, function()
      answer(script)
      local client = make("lockpub", { base_url = "https://127.0.0.1:1", proxy = service.url, attempt_timeout = 0.5,
        max_retries = 0 })
      local link, err = client.links:create(clients.link_fields())
      assert.is_nil(link)
      assert.truthy(err.kind == "timeout" or err.kind == "too_large", tostring(err))
      assert.equal("not_sent", err.outcome)
      assert.equal(1, #err.attempts)
      assert.is_true(err.elapsed < 10)
    end)
  end
end)
