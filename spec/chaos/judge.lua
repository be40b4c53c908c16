--- Whether the result of a call is what it may be, by the model and by what the service holds right after it.

local judge = {}

-- What a faulty network may make of any call.
judge.TRANSIENT = { connect = true, tls = true, network = true, timeout = true, rate_limited = true,
  server_error = true, bad_response = true, too_large = true, would_wait = true }

-- Refusals that differ in the body only; where that was spoiled, the status is all there is.
local BY_BODY = { limit_reached = true, plan_required = true }

local function told(err)
  return ("%s, outcome %s, %d attempts"):format(tostring(err), tostring(err.outcome), #err.attempts)
end

local function expect_link(run, call, least, most)
  local tally = call.tally
  if not tally then return run:expect_link(call.tag, least, most) end
  tally.least, tally.most = math.max(tally.least, least), math.max(tally.most, most)
end

---@param run table
---@param call table
function judge.success(run, call, value, response)
  if call.expect and not (call.may_recover and response.recovered) then
    run:fail("succeeded instead of " .. call.expect)
  end
  if call.tag then expect_link(run, call, 1, 1) end
  if value == nil then return run:fail "success without a value" end
  call.succeeded = true
  call.effect(value)
end

local function judge_link(run, call, err)
  local possible = err.outcome == "unknown"
  if not possible and err.outcome ~= "not_sent" and err.outcome ~= "rejected" then
    run:fail("no outcome a link can have: " .. told(err))
  end
  if call.slug and err.slug ~= call.slug then run:fail("the error lacks the slug: " .. told(err)) end
  -- A slug that was taken from the start makes no link, whatever is lost.
  expect_link(run, call, 0, possible and not call.expect and 1 or 0)
end

-- An alias that exists although its creation failed.
local function adopt(run, call, err, extra)
  if err.outcome == "applied" and (not err.value or err.value.id ~= extra.id) then
    run:fail("the error does not carry the alias that was made: " .. told(err))
  end
  if extra.description ~= "" and extra.description ~= call.description then
    run:fail("an alias was made with somebody else's description")
  end
  if err.outcome == "unknown" and extra.description ~= "" then
    run:fail("a description was set for an alias of unknown outcome")
  end
  call.account:add(extra)
end

local function applied_whether(run, call, err, truth)
  local before, extra = call.account:difference(truth)
  if before and call.creates == "alias" then
    if not extra then return run:fail(before .. " after " .. told(err)) end
    return adopt(run, call, err, extra)
  end
  if before then return call.effect(nil) end
  if err.outcome ~= "applied" then return end
  if call.creates == "alias" then return run:fail("nothing was made in spite of " .. told(err)) end
  call.effect(nil)
end

local function judge_write(run, call, err)
  local outcome = err.outcome
  local truth = run.world.truth(call.account.name, call.scope)
  if outcome == "unknown" or outcome == "applied" then
    applied_whether(run, call, err, truth)
  elseif outcome ~= "not_sent" and outcome ~= "rejected" then
    run:fail("no such outcome: " .. told(err))
  end
  local problem = call.account:difference(truth)
  if problem then run:fail(problem .. " after " .. told(err)) end
end

---@param run table
---@param call table
---@param err locksmith.Error
function judge.failure(run, call, err)
  call.outcome, call.error = err.outcome, err
  local spoiled = BY_BODY[call.expect] and err.kind == "invalid_request" and not err.code
  local doubted = call.may_conflict and err.kind == "conflict" and err.outcome == "unknown"
  -- The key was rotated, and there was no time left to ask for the new one.
  local too_late = err.kind == "unauthenticated" and call.took > call.timeout - 1e-5
  local explained = spoiled or doubted or too_late
  if err.kind ~= call.expect and not judge.TRANSIENT[err.kind] and not explained then
    run:fail(("unexpected (instead of %s): %s"):format(tostring(call.expect or "success"), told(err)))
  end
  if err.operation ~= call.name then run:fail("the error names another operation: " .. told(err)) end
  if call.tag then
    judge_link(run, call, err)
  elseif call.writes then
    judge_write(run, call, err)
  end
end

return judge
