--- Nothing secret shows: not in errors, events and texts, and not in the memory of a process whose clients are closed.

local clients = require "spec.support.clients"
local json = require "locksmith.json"
local locksmith = require "locksmith"
local memory = require "spec.chaos.memory"
local origin = require "spec.support.origin"
local process = require "spec.support.process"
local sandbox = require "locksmith.sandbox"
local shell = require "spec.support.shell"
local stack = require "spec.support.stack"
local virtual = require "spec.support.virtual"

local PASSWORD, MEMO, TARGET = "p4ss-only-for-you", "the memo nobody may read", "https://example.com/hidden?token=t0ken"
local PROXY_PASSWORD = "proxy-hunter22"
local SECRETS = { sandbox.LOCKPUB_KEY, sandbox.LOCKER_KEY, PASSWORD, MEMO, TARGET, PROXY_PASSWORD,
  (sandbox.LOCKER_KEY:match "[^.]+$") }

-- Where a secret can be read in a value or anything it leads to.
local function find(value, path, seen)
  if type(value) == "string" then
    for _, secret in ipairs(SECRETS) do
      if value:find(secret, 1, true) then return path .. ": " .. value end
    end
  elseif type(value) == "table" and not seen[value] then
    seen[value] = true
    for name, member in pairs(value) do
      local found = find(name, path .. " (name)", seen) or find(member, path .. "." .. tostring(name), seen)
      if found then return found end
    end
    return find(getmetatable(value), path .. " (metatable)", seen)
  end
end

local function assert_clean(what, value)
  local found = find(value, what, {}) or find(tostring(value), "tostring of " .. what, {})
  assert.is_nil(found, found)
end

local function link_fields(kind)
  if kind == "memo" then return { type = "memo", secret_memo = MEMO, password = PASSWORD, memo = "public" } end
  return { type = "url", target_url = TARGET, password = PASSWORD, memo = "public" }
end

