--- What a server of the sandbox does with a request, whatever carries it.

local control = require "locksmith.sandbox.control"

local exchange = {}

-- A request nobody will answer is held until its client gives up, but not for ever.
local LONGEST_SILENCE = 120

---@param state table `{ box = Sandbox, new = fun(options): Sandbox }`; `stopping` is set when the server is told to end
---@param request table as for `Sandbox:perform`
---@return table # `{ response, delay, cut }`: send `response` after `delay` seconds, half of its body and no more with
--- `cut`; without a response close the connection
function exchange.outcome(state, request)
  if control.owns(request.url) then
    local status, text = control.handle(state, request.method, request.url, request.body)
    return {
      response = { status = status, headers = { ["content-type"] = "application/json" }, body = text .. "\n" },
      delay = 0,
    }
  end
  local outcome = state.box:perform(request)
  return {
    response = not outcome.failure and outcome.response or nil, delay = outcome.delay or LONGEST_SILENCE,
    cut = outcome.cut,
  }
end

---@param response table
---@return string # what is sent of its body when the answer breaks off
function exchange.half(response)
  return (response.body:sub(1, math.floor(#response.body / 2)))
end

return exchange
