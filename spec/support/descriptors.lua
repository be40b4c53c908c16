-- Makes clients that are never closed and lets each make calls. Run by spec/curl_descriptors_spec.lua, perhaps with few
-- descriptors to be had. Prints what came of it, and waits for the end of its input.
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local calls = tonumber(os.getenv "CALLS" or 1)
local kept, made = os.getenv "KEEPS" and {}, 0

local function use(client)
  for _ = 1, calls do
    local list, err = client.addresses:list()
    if not list then
      print(err.kind, err.outcome, err.message)
      return false
    end
  end
  made = made + 1
  return true
end

for _ = 1, tonumber(os.getenv "CLIENTS") do
  local client = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, base_url = os.getenv "BASE_URL",
    store = locksmith.memory(), max_retries = 0 })
  if not use(client) then break end
  if kept then kept[#kept + 1] = client end
end
print("made " .. made)
io.stdout:flush()
io.read "*a"