-- Makes one call of each kind and gives the errors they end in, then a traceback.
local function failures(script, options)
  local errors = {}
  local lockpub, locker = clients.lockpub(script, options), clients.locker(script, options)
  local function note(_, err) errors[#errors + 1] = err end
  for _, kind in ipairs { "url", "memo" } do note(lockpub.links:create(link_fields(kind))) end
  note(lockpub.links:create(link_fields "url", { idempotent = true }))
  note(locker.addresses:create { description = "d" })
  note(locker.addresses:list())
  note(locker.addresses:set_enabled(7, true))
  note(locker:request { method = "GET", path = "addresses" })
  local ok, raised = xpcall(function()
    for _ in locker.addresses:each() do error "an item" end
  end, function(err) return { err = err, traceback = debug.traceback(tostring(err)) } end)
  assert.is_false(ok)
  errors[#errors + 1] = raised.err
  errors[#errors + 1] = raised.traceback
  assert.equal(9, #errors)
  return errors, { lockpub, locker }
end

-- The secrets that a request carries.
local function secrets_of(request)
  local secrets = { (virtual.header(request, "authorization"):gsub("^Bearer ", "")) }
  local _, body = json.decode(request.body or "{}")
  for _, name in ipairs { "password", "secretMemo", "targetUrl" } do secrets[#secrets + 1] = body[name] end
  return secrets
end

local SHAPES = {
  function(echo) return { code = echo, message = echo, details = { field = { echo }, [echo] = { { a = echo } } } } end,
  function(echo) return { error = { code = "BAD", message = "you sent " .. echo, details = echo } } end,
  function(echo) return { error = echo, errors = { [echo] = echo } } end,
  function(echo) return { detail = echo, details = { echo, echo } } end,
  function(echo) return { errors = { { message = echo } } } end,
  function(echo)
    local deep = echo
    for _ = 1, 70 do deep = { deep } end
    return { details = deep }
  end,
}

describe("no secret", function()
  it("is in an error, event or client when the service repeats what it was sent", function()
    for _, status in ipairs { 400, 401, 402, 403, 404, 409, 422, 429, 500, 503 } do
      for _, shape in ipairs(SHAPES) do
        local events = {}
        local errors, made = failures({ function(request)
          local echo = table.concat(secrets_of(request), " / ")
          return { status = status, body = json.encode(shape(echo)) }
        end }, { max_retries = 1, on_event = function(event) events[#events + 1] = event end })
        for _, err in ipairs(errors) do assert_clean("error", err) end
        assert.is_true(#events > 20)
        assert_clean("events", events)
        assert_clean("clients", made)
      end
    end
  end)

  it("is in an error when the transport repeats it", function()
    for _, kind in ipairs { "connect", "tls", "network", "timeout", "bad_response" } do
      local errors = failures { function(request)
        return { kind = kind, sent = true, message = "while sending " .. table.concat(secrets_of(request), " ") }
      end }
      for _, err in ipairs(errors) do assert_clean("error", err) end
    end
  end)

  it("is left in part where a long text was cut", function()
    for which = 1, 3 do
      for cut = 4, 20 do
        local secret
        local errors = failures { function(request)
          secret = secrets_of(request)[which] or "nothing to tell here"
          local message, code = ("x"):rep(2048 - cut) .. secret .. " is bad", ("x"):rep(64 - cut) .. secret
          return { status = 400, body = json.encode { message = message, code = code } }
        end }
        for i = 1, which == 1 and #errors - 1 or 3 do
          local known = ({ sandbox.LOCKPUB_KEY, PASSWORD, i == 2 and MEMO or TARGET })[which]
          if i > 3 then known = sandbox.LOCKER_KEY end
          for _, text in ipairs { errors[i].message, errors[i].code } do
            assert.is_nil(text:find("x" .. known:sub(1, cut), 1, true), text:sub(-80))
          end
        end
      end
    end
  end)
end)

describe("no secret of a real connection", function()
  local proxy

  lazy_setup(function() proxy = origin.start() end)
  lazy_teardown(function() proxy:stop() end)
  before_each(function() proxy:reset() end)

  local function fail_through(setting, base_url)
    local events = {}
    local locker, err = locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = base_url or "https://api.invalid",
      proxy = setting, timeout = 3, max_retries = 1, random = function() return 0 end, store = locksmith.memory(),
      on_event = function(event) events[#events + 1] = event end }
    if locker then
      local list
      list, err = locker.addresses:list()
      assert.is_nil(list)
      assert.is_true(#events > 0)
    end
    assert_clean("error", err)
    assert_clean("events", events)
    assert_clean("client", locker)
    return err
  end

  for _, setting in ipairs {
    "http://user:%s@127.0.0.1:1", "user:%s@127.0.0.1:1", "socks5://user:%s@127.0.0.1:1",
    "http://user:%s@proxy.invalid:3128", "nonsense://user:%s@127.0.0.1:1", "http://user:%s@", "http://user:%s@[::1",
    "http://user:%s@127.0.0.1:port", "http://%s:@127.0.0.1:1",
  } do
    it("shows when a proxy cannot be used: " .. setting, function()
      fail_through(setting:format(PROXY_PASSWORD))
    end)
  end

  for _, status in ipairs { 401, 403, 407, 429, 502 } do
    it("shows when a proxy refuses the way with a " .. status, function()
      local answer = { status = status, headers = { ["Proxy-Authenticate"] = "Basic realm=x" } }
      proxy:default(answer)
      local err = fail_through(("http://user:%s@127.0.0.1:%d"):format(PROXY_PASSWORD, proxy.port))
      assert.equal("connect", err.kind)
      local request = proxy:requests()[1]
      assert.equal("CONNECT", request.method)
      assert.truthy(request.headers["proxy-authorization"])
      -- The proxy is not the service: it gets its own password and nothing else.
      assert.is_nil(request.raw:find(sandbox.LOCKER_KEY, 1, true))
    end)
  end

  it("shows in a refused base_url", function()
    for _, base_url in ipairs { "https://user:" .. PROXY_PASSWORD .. "@api.invalid",
      "http://user:" .. PROXY_PASSWORD .. "@api.invalid", "ftp://" .. PROXY_PASSWORD, PROXY_PASSWORD } do
      assert.equal("invalid_request", fail_through(nil, base_url).kind)
    end
  end)

  it("shows in the trouble of a connection without a proxy", function()
    for _, raw in ipairs { "garbage " .. sandbox.LOCKER_KEY .. "\r\n\r\n",
      "HTTP/1.1 400 " .. sandbox.LOCKER_KEY .. "\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: https://" .. sandbox.LOCKER_KEY .. ".invalid/\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: " .. sandbox.LOCKER_KEY .. "\r\n\r\n" } do
      proxy:default { raw = raw, close = true }
      fail_through("", proxy.url)
    end
  end)
end)

-- Hexadecimal digits of the bytes XOR 0x5A, see spec/support/memory_scan.c.
local function masked(text)
  return (text:gsub(".", function(char)
    local byte, mask, result, place = char:byte(), 0x5A, 0, 1
    while place < 256 do
      if byte % 2 ~= mask % 2 then result = result + place end
      byte, mask, place = math.floor(byte / 2), math.floor(mask / 2), place * 2
    end
    return ("%02x"):format(result)
  end))
end

local function output_of(command)
  return (shell.output(command))
end

-- Builds the module that looks into memory; nil where that cannot be done.
local function build_scanner(folder)
  if not memory.resident() or output_of "command -v ${CC:-cc}" == "" then return nil end
  local found = output_of("csrc/make/luas.sh " .. shell.quote(process.interpreter()) .. " 2>/dev/null")
  local flags = found:match "^%S+ %S+ ?([^\n]*)"
  if not flags then return nil end
  local status = output_of("${CC:-cc} -O1 -shared -fPIC " .. flags:gsub(",", " ") .. " -o " .. folder
    .. "/memory_scan.so spec/support/memory_scan.c 2>&1; echo $?")
  assert.equal("0\n", status)
  return true
end

describe("a closed client", function()
  if not stack.available() then
    pending("needs nginx with its Lua module")
    return
  end

  local s, folder

  lazy_setup(function()
    s = stack.start()
    folder = output_of "mktemp -d":match "%S+"
  end)
  lazy_teardown(function()
    s:stop()
    os.execute("rm -rf " .. shell.quote(folder))
  end)

  -- The fields of a link are not looked for: they pass through strings of Lua and buffers of lua-cjson, which are not
  -- ours to overwrite. Those of Lua are overwritten here, so that only what the library and libcurl keep is found.
  it("leaves no key and no proxy password in memory", function()
    if not build_scanner(folder) then pending "needs /proc, a C compiler, Lua's headers and no sanitizer" return end
    -- What goes wrong on the way must not leave copies either.
    s.proxy:script { "pass", "pass", "pass", "pass", "pass", "drop_after", { "cut_body", at = 5 }, "garbage",
      { "status", status = 502 }, "idle_close_on_next" }
    local output, status = process.run("spec/support/forgetting.lua", { BASE_URL = s.proxy.url,
      LOCKPUB = masked(sandbox.LOCKPUB_KEY), LOCKER = masked(sandbox.LOCKER_KEY), PROXY = masked(PROXY_PASSWORD),
      LUA_CPATH = folder .. "/?.so;" .. package.cpath })
    assert.equal(0, status, output)
    local counts = { open = {}, closed = {} }
    for when, name, count in output:gmatch "(%l+)\t(%u+)\t(%d+)\n" do counts[when][name] = tonumber(count) end
    assert.is_true(#s:log() > 20)
    -- Otherwise the search itself would be at fault.
    for _, name in ipairs { "LOCKPUB", "LOCKER", "PROXY" } do
      assert.is_true(counts.open[name] > 0, name .. " was not even found while in use:\n" .. output)
    end
    assert.same({ LOCKPUB = 0, LOCKER = 0, PROXY = 0 }, counts.closed)
  end)
end)
