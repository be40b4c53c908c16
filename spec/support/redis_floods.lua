--- What something that is no Redis, or one gone wrong, may send: { name, answer of spec/support/sender.lua, what the
--- store says }.

local LARGE = "^Redis: the reply is larger than any of ours can be$"
local NONE = "^Redis: what came is no reply of Redis$"
local TIME = "^Redis: timeout$"

return {
  { "a line without end", { head = "+", again = "x" }, LARGE },
  { "an error without end", { head = "-ERR ", again = "x" }, LARGE },
  { "a number without end", { head = ":1", again = "0" }, LARGE },
  { "nothing but line ends", { again = "\r\n" }, NONE },
  { "a text of a giant length", { head = "$99999999999\r\n", again = "x" }, LARGE },
  { "a length that no number holds", { head = "$" .. ("9"):rep(400) .. "\r\n", again = "x" }, LARGE },
  { "a negative length", { head = "$-7\r\n", again = "x" }, NONE },
  { "a length that is none", { head = "$nan\r\n", again = "x" }, NONE },
  { "a list of a giant length", { head = "*999999999\r\n", again = ":1\r\n" }, LARGE },
  { "a list of a length that no number holds", { head = "*" .. ("9"):rep(400) .. "\r\n", again = ":1\r\n" }, LARGE },
  { "a list of large texts", { head = "*1000\r\n", again = "$60000\r\n" .. ("x"):rep(60000) .. "\r\n" }, LARGE },
  { "lists in lists", { again = "*1\r\n" }, NONE },
  { "another protocol", { head = "HTTP/1.1 400 Bad Request\r\n", again = "x" }, NONE },
  { "zeros", { again = "\0" }, LARGE },
  { "a number that is none", { head = ":one\r\n" }, NONE },
  { "a drip of a line", { head = "+", again = "x", every = 20 }, TIME },
  { "a drip of a text", { head = "$100000\r\n", again = "x", every = 20 }, TIME },
  { "a drip of a list", { head = "*1000\r\n", again = ":1\r\n", every = 20 }, TIME },
  { "a line that does not end", { head = "+O" }, TIME },
  { "half an answer", { head = "*3\r\n:1\r\n" }, TIME },
}
