--- Reads the LuaLS annotations of files: classes with their fields and methods, and aliases.

local annotations = {}

local function new_class(found, name)
  local class = found.classes[name] or { parents = {}, fields = {}, methods = {} }
  found.classes[name] = class
  return class
end

--- Adds what one file says.
---@param found table { classes = name -> { parents, fields = name -> { type, optional }, methods = name ->
---  parameters }, aliases = name -> list of texts }
---@param path string
local function read_file(found, path)
  local class, alias, variables = nil, nil, {}
  for line in io.lines(path) do
    local name, rest = line:match "^%-%-%-@class ([%w_.]+)(.*)$"
    if name then
      class, alias = new_class(found, name), nil
      for parent in (rest:match "^:([^#]*)" or ""):gmatch "locksmith[%w_.]*%f[^%w_.%[]" do
        if not rest:find(parent .. "[]", 1, true) then class.parents[#class.parents + 1] = parent end
      end
    elseif line:find "^%-%-%-@alias" then
      name, rest = line:match "^%-%-%-@alias ([%w_.]+)(.*)$"
      alias = {}
      found.aliases[name], class = alias, nil
      for text in rest:gmatch '"([^"]*)"' do alias[#alias + 1] = text end
    elseif alias and line:find "^%-%-%-|" then
      alias[#alias + 1] = line:match '^%-%-%-| "([^"]*)"'
    elseif class and line:find "^%-%-%-@field" then
      local field, mark, kind = line:match "^%-%-%-@field ([%w_%[%]]+)(%??) (.*)$"
      class.fields[field] = { type = kind, optional = mark == "?" or kind:match "^[^ ]+" ~= nil and
        kind:match("^[^ ]+"):sub(-1) == "?" }
    else
      local variable = line:match "^local ([%w_]+) = {"
      if variable and class then variables[variable] = class end
      local owner, method, parameters = line:match "^function ([%w_]+)[.:]([%w_]+)(%b())"
      if owner and variables[owner] then variables[owner].methods[method] = parameters end
      if not line:find "^%-%-%-" then class, alias = nil, nil end
    end
  end
end

---@param paths string[]
---@return table # see above
function annotations.read(paths)
  local found = { classes = {}, aliases = {} }
  for _, path in ipairs(paths) do read_file(found, path) end
  return found
end

--- All fields, or methods, of a class, those of its parents included.
---@param found table
---@param name string
---@param which "fields"|"methods"
---@return table
function annotations.all(found, name, which)
  local all, class = {}, assert(found.classes[name], name .. " is not annotated")
  for _, parent in ipairs(class.parents) do
    for field, value in pairs(annotations.all(found, parent, which)) do all[field] = value end
  end
  for field, value in pairs(class[which]) do all[field] = value end
  return all
end

return annotations
