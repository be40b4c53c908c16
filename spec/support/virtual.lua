--- A clock that only moves when someone sleeps, and a transport that plays a script: every wait is tested in no time.

local virtual = {}

---@param start number? Unix seconds; default a Monday in 2026
---@return table clock { now, sleep, slept = list of seconds }
function virtual.clock(start)
  local clock = { time = start or 1780000000, slept = {} }
  function clock.now() return clock.time end
  function clock.sleep(seconds)
    clock.slept[#clock.slept + 1] = seconds
    clock.time = clock.time + seconds
  end
  return clock
end

--- Plays answers in order, the last one again and again. An answer is a response table, a failure { kind, sent }, or a
--- function(request, n) that returns either. `takes` lets virtual time pass before it.
---@param script table
---@param clock table?
---@return function transport
---@return table[] requests as they were sent; each with the `at` of its virtual time
function virtual.transport(script, clock)
  local requests = {}
  return function(request)
    local n = #requests + 1
    request.at = clock and clock.now()
    requests[n] = request
    local answer = script[n] or script[#script]
    if type(answer) == "function" then answer = answer(request, n) end
    if clock and answer.takes then clock.time = clock.time + answer.takes end
    if answer.kind then return nil, answer end
    return { status = answer.status, headers = answer.headers or {}, body = answer.body or "" }
  end, requests
end

---@param request table as a transport gets it
---@param name string
---@return string? # value of that header
function virtual.header(request, name)
  for _, header in ipairs(request.headers) do
    if header[1]:lower() == name:lower() then return header[2] end
  end
end

return virtual
