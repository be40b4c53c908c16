-- Switches off aliases that got too much spam, from a timer of one worker.

local locksmith = require "locksmith"

local locker = assert(locksmith.locker {
  api_key = os.getenv "LOCKER_API_KEY",
  base_url = os.getenv "LOCKER_BASE_URL",
})

local disable_spammed = {}

local function clean(spam)
  -- An iterator never ends quietly on an error: it raises.
  for alias in locker.addresses:each() do
    if alias.enabled and alias.num_spam >= spam then
      local address, err = locker.addresses:set_enabled(alias.id, false)
      if address then
        ngx.log(ngx.NOTICE, address.full_address, " is off after ", alias.num_spam, " spam mails")
      else
        ngx.log(ngx.ERR, tostring(err))
      end
    end
  end
end

--- Starts the timer; for init_worker_by_lua.
---@param options table { every = seconds, spam = mails from which on an alias is switched off }
function disable_spammed.start(options)
  if ngx.worker.id() ~= 0 then return end
  local function run(premature)
    if premature then return end -- nginx is stopping
    local ok, problem = pcall(clean, options.spam)
    if not ok then ngx.log(ngx.ERR, tostring(problem)) end
  end
  assert(ngx.timer.at(0, run))
  assert(ngx.timer.every(options.every, run))
end

return disable_spammed
