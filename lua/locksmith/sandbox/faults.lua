--- Faults: answers other than the services', and answers that get lost.

local faults = {}
faults.__index = faults

local WORDS = {
  drop_before = { kind = "network", message = "connection lost before the request was handled" },
  drop_after = { kind = "network", after = true, message = "connection lost before the answer" },
  crash = { status = 500, inside = true },
  cut = { cut = true },
}

local KINDS = { connect = true, tls = true, network = true, timeout = true }

-- What a fault may hold, and what a rule may say beside it.
local FAULT, RULE = {}, {}
for name in ("status headers body retry_after inside kind sent message after delay cut"):gmatch "[a-z_]+" do
  FAULT[name] = true
end
for name in ("fault method service path skip times"):gmatch "[a-z]+" do RULE[name] = true end

function faults.new()
  return setmetatable({ rules = {} }, faults)
end

--- A fault that is a word or a table.
---@return table?
---@return string? problem
local function spelled_out(fault)
  if type(fault) == "string" and WORDS[fault] then return WORDS[fault] end
  if type(fault) ~= "table" then return nil, "unknown sandbox fault " .. tostring(fault) end
  if fault.kind and not KINDS[fault.kind] then return nil, "unknown failure kind " .. tostring(fault.kind) end
  if not (fault.status or fault.kind or fault.cut or fault.delay) then
    return nil, "a sandbox fault needs status, kind, cut or delay"
  end
  for name in pairs(fault) do
    if not FAULT[name] then return nil, "a sandbox fault has no field " .. tostring(name) end
  end
  if fault.retry_after == nil then return fault end
  local own = { headers = { ["retry-after"] = fault.retry_after } }
  for name, value in pairs(fault.headers or {}) do own.headers[name] = value end
  for name, value in pairs(fault) do
    if name ~= "headers" and name ~= "retry_after" then own[name] = value end
  end
  return own
end

--- Checks a fault and spells out the words for common ones; raises for one it does not know.
---@param fault locksmith.SandboxFault|locksmith.SandboxFaultWord|false|nil
---@return table?
function faults.read(fault)
  if fault == nil or fault == false then return nil end
  local known, problem = spelled_out(fault)
  return known or error(problem, 0)
end

--- The fault of a rule, whose fields may stand in the rule itself.
local function fault_of(rule)
  local own
  for name, value in pairs(rule) do
    if FAULT[name] then
      own = own or {}
      own[name] = value
    elseif not RULE[name] then
      return nil, "a fault rule has no field " .. tostring(name)
    end
  end
  if rule.fault ~= nil and own then return nil, "a fault rule has its fault in it or beside it, not both" end
  if rule.fault == nil and not own then return nil, "a fault rule needs a fault" end
  return spelled_out(rule.fault ~= nil and rule.fault or own)
end

--- Adds a rule, see `Sandbox:fault`.
---@param rule table|string
---@return string? problem
function faults:add(rule)
  if type(rule) == "string" then rule = { fault = rule } end
  if type(rule) ~= "table" then return "a fault rule must be a table or a word, not a " .. type(rule) end
  local fault, problem = fault_of(rule)
  if not fault then return problem end
  local times = rule.times
  if times == nil then times = 1 end
  self.rules[#self.rules + 1] = {
    method = rule.method, path = rule.path, service = rule.service, fault = fault, skip = rule.skip or 0, times = times,
  }
end

function faults:clear()
  self.rules = {}
end

local function matches(rule, request, service)
  return (not rule.method or rule.method == request.method)
    and (not rule.service or rule.service == service)
    and (not rule.path or request.path:find(rule.path, 1, true) ~= nil)
end

--- The fault of the first rule that applies to a request; uses the rule up.
---@param request table as returned by `http.parse`
---@param service string
---@return table?
function faults:take(request, service)
  for i, rule in ipairs(self.rules) do
    if matches(rule, request, service) then
      if rule.skip > 0 then
        rule.skip = rule.skip - 1
      else
        if rule.times then
          rule.times = rule.times - 1
          if rule.times <= 0 then table.remove(self.rules, i) end
        end
        return rule.fault
      end
    end
  end
end

--- The failure a transport reports for a fault with a `kind`.
---@param fault table
---@return table # `{ kind, sent, message }`
function faults.failure(fault)
  local sent = fault.sent
  if sent == nil then sent = fault.kind == "network" or fault.kind == "timeout" end
  return { kind = fault.kind, sent = sent, message = fault.message or "sandbox fault: " .. fault.kind }
end

return faults
