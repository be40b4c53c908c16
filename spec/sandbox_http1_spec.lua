--- HTTP/1.1 as the served sandbox reads and writes it, without a socket.

local http1 = require "locksmith.sandbox.server.http1"
local stream = require "locksmith.sandbox.server.stream"

local IDLE, PATIENCE = 75, 60

--- A stream on which the given pieces arrive one after another; after them comes silence or, with `closed`, the end.
local function arriving(pieces, closed)
  local sent, time, at = {}, 1000, 0
  local loop = {
    now = function() return time end,
    wait = function(_, _, mode, deadline)
      if mode == "write" or at < #pieces or closed then return true end
      time = deadline
      return false
    end,
  }
  local ready = false
  local sock = {
    settimeout = function() end,
    setoption = function() end,
    receive = function()
      -- Every piece is waited for.
      ready = not ready
      if ready then return nil, "timeout", "" end
      at = at + 1
      if pieces[at] then return nil, "timeout", pieces[at] end
      return nil, "closed", ""
    end,
    send = function(_, bytes, from)
      -- A socket takes what it likes.
      local last = math.min(#bytes, from + 6)
      sent[#sent + 1] = bytes:sub(from, last)
      if last == #bytes then return last end
      return nil, "timeout", last
    end,
  }
  return stream.new(loop, sock), sent, loop
end

local function read(text, closed)
  local from = arriving({ text }, closed)
  return http1.read(from, IDLE, PATIENCE)
end

local function post(headers, body)
  return "POST /x HTTP/1.1\r\nHost: h\r\n" .. headers .. "\r\n" .. body
end

describe("a request that is read", function()
  it("is what was sent", function()
    local request = read("PUT /a%20b?c=d HTTP/1.1\r\nHost: h:1\r\nX-Odd_name:  two words \r\nEmpty:\r\n"
      .. "content-length: 5\r\n\r\nhello")
    assert.same({
      method = "PUT", url = "/a%20b?c=d", version = "1.1", body = "hello", keep = true,
      headers = { { "Host", "h:1" }, { "X-Odd_name", "two words" }, { "Empty", "" }, { "content-length", "5" } },
    }, request)
  end)

  it("is the same however it arrives", function()
    for _, text in ipairs { post("Content-Length: 5\r\n", "hello"),
      post("Transfer-Encoding: chunked\r\n", "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n") } do
      local pieces = {}
      for i = 1, #text do pieces[i] = text:sub(i, i) end
      local request = http1.read(arriving(pieces), IDLE, PATIENCE)
      assert.equal("hello", request.body)
      assert.same(read(text), request)
    end
  end)

  it("leaves the next one where it is", function()
    local from = arriving { post("Content-Length: 1\r\n", "a") .. "\r\n" .. post("Transfer-Encoding: chunked\r\n",
      "1\r\nb\r\n0\r\n\r\n") .. "GET /y HTTP/1.0\r\n\r\n" }
    assert.equal("a", http1.read(from, IDLE, PATIENCE).body)
    assert.equal("b", http1.read(from, IDLE, PATIENCE).body)
    local last = http1.read(from, IDLE, PATIENCE)
    assert.equal("/y", last.url)
    assert.is_false(last.keep)
  end)

  it("is the last of its connection when it says so", function()
    assert.is_false(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n").keep)
    assert.is_true(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep)
  end)

  it("is encouraged when it waits for that", function()
    local from, sent = arriving { post("Content-Length: 2\r\nExpect: 100-continue\r\n", ""), "ok" }
    assert.equal("ok", http1.read(from, IDLE, PATIENCE).body)
    assert.equal("HTTP/1.1 100 Continue\r\n\r\n", table.concat(sent))
  end)

  it("may be as large as 64 MiB", function()
    for _, case in ipairs { { 413, "Content-Length: 67108865\r\n", "" }, { 413, "Content-Length: 99999999999\r\n", "" },
      { 413, "Transfer-Encoding: chunked\r\n", "4000001\r\n" },
      { 413, "Transfer-Encoding: chunked\r\n", "2\r\nab\r\n3FFFFFF\r\n" },
      { 431, "X: " .. ("x"):rep(65536) .. "\r\n", "" } } do
      local request, status = read(post(case[2], case[3]))
      assert.is_nil(request)
      assert.equal(case[1], status)
    end
    local _, status = read(post("Content-Length: 67108864\r\n", "and closed"), true)
    assert.is_nil(status)
  end)

  it("is refused when it is no HTTP/1.1", function()
    for _, text in ipairs { "\22\3\1\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nName : x\r\n\r\n",
      post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), post("Content-Length: -1\r\n", ""),
      post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n"),
      post("Transfer-Encoding: chunked\r\n", "x\r\n"), post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n") } do
      local request, status = read(text)
      assert.is_nil(request, text)
      assert.equal(400, status, text)
    end
    local _, status = read(post("Transfer-Encoding: gzip, chunked\r\n", ""))
    assert.equal(501, status)
  end)

  it("may end early or never come", function()
    local whole = post("Content-Length: 5\r\n", "hello")
    for cut = 0, #whole - 1 do
      local request, status = read(whole:sub(1, cut), true)
      assert.is_nil(request)
      assert.is_nil(status)
    end
  end)

  it("has its time", function()
    local from, _, loop = arriving {}
    local request, status = http1.read(from, IDLE, PATIENCE)
    assert.is_nil(request or status)
    assert.equal(1000 + IDLE, loop.now())
    local chunked = "Transfer-Encoding: chunked\r\n"
    for n, text in ipairs { "GET / HT", post("Content-Length: 5\r\n", "hell"), post(chunked, "5"),
      post(chunked, "5\r\nhe"), post(chunked, "0\r\nTrailer") } do
      local asking
      asking, _, loop = arriving { text }
      request, status = http1.read(asking, IDLE, PATIENCE)
      assert.is_nil(request)
      assert.equal(408, status, n)
      assert.equal(1000 + PATIENCE, loop.now())
    end
  end)
end)

describe("an answer that is written", function()
  local GET = { method = "GET", version = "1.1", keep = true }

  local function written(request, response, sent)
    return http1.answer(request, response, sent)
  end

  it("has its headers in order and the length it says", function()
    local bytes, keep = written(GET, { status = 429, headers = { vary = "origin", ["x-api-quota-limit"] = 5,
      ["content-length"] = "2" }, body = "{}" })
    assert.equal("HTTP/1.1 429 Too Many Requests\r\nConnection: keep-alive\r\nContent-Length: 2\r\nVary: origin\r\n"
      .. "X-Api-Quota-Limit: 5\r\n\r\n{}", bytes)
    assert.is_true(keep)
  end)

  it("has chunks where it does not", function()
    local bytes = written(GET, { status = 200, headers = {}, body = ("x"):rep(17) })
    assert.equal("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n"
      .. ("x"):rep(17) .. "\r\n0\r\n\r\n", bytes)
    assert.matches("\r\n\r\n0\r\n\r\n$", (written(GET, { status = 301, headers = {}, body = "" })))
    local old, keep = written({ method = "GET", version = "1.0", keep = true },
      { status = 200, headers = {}, body = "x" })
    assert.equal("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx", old)
    assert.is_false(keep)
  end)

  it("has no body where none may be", function()
    local head = { method = "HEAD", version = "1.1", keep = true }
    assert.equal("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 52\r\n\r\n",
      (written(head, { status = 200, headers = { ["content-length"] = "52" }, body = "" })))
    assert.equal("HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n",
      (written(GET, { status = 204, headers = { ["content-length"] = "0" }, body = "x" })))
    assert.equal("HTTP/1.1 304 Not Modified\r\nConnection: keep-alive\r\n\r\n",
      (written(GET, { status = 304, headers = {}, body = "x" })))
  end)

  it("ends the connection when it breaks off, is false or says so", function()
    local cut, keep = written(GET, { status = 200, headers = {}, body = "hello" }, "he")
    assert.equal("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhe", cut)
    assert.is_false(keep)
    for _, headers in ipairs { { ["content-length"] = "9" }, { ["content-length"] = "5", connection = "close" } } do
      cut, keep = written(GET, { status = 299, headers = headers, body = "hello" })
      assert.matches("^HTTP/1.1 299 Status\r\nConnection: close\r\n.*hello$", cut)
      assert.is_false(keep)
    end
    assert.is_false(select(2, written({ method = "GET", version = "1.1", keep = false },
      { status = 200, headers = { ["content-length"] = "0" }, body = "" })))
  end)

  it("keeps a header in its line", function()
    assert.matches("\r\nRetry%-After: 3 X: y\r\n", (written(GET, { status = 503, body = "",
      headers = { ["retry-after"] = "3\r\nX: y", ["transfer-encoding"] = "gzip" } })))
  end)

  it("is sent whole", function()
    local to, sent, loop = arriving {}
    local text = ("0123456789"):rep(10)
    assert.is_true(to:send(text, loop.now() + 1))
    assert.equal(text, table.concat(sent))
  end)
end)
