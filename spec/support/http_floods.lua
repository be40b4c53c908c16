--- Answers that are too much of something, or framed wrongly: { name, answer of spec/support/sender.lua, kind of the
--- error }.

local CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
local HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"

local floods = {}

floods.TOO_LARGE = {
  { "headers without end", { head = "HTTP/1.1 200 OK\r\n", again = "X-Header: value\r\n" } },
  { "a header line without end", { head = "HTTP/1.1 200 OK\r\nX: ", again = "x" } },
  { "a header that goes on for ever", { head = "HTTP/1.1 200 OK\r\nX: 1\r\n", again = " more of it\r\n" } },
  { "the same header for ever", { head = "HTTP/1.1 200 OK\r\n", again = "Set-Cookie: a=b\r\n" } },
  { "a status line without end", { head = "HTTP/1.1 200 ", again = "x" } },
  { "interim answers without end", { again = "HTTP/1.1 100 Continue\r\n\r\n" } },
  { "an interim answer without end", { head = "HTTP/1.1 103 Early Hints\r\n", again = "Link: x\r\n" } },
  { "trailers without end", { head = CHUNKED .. "2\r\n[]\r\n0\r\n", again = "X-Trailer: value\r\n" } },
  { "a trailer line without end", { head = CHUNKED .. "2\r\n[]\r\n0\r\nX: ", again = "x" } },
  -- With a colon: newer libcurl takes each line of a trailer for a header, which has one.
  { "a trailer that goes on for ever", { head = CHUNKED .. "2\r\n[]\r\n0\r\nX: 1\r\n", again = " more: of it\r\n" } },
  { "a chunk extension without end", { head = CHUNKED .. "2;", again = "x" } },
  { "chunks with long extensions", { head = CHUNKED, again = "1;" .. ("x"):rep(100) .. "\r\n \r\n" } },
  { "chunks without end", { head = CHUNKED, again = "1\r\n \r\n" } },
  { "a body without end", { head = "HTTP/1.1 200 OK\r\n\r\n", again = " " } },
  { "a chunk of a giant size", { head = CHUNKED .. "fffffffffffff\r\n", again = " " } },
}

floods.BAD = {
  { "a chunk size that is none", { head = CHUNKED .. "2\r\n[]\r\nnone\r\n" } },
  { "a chunk size that no number holds", { head = CHUNKED .. ("f"):rep(100) .. "\r\n" } },
  { "a negative chunk size", { head = CHUNKED .. "-2\r\n[]\r\n0\r\n\r\n" } },
  { "a chunk longer than its size", { head = CHUNKED .. "2\r\n[]x\r\n0\r\n\r\n" } },
  { "a trailer that is none", { head = CHUNKED .. "2\r\n[]\r\n0\r\nno trailer\r\n\r\n" } },
  { "two lengths", { head = HEAD .. "Content-Length: 3\r\n\r\n[] " } },
  { "a length that is none", { head = "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n[]" } },
  { "no HTTP", { head = "SSH-2.0-OpenSSH_9.2\r\n\r\n" } },
  { "no HTTP and no line", { head = "garbage", close = true } },
}

-- What is odd and right: answers to a list, all the same.
floods.GOOD = {
  { "an answer after interim ones", { head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    .. HEAD .. "\r\n[]" } },
  { "chunk extensions", { head = CHUNKED .. "1;name=value\r\n[\r\n1 ; \"x\"\r\n]\r\n0;last\r\n\r\n" } },
  { "trailers", { head = CHUNKED .. "2\r\n[]\r\n0\r\nX-Trailer: value\r\nX-Other:\r\n\r\n" } },
  { "a chunk size with zeros before it", { head = CHUNKED .. "0002\r\n[]\r\n000\r\n\r\n" } },
  { "the same length twice", { head = HEAD .. "Content-Length: 2\r\n\r\n[]" } },
  { "a list of the same length", { head = "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n[]" } },
  { "a header that goes on", { head = "HTTP/1.1 200 OK\r\nX: 1\r\n  2\r\nContent-Length: 2\r\n\r\n[]" } },
}

return floods
