--- The reading side of a list: one page, pages, items, everything.

local options = require "locksmith.options"
local pages = require "locksmith.pages"
local resource = require "locksmith.resource"
local walk = require "locksmith.walk"

local lists = {}

local NUMBER_MAX = 2 ^ 31 - 1

local function positive(value)
  if type(value) ~= "number" or not (value >= 1 and value <= NUMBER_MAX) or value % 1 ~= 0 then
    return ("must be a whole number from 1 to %.0f"):format(NUMBER_MAX)
  end
end

local function page(value)
  if value ~= "last" and positive(value) then return positive(value) .. ', or "last"' end
end

local function paging(value)
  if type(value) ~= "boolean" and value ~= 0 and value ~= 1 then return "must be a boolean, 0 or 1" end
end

local LIST = { page = page, size = positive, paging = paging }
local WALK = { page = positive, size = positive, paging = paging, seen = options.types "table", from = positive }

local function reader(known)
  return function(q, what) return options.read(q, known, what) end
end

--- Adds list, pages, each and all to a resource.
---@param methods table
---@param name string of the resource, such as "locker.addresses"
function lists.extend(methods, name)
  local operation = name .. ".list"

  local function source(task, opts)
    return { task = task, operation = operation, opts = opts }
  end

  local function method(verb, known, carry_out, steps)
    return resource.method({ name = name .. verb, arguments = { reader(known) }, steps = steps }, carry_out)
  end

  --- One page.
  methods.list = method(".list", LIST, function(task, q, opts)
    local got, response = pages.fetch(source(task, opts), q)
    if got then got.whole = nil end
    return got, response
  end)

  --- Iterates over pages; none is empty. Raises the error object when a page cannot be had; pass its `resume` to go on.
  methods.pages = method(".pages", WALK, function(task, q, opts)
    local walker = walk.new(source(task, opts), q, false)
    return function()
      local got, err = walker:next()
      if err then task:raise(err) end
      return got
    end
  end)

  --- Iterates over items, from one consistent answer with everything unless `page` or `size` is given. Neither skips
  --- nor repeats an item that exists throughout. Raises the error object; pass its `resume` to each() to go on.
  methods.each = method(".each", WALK, function(task, q, opts)
    local walker = walk.new(source(task, opts), q, true)
    local current, index = {}, 0
    return function()
      index = index + 1
      if index > #current then
        local got, err = walker:next()
        if err then task:raise(err) end
        current, index = got or {}, 1
      end
      return current[index]
    end
  end)

  --- Everything, as a plain array.
  methods.all = method(".all", WALK, function(task, q, opts)
    return walk.all(source(task, opts), q)
  end, true)
end

return lists
