-- Luas: lua5.4

local cjson = require "cjson"
local faults = require "spec.support.faults"
local origin = require "spec.support.origin"
local shell = require "spec.support.shell"

local curl, eventually, sh = require("spec.support.curl").raw, shell.eventually, shell.output
local EMPTY, PARTIAL, TIMED_OUT, RECEIVE_FAILED, REFUSED, NOT_HTTP, BAD_ENCODING = 52, 18, 28, 56, 7, 1, 61

describe("fault proxy", function()
  local service, proxy

  setup(function()
    service = origin.start()
    proxy = faults.start { upstream = service.url }
  end)

  teardown(function()
    proxy:stop()
    service:stop()
  end)

  before_each(function()
    proxy:reset()
    service:reset()
  end)

  local function post(fault, options)
    if fault then proxy:script { fault } end
    return curl((options or "") .. " -d payload " .. proxy.url .. "/things")
  end

  -- Fields of the only log entry, and how often the service acted.
  local function outcome()
    local log = proxy:log()
    assert.equal(1, #log)
    return {
      fault = log[1].fault, forwarded = log[1].forwarded, answered = log[1].answered, status = log[1].status,
      acted = service:count(),
    }
  end

  describe("without a fault", function()
    it("passes request and answer on unchanged", function()
      service:script { { status = 201, headers = { ["X-Answer"] = { "one", "two" } }, json = { id = 7 } } }
      local answer = curl("-X PATCH -H 'x-Mixed: Case' -d '{\"a\":1}' '" .. proxy.url .. "/a/b?c=%20d'")
      assert.equal(201, answer.status)
      assert.truthy(answer.head:find("X-Answer: one\r\nX-Answer: two\r\n", 1, true))
      assert.equal('{"id":7}', answer.body)
      local request = service:requests()[1]
      assert.truthy(request.raw:find("^PATCH /a/b%?c=%%20d HTTP/1.1\r\n"))
      assert.truthy(request.raw:find("\r\nx-Mixed: Case\r\n", 1, true))
      assert.equal('{"a":1}', request.body)
      assert.same({ fault = "pass", forwarded = true, answered = true, status = 201, acted = 1 }, outcome())
      local entry = proxy:log()[1]
      assert.same({ 1, "PATCH", "/a/b?c=%20d" }, { entry.n, entry.method, entry.path })
    end)

    it("keeps both connections alive", function()
      local before = proxy:state()
      curl(proxy.url .. "/[1-5]")
      local after = proxy:state()
      assert.equal(5, service:count())
      assert.equal(1, after.accepted - before.accepted)
      assert.is_true(after.upstream_opened - before.upstream_opened <= 1)
    end)

    it("passes chunked, empty, unframed and header-only answers", function()
      service:script {
        { body = ("0123456789"):rep(150), chunked = true }, { status = 204 },
        { raw = "HTTP/1.1 200 OK\r\n\r\nuntil the end", close = true }, { body = "seen by HEAD" },
      }
      local chunked = curl(proxy.url .. "/")
      assert.truthy(chunked.body:find("^3e8\r\n0123456789.*\r\n1f4\r\n.*\r\n0\r\n\r\n$"))
      assert.equal(204, curl(proxy.url .. "/").status)
      assert.equal("until the end", curl(proxy.url .. "/").body)
      local head = curl("--head " .. proxy.url .. "/")
      assert.same({ 0, "" }, { head.exit, head.body })
      assert.truthy(head.head:find("Content-Length: 12\r\n", 1, true))
    end)

    it("takes a chunked request that expects 100 Continue", function()
      local answer = curl("-H 'Expect: 100-continue' -H 'Transfer-Encoding: chunked' -d hello " .. proxy.url .. "/")
      assert.truthy(answer.text:find("^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"))
      assert.equal("hello", service:requests()[1].body)
    end)

    it("answers 502 when the upstream is out of reach", function()
      local gone = origin.start()
      local lonely = faults.start { upstream = gone.url }
      gone:stop()
      finally(function() lonely:stop() end)
      assert.equal(502, curl(lonely.url .. "/").status)
      local entry = lonely:log()[1]
      assert.is_false(entry.forwarded)
      assert.truthy(entry.error)
    end)

    it("serves other connections while one is stalled", function()
      proxy:script { { "stall", when = { path = "/stalled" } } }
      local pid = sh("curl -q -s --noproxy '*' -m 20 " .. proxy.url .. "/stalled >/dev/null 2>&1 & echo $!")
      assert.is_true(eventually(function() return #proxy:log() == 1 end))
      local text = sh("curl -q -s --noproxy '*' -m 20 -Z --parallel-max 20 -w '%{http_code}\\n' -o /dev/null "
        .. proxy.url .. "/[1-300] 2>/dev/null")
      local _, answered = text:gsub("200\n", "")
      assert.equal(300, answered)
      assert.equal(301, service:count())
      assert.is_false(proxy:log()[1].answered)
      os.execute("kill " .. pid)
    end)
  end)

  describe("before the service acts", function()
    it("refuse resets the connection", function()
      local answer = post "refuse"
      -- Connecting, sending or receiving fails, whichever the reset catches curl at.
      assert.not_equal(0, answer.exit)
      assert.equal("", answer.text)
      assert.same({ fault = "refuse", forwarded = false, answered = false, acted = 0 }, outcome())
    end)

    it("listen(false) refuses connections until listen(true)", function()
      proxy:listen(false)
      assert.equal(REFUSED, post().exit)
      assert.is_false(proxy:state().listening)
      proxy:listen(true)
      assert.equal(200, post().status)
      assert.equal(1, service:count())
    end)

    it("drop_before closes without an answer, with FIN or RST", function()
      assert.equal(EMPTY, post("drop_before").exit)
      assert.same({ fault = "drop_before", forwarded = false, answered = false, acted = 0 }, outcome())
      assert.equal(RECEIVE_FAILED, post({ "drop_before", how = "rst" }).exit)
      assert.equal(0, service:count())
    end)

    it("status answers in place of the service", function()
      local answer = post { "status", status = 429, headers = { ["Retry-After"] = 1 }, json = { error = "slow" } }
      assert.equal(429, answer.status)
      assert.truthy(answer.head:find("Retry-After: 1\r\n", 1, true))
      assert.same({ error = "slow" }, cjson.decode(answer.body))
      assert.same({ fault = "status", forwarded = false, answered = true, status = 429, acted = 0 }, outcome())
    end)

    it("status makes HTML pages and redirects too", function()
      local page = post "status"
      assert.equal(503, page.status)
      assert.truthy(page.head:find("Content-Type: text/html\r\n", 1, true))
      assert.truthy(page.body:find("<h1>503 Service Unavailable</h1>", 1, true))
      local redirect = post { "status", status = 307, headers = { Location = "http://127.0.0.1:1/" }, body = "" }
      assert.equal(307, redirect.status)
      assert.truthy(redirect.head:find("Location: http://127.0.0.1:1/\r\n", 1, true))
    end)

    it("bad_json, garbage, stall, gzip_bad and huge leave the service out with forward = false", function()
      assert.equal(200, post({ "bad_json", forward = false }).status)
      assert.equal(NOT_HTTP, post({ "garbage", forward = false }).exit)
      assert.equal(TIMED_OUT, post({ "stall", forward = false }, "-m 0.2").exit)
      assert.equal(200, post({ "gzip_bad", forward = false }).status)
      assert.equal(PARTIAL, post({ "huge", forward = false, how = "length", bytes = 100000 }).exit)
      assert.equal(0, service:count())
      for _, entry in ipairs(proxy:log()) do assert.is_false(entry.forwarded) end
    end)
  end)

  describe("after the service acted", function()
    it("drop_after closes without an answer, with FIN or RST", function()
      assert.equal(EMPTY, post("drop_after").exit)
      assert.same({ fault = "drop_after", forwarded = true, answered = false, acted = 1 }, outcome())
      assert.equal(RECEIVE_FAILED, post({ "drop_after", how = "rst" }).exit)
      assert.equal(2, service:count())
    end)

    it("cut_headers ends within the header block", function()
      local answer = post { "cut_headers", at = 30 }
      assert.is_nil(answer.body)
      -- curl shows complete header lines only.
      assert.equal("HTTP/1.1 200 OK\r\n", answer.text)
      assert.same({ fault = "cut_headers", forwarded = true, answered = false, acted = 1 }, outcome())
    end)

    it("cut_body ends within the body", function()
      service:script { { body = "0123456789" } }
      local answer = post { "cut_body", at = 4 }
      assert.same({ PARTIAL, 200, "0123" }, { answer.exit, answer.status, answer.body })
      assert.same({ fault = "cut_body", forwarded = true, answered = false, status = 200, acted = 1 }, outcome())
    end)

    it("cut_body cuts at a fraction, half by default, and never sends all", function()
      service:default { body = "0123456789" }
      assert.equal("01234", post("cut_body").body)
      assert.equal("01", post({ "cut_body", fraction = 0.2 }).body)
      assert.equal("012345678", post({ "cut_body", at = 1000 }).body)
    end)

    it("cut_body holds the end of the head back when there is no body", function()
      service:script { { status = 204 } }
      assert.is_nil(post("cut_body").body)
      assert.same({ fault = "cut_body", forwarded = true, answered = false, status = 204, acted = 1 }, outcome())
    end)

    it("delay waits before the answer, or before forwarding", function()
      assert.is_true(post({ "delay", ms = 150 }).seconds >= 0.15)
      assert.same({ fault = "delay", forwarded = true, answered = true, status = 200, acted = 1 }, outcome())
      assert.equal(TIMED_OUT, post({ "delay", ms = 5000, before = true }, "-m 0.2").exit)
      assert.is_false(proxy:log()[2].forwarded)
      assert.equal(1, service:count())
    end)

    it("stall is silent until the client leaves or the time is up", function()
      local answer = post("stall", "-m 0.3")
      assert.same({ TIMED_OUT, "" }, { answer.exit, answer.text })
      assert.same({ fault = "stall", forwarded = true, answered = false, acted = 1 }, outcome())
      assert.is_true(eventually(function() return proxy:state().open == 0 end))
      assert.equal(EMPTY, post({ "stall", ms = 50 }).exit)
    end)

    it("stall_body is silent within the body", function()
      service:script { { body = "0123456789" } }
      local answer = post({ "stall_body", at = 3 }, "-N -m 0.3")
      assert.same({ TIMED_OUT, 200, "012" }, { answer.exit, answer.status, answer.body })
      assert.same({ fault = "stall_body", forwarded = true, answered = false, status = 200, acted = 1 }, outcome())
    end)

    it("wrong_length promises more than it sends", function()
      service:script { { body = "0123456789" } }
      local answer = post { "wrong_length", by = 5 }
      assert.equal(PARTIAL, answer.exit)
      assert.truthy(answer.head:find("Content-Length: 15\r\n", 1, true))
      assert.equal("0123456789", answer.body)
    end)

    it("wrong_length sends more than it promises and leaves the connection open", function()
      service:script { { body = "0123456789", chunked = true } }
      local answer = post { "wrong_length", by = -4 }
      assert.same({ 0, "012345" }, { answer.exit, answer.body })
      assert.is_nil(answer.head:find("chunked", 1, true))
    end)

    it("garbage is not HTTP", function()
      assert.equal(NOT_HTTP, post("garbage").exit)
      assert.same({ fault = "garbage", forwarded = true, answered = false, acted = 1 }, outcome())
    end)

    it("bad_json is 200 with a body no decoder takes", function()
      local answer = post "bad_json"
      assert.equal(200, answer.status)
      assert.is_false((pcall(cjson.decode, answer.body)))
      assert.same({ fault = "bad_json", forwarded = true, answered = true, status = 200, acted = 1 }, outcome())
    end)

    it("status_after hides the true answer", function()
      assert.equal(504, post({ "status_after", status = 504 }).status)
      assert.same({ fault = "status_after", forwarded = true, answered = true, status = 504, acted = 1 }, outcome())
      assert.equal(200, proxy:log()[1].upstream_status)
    end)

    it("trickle sends the true answer byte by byte", function()
      service:script { { body = ("x"):rep(100) } }
      local answer = post { "trickle", ms = 2 }
      assert.equal(("x"):rep(100), answer.body)
      assert.is_true(answer.seconds >= 0.002 * (#answer.text - 1))
      assert.same({ fault = "trickle", forwarded = true, answered = true, status = 200, acted = 1 }, outcome())
    end)

    it("gzip_bad claims an encoding the body does not have", function()
      for _, how in ipairs { "noise", "truncated", "plain" } do
        local answer = post { "gzip_bad", how = how }
        assert.same({ 0, 200 }, { answer.exit, answer.status })
        assert.truthy(answer.head:find("Content-Encoding: gzip\r\n", 1, true))
        proxy:script { { "gzip_bad", how = how } }
        local _, exit = sh("curl -q -s --noproxy '*' " .. proxy.url .. "/ | gzip -t 2>/dev/null")
        assert.equal(1, exit)
      end
      assert.equal(6, service:count())
      assert.equal(BAD_ENCODING, post("gzip_bad", "--no-raw --compressed").exit)
    end)

    it("huge never ends", function()
      for _, how in ipairs { "chunked", "length", "close" } do
        proxy:script { { "huge", how = how } }
        local size = sh("curl -q -s --noproxy '*' -m 60 " .. proxy.url .. "/ | head -c 20000000 | wc -c")
        assert.equal(20000000, tonumber(size))
      end
      local headers = post { "huge", how = "headers" }
      assert.not_equal(0, headers.exit)
      assert.is_nil(headers.body)
      assert.is_true(eventually(function() return proxy:state().open == 0 end))
    end)
  end)

  describe("on an idle connection", function()
    local function two_requests(fault, options)
      proxy:script { fault }
      local before = proxy:state().accepted
      local answer = curl((options or "") .. " " .. proxy.url .. "/[1-2]")
      local _, answers = answer.text:gsub("HTTP/1.1 200", "")
      return answers, proxy:state().accepted - before
    end

    it("idle_close answers, then closes with FIN", function()
      local answers, connections = two_requests "idle_close"
      assert.same({ 2, 2 }, { answers, connections })
      assert.equal(2, service:count())
      assert.same({ "idle_close", true }, { proxy:log()[1].fault, proxy:log()[1].answered })
    end)

    it("idle_close resets a connection that is being used again", function()
      two_requests { "idle_close", how = "rst", ms = 5000 }
      local log = proxy:log()
      assert.same({ "idle_close", true }, { log[1].fault, log[1].answered })
      assert.same({ "closed_on_next", "/2", false }, { log[2].fault, log[2].path, log[2].forwarded })
    end)

    it("idle_close resets a connection nobody uses", function()
      local answers, connections = two_requests({ "idle_close", how = "rst", ms = 20 }, "--rate 100/m")
      assert.same({ 2, 2 }, { answers, connections })
      assert.same({ 2, 2 }, { #proxy:log(), service:count() })
    end)

    it("idle_close_on_next closes when the next request arrives", function()
      local answers = two_requests "idle_close_on_next"
      -- curl repeats a request that a used connection closed on, so the service sees it once and the proxy twice.
      assert.equal(2, answers)
      local seen = {}
      for i, entry in ipairs(proxy:log()) do
        seen[i] = { entry.path, entry.fault, entry.forwarded, entry.answered, entry.connection }
      end
      local first, second = seen[1][5], seen[3][5]
      assert.not_equal(first, second)
      assert.same({
        { "/1", "idle_close_on_next", true, true, first }, { "/2", "closed_on_next", false, false, first },
        { "/2", "pass", true, true, second },
      }, seen)
      assert.equal(2, service:count())
    end)

    it("close_idle closes what is idle", function()
      local pid = sh("curl -q -s --noproxy '*' --rate 10/m " .. proxy.url .. "/[1-2] >/dev/null 2>&1 & echo $!")
      assert.is_true(eventually(function() return service:count() == 1 and proxy:log()[1].answered end))
      assert.equal(1, proxy:close_idle("rst"))
      assert.equal(0, proxy:close_idle())
      os.execute("kill " .. pid)
    end)
  end)
end)
