--- The requests a sandbox got, for tests to look at.

local ascii = require "locksmith.ascii"
local json = require "locksmith.sandbox.json"

local log = {}
log.__index = log

local MAX_BODY = 16384

---@param limit number entries kept
---@return table
function log.new(limit)
  return setmetatable({ limit = limit, total = 0, first = 1, entries = {} }, log)
end

---@param request table as returned by `http.parse`
---@param raw_headers table list of `{ name, value }`
---@param service string
---@param now number Unix seconds
---@return table entry
function log:add(request, raw_headers, service, now)
  self.total = self.total + 1
  local headers = {}
  for _, pair in ipairs(raw_headers or {}) do headers[ascii.lower(tostring(pair[1]))] = tostring(pair[2]) end
  local query = {}
  for _, pair in ipairs(request.query) do query[pair[1]] = pair[2] end
  local entry = {
    n = self.total, at = now, service = service, method = request.method, path = request.path, query = query,
    headers = headers, body = request.body:sub(1, MAX_BODY), body_bytes = #request.body, acted = false,
  }
  self.entries[self.total] = entry
  if self.total - self.first >= self.limit then
    self.entries[self.first] = nil
    self.first = self.first + 1
  end
  return entry
end

---@return table[] # the entries kept, oldest first
function log:list()
  local list = {}
  for n = self.first, self.total do list[#list + 1] = self.entries[n] end
  return json.array(list)
end

function log:clear()
  self.total, self.first, self.entries = 0, 1, {}
end

--- How many kept entries have all the given fields.
---@param filter? table e.g. `{ service = "locker", method = "PUT", status = 200 }`; `path` is found anywhere inside
---@return integer
function log:count(filter)
  local n = 0
  for _, entry in ipairs(self:list()) do
    local fits = true
    for field, value in pairs(filter or {}) do
      if field == "path" then
        fits = fits and entry.path:find(value, 1, true) ~= nil
      else
        fits = fits and entry[field] == value
      end
    end
    if fits then n = n + 1 end
  end
  return n
end

return log
