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

function faults.new()
  return setmetatable({ rules = {} }, faults)
end

--- Checks a fault and spells out the words for common ones; raises for one it does not know.
---@param fault string|table|nil
---@return table?
function faults.read(fault)
  if fault == nil or fault == false then return nil end
  if type(fault) == "string" and WORDS[fault] then return WORDS[fault] end
  if type(fault) ~= "table" then error("unknown sandbox fault " .. tostring(fault), 0) end
  if fault.kind and not KINDS[fault.kind] then error("unknown failure kind " .. tostring(fault.kind), 0) end
  if not (fault.status or fault.kind or fault.cut or fault.delay) then
    error("a sandbox fault needs status, kind, cut or delay", 0)
  end
  return fault
end

--- Adds a rule, see `Sandbox:fault`.
---@param rule table
function faults:add(rule)
  faults.read(rule.fault)
  if rule.fault == nil then error("a fault rule needs a fault", 0) end
  local times = rule.times
  if times == nil then times = 1 end
  self.rules[#self.rules + 1] = {
    method = rule.method, path = rule.path, service = rule.service, fault = rule.fault,
    skip = rule.skip or 0, times = times,
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
        return faults.read(rule.fault)
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
