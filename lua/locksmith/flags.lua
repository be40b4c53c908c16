--- Bringing a flag of an alias to a wanted state, for good.
--
-- A PUT sets the state. Paid plans obey it, free ones say yes and drop it. It may be sent again, and however late an
-- attempt of it arrives, it brings what is wanted; on a plan that drops it, a late one is dropped too.
-- The toggle flips the stored state, on every plan (block_spam: on paid ones). It is sent only when the state is known
-- and no write is under way whose outcome is not: one that was lost, or answered with a 5xx, may take effect at any
-- later moment, and another one would undo it. After such a write there is one look, and no further write.

local Error = require "locksmith.error"
local Response = require "locksmith.response"
local alias = require "locksmith.alias"
local resource = require "locksmith.resource"

local flags = {}

flags.NAMES = { "enabled", "block_spam" }

-- Someone else may flip a flag while it is being set; so often it is worth trying.
local ROUNDS = 3
-- A plan that dropped flags may have changed: after so many seconds a PUT is tried again.
local DROPS_FOR = 3600

local step_failed = resource.step_failed

--- Remembers for this client what a PUT that the service said yes to did to a flag.
---@param session locksmith.Session
---@param obeyed boolean false: the account's plan drops flags
function flags.learn(session, obeyed)
  session.flags_dropped = not obeyed and session.now() or nil
end

---@param session locksmith.Session
---@return boolean # whether a PUT was seen to be dropped lately
function flags.drops(session)
  local since = session.flags_dropped
  return since ~= nil and math.abs(session.now() - since) < DROPS_FOR
end

local function still(address, flag, failure)
  return ("%s; %s is still %s, but the change may yet take effect, so it was not sent again"):format(failure.message,
    flag, tostring(address[flag]))
end

---@class locksmith.FlagChange one call of set_enabled or set_block_spam
---@field task locksmith.Task
---@field operation string
---@field id string
---@field flag string
---@field want boolean
---@field opts table
---@field wrote boolean? something was sent and answered that may show
local Change = {}
Change.__index = Change

--- Looks at what a write left behind.
---@param lost locksmith.Error? of the write, when its outcome is unknown
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
function Change:look(lost, outcome)
  local address, response = alias.fetch(self.task, self.id, self.opts)
  if not address then
    if lost then
      response.message = response.message .. "; the change before it was not answered and may yet take effect"
    end
    return step_failed(response, self.operation, outcome or "unknown")
  end
  if lost and address[self.flag] ~= self.want then
    lost.message = still(address, self.flag, lost)
    return step_failed(lost, self.operation, "unknown", address)
  end
  return address, response
end

--- A write that certainly did nothing.
function Change:refused(failure)
  local outcome = failure.outcome
  if self.wrote and outcome == "not_sent" or self.rounds > 1 then outcome = "unknown" end
  return step_failed(failure, self.operation, outcome)
end

function Change:put(present)
  local failure = alias.change(self.task, self.id, present.address, { [self.flag] = self.want }, self.opts)
  if failure and failure.outcome ~= "unknown" then return self:refused(failure) end
  self.wrote = true
  local address, response = self:look(failure)
  if address and not failure then flags.learn(self.task.session, address[self.flag] == self.want) end
  return address, response
end

function Change:toggle()
  local flag, session = self.flag, self.task.session
  local flipped, failure = self.task:call(alias.NAME .. "toggle_" .. flag, self.opts, { id = self.id })
  if flipped or not Error.is(failure) then
    self.wrote = true
    -- Only paid plans have this one.
    if flag == "block_spam" then flags.learn(session, true) end
    local told = type(flipped) == "table" and flipped[flag] == self.want
    return self:look(nil, told and "applied" or nil)
  end
  if failure.outcome == "unknown" then return self:look(failure) end
  if failure.kind == "plan_required" then flags.learn(session, false) end
  return self:refused(failure)
end

local function nothing_sent()
  return Response.new({ attempts = {}, elapsed = 0, recovered = false }, {})
end

--- Brings a flag to the wanted state and verifies it.
---@param task locksmith.Task
---@param id string
---@param known locksmith.Address? as the caller knows it: trusted in place of a first look
---@param flag "enabled"|"block_spam"
---@param want boolean
---@param opts table with a deadline
---@return locksmith.Address?
---@return locksmith.Response|locksmith.Error
function flags.set(task, id, known, flag, want, opts)
  local operation = task.operation
  local change = setmetatable({ task = task, operation = operation, id = id, flag = flag, want = want, opts = opts },
    Change)
  local address, response
  if known and type(known[flag]) == "boolean" then
    address = known
    if known[flag] == want then return address, nothing_sent() end
  else
    address, response = alias.fetch(task, id, opts)
    if not address then return step_failed(response, operation, resource.unchanged(response)) end
  end
  for round = 1, ROUNDS do
    if address[flag] == want then return address, response end
    change.rounds = round
    if not flags.drops(task.session) then
      address, response = change:put(address)
      if not address then return nil, response end
      if address[flag] == want then return address, response end
    end
    address, response = change:toggle()
    if not address then return nil, response end
  end
  if address[flag] == want then return address, response end
  return nil, Error.about(response, {
    kind = "not_applied",
    message = ("%s was set to %s and found %s again; someone else may be changing it"):format(flag, tostring(want),
      tostring(address[flag])),
    operation = operation,
    outcome = "unknown",
    value = address,
  })
end

return flags
