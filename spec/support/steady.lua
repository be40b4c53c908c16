-- Makes calls for long and prints a line "LUA RESIDENT" in kilobytes after each round of them. Run by
-- spec/fault_memory_spec.lua in a process of its own: in a large heap a small leak would not show.
local locksmith = require "locksmith"
local memory = require "spec.chaos.memory"
local sandbox = require "locksmith.sandbox"

local url, rounds, calls = os.getenv "BASE_URL", tonumber(os.getenv "ROUNDS"), tonumber(os.getenv "CALLS")

if rawget(_G, "jit") then _G.jit.off() end -- compiled code would come in its own time

-- Without a window the requests of a minute would be remembered, which takes its time to fill.
local RATE = { { 1000, 0.001 } }

local function client(service, key)
  return assert(locksmith[service] { api_key = key, base_url = url, rate = RATE, timeout = 10, attempt_timeout = 5,
    max_response_bytes = 100000, random = function() return 0 end })
end

local lockpub, locker = client("lockpub", sandbox.LOCKPUB_KEY), client("locker", sandbox.LOCKER_KEY)

local function make_calls(round)
  for i = 1, calls do
    local kind = i % 4
    if kind == 0 then
      locker.addresses:list()
    elseif kind == 1 then
      lockpub.links:create { type = "url", target_url = "https://example.com/", password = "1234", memo = "m",
        custom_slug = ("s%d-%d"):format(round, i) }
    elseif kind == 2 then
      locker.addresses:update(1, { description = "round " .. round })
    else
      locker.addresses:get(4711)
    end
  end
end

for round = 1, rounds do
  make_calls(round)
  local sample = memory.sample()
  print(("%.0f %.0f"):format(sample.lua, sample.resident or 0))
end
