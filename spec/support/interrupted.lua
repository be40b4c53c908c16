-- Waits in the way that WAIT names, and says "waiting" before. Run by spec/interrupt_spec.lua, which sends signals.
local core = require "locksmith.core"
local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"

local SECONDS = tonumber(os.getenv "SECONDS")
local began

local function waiting()
  io.stdout:write "waiting\n"
  io.stdout:flush()
  began = core.now()
end

local function locker(options)
  local own = { api_key = sandbox.LOCKER_KEY, store = locksmith.memory(), timeout = SECONDS + 9,
    attempt_timeout = SECONDS + 9, max_retries = 1 }
  for name, value in pairs(options) do own[name] = value end
  return assert(locksmith.locker(own))
end

local waits = {}

function waits.pacing()
  local client = locker { rate = { { 1, SECONDS } }, transport = function() return { status = 200, body = "[]" } end }
  assert(client.addresses:list())
  waiting()
  assert(client.addresses:list())
end

function waits.retry()
  local answers = { { status = 429, headers = { ["retry-after"] = tostring(SECONDS) } }, { status = 200, body = "[]" } }
  local client = locker { transport = function()
    local answer = table.remove(answers, 1)
    if answer.status == 429 then waiting() end
    return answer
  end }
  assert(client.addresses:list())
end

function waits.attempt()
  local client = locker { base_url = os.getenv "BASE_URL" }
  waiting()
  local list, err = client.addresses:list()
  if not list then error(tostring(err), 0) end
end

-- What was interrupted is over and done with: the client still works.
function waits.survived()
  local client = locker { base_url = os.getenv "BASE_URL" }
  waiting()
  local ok, message = pcall(client.addresses.list, client.addresses)
  print(ok, message)
  local list, err = client.addresses:list()
  print(list and "and goes on" or tostring(err))
end

-- A handler of the host's may run Lua, and that may do anything.
function waits.closed()
  local client = locker { base_url = os.getenv "BASE_URL" }
  local hooked = false
  waiting()
  debug.sethook(function()
    if hooked or debug.getinfo(2, "S").short_src ~= "locksmith (waiting)" then return end
    hooked = true
    debug.sethook()
    print(select(2, client.addresses:list()).kind)
    client:close()
  end, "", 1)
  local _, err = client.addresses:list()
  print(err.kind, err.outcome)
end

local function run()
  waits[os.getenv "WAIT"]()
  print(("waited %.3f"):format(core.now() - began))
end

local signals = os.getenv "COUNTED" and require "signals"
if signals then signals.watch() end
if os.getenv "COROUTINE" then
  local thread = coroutine.create(run)
  local ok, message = coroutine.resume(thread)
  if not ok then error(message, 0) end
else
  run()
end
if signals then print("signals " .. signals.count()) end
