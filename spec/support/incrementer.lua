--- A process that increments a number in a store, for spec/store_processes_spec.lua. INCREMENT holds "kind place times
--- log": it leaves a byte in the log for every increment that the store has confirmed.

local locksmith = require "locksmith"

local kind, place, times, log = os.getenv("INCREMENT"):match "^(%S+) (%S+) (%d+) (%S+)$"
require("spec.support.redis").find_library()
local store = kind == "file" and locksmith.file { path = place } or locksmith.redis { unix = place, timeout = 5 }
local handle = assert(io.open(log, "ab"))
handle:setvbuf "no"

--- A number with a tail by which a mixture of two would be noticed.
local function write(number)
  return ("%d:"):format(number) .. (("%d"):format(number % 10)):rep(number % 7 * 150)
end

local function increment()
  while true do
    local bytes, version = store.read "lockpub:count"
    if bytes == nil and version ~= nil then error(version) end
    local number = bytes and tonumber(bytes:match "^%d+") or 0
    assert(not bytes or bytes == write(number), "what was read is no number that was written")
    local done, message = store.swap("lockpub:count", version, write(number + 1), 600)
    if done then return end
    assert(done == false, message)
  end
end

for _ = 1, tonumber(times) do
  increment()
  handle:write "."
end
io.write "done\n"
