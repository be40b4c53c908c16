-- Disables the aliases that get spam: nothing more is forwarded, and each can be enabled again.

local locksmith = require "locksmith"

-- The key is LOCKER_API_KEY. What nginx says of an error object is "unknown error", so it gets the text.
local locker, problem = locksmith.locker { base_url = os.getenv "LOCKER_BASE_URL" }
if not locker then error(tostring(problem), 0) end

local spam_job = {}

local SPAM = 10

local running = false

local function disable_spammed()
  local aliases, err = locker.addresses:all()
  if not aliases then return nil, err end
  local disabled = 0
  for _, alias in ipairs(aliases) do
    if alias.enabled and alias.num_spam >= SPAM then
      local done
      done, err = locker.addresses:set_enabled(alias.id, false)
      if done then
        disabled = disabled + 1
      elseif err.kind ~= "not_found" then -- somebody may have deleted it meanwhile
        return nil, err
      end
    end
  end
  return disabled
end

-- Returns how many aliases were disabled, or nil and the error. Two runs at a time would be of no use.
local function run()
  if running then return 0 end
  running = true
  local ok, disabled, err = pcall(disable_spammed)
  running = false
  if not ok then disabled, err = nil, disabled end
  if err then
    ngx.log(ngx.ERR, "spammed aliases are left: ", tostring(err))
  elseif disabled > 0 then
    ngx.log(ngx.NOTICE, disabled, " spammed aliases disabled")
  end
  return disabled, err
end

-- For a location that cron calls.
function spam_job.serve()
  if ngx.req.get_method() ~= "POST" then return ngx.exit(405) end
  ngx.header.content_type = "text/plain"
  local disabled = run()
  if not disabled then
    ngx.status = 503
    ngx.say "spammed aliases are left: see the error log"
    return
  end
  ngx.say(disabled, " disabled")
end

return spam_job
