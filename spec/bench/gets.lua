-- usage: gets.lua URL AT-ONCE CALLS      AT-ONCE 0: one after another, without locksmith.parallel
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = arg[1] })
local at_once, calls, made = tonumber(arg[2]), tonumber(arg[3]), 0

local function get()
  assert(locker.addresses:get(1))
  made = made + 1
end

if at_once == 0 then
  for _ = 1, calls do get() end
else
  local begun = 0
  local function next_one()
    begun = begun + 1
    return begun <= calls and begun or nil
  end
  for _, _, problem in locksmith.parallel(next_one, get, { concurrency = at_once }) do assert(not problem, problem) end
end
assert(made == calls)
