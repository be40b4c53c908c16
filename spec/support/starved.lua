-- Reads and writes JSON where memory for it runs out, and says what came of it. To be run under a limit that leaves
-- room for the text, for little more than a second one, and for the rest.

local json = require "locksmith.json"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local KIB, MIB = 2 ^ 10, 2 ^ 20
local function long(size)
  return ("x"):rep(KIB):rep(size / KIB)
end
local text = '"' .. long(16 * MIB) .. '"'

local lockpub = assert(locksmith.lockpub {
  api_key = sandbox.LOCKPUB_KEY, store = locksmith.memory(), max_response_bytes = 2 ^ 30,
  transport = function() return { status = 200, headers = {}, body = text } end,
})
collectgarbage()

-- Takes what there is, save a little.
local held = {}
local function hold(size)
  while pcall(function() held[#held + 1] = long(size) .. #held end) do end
  collectgarbage()
end
for _ = 1, 3 do
  hold(4 * MIB)
  hold(MIB / 2)
end
for _ = 1, 4 do held[#held] = nil end
collectgarbage()

local ok, message = pcall(json.decode, text)
print("decode", ok, message)
ok, message = pcall(json.encode, { text = text })
print("encode", ok, message)
local value, err = lockpub:request { method = "POST", path = "x" }
print("request", value == nil, type(err) == "table" and err.outcome, type(err) == "table" and err.message)
held = nil
collectgarbage()
print("later", json.decode "[1]", (json.encode { 0.5 }))
