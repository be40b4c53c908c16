--- The whole programs of the README's section "First steps".

local shell = require "spec.support.shell"

local first_steps = {}

--- A program by the heading above it.
---@param heading string
---@param which integer? of several; the first
---@return string
function first_steps.program(heading, which)
  local section = shell.read("README.md"):match "\n## First steps\n(.-)\n## "
  local text = (section .. "\n### "):match("\n### " .. heading .. "\n(.-)\n### ")
  local n = 0
  for block in text:gmatch "```lua\n(.-)```" do
    n = n + 1
    if n == (which or 1) then return block end
  end
  error("there is no such program: " .. heading, 2)
end

--- How many lines it has; those that say nothing do not count, and a long one counts as often as it would be broken.
---@param program string
---@return integer
function first_steps.lines(program)
  local n = 0
  for line in program:gmatch "[^\n]+" do n = n + math.max(1, math.ceil(#line / 140)) end
  return n
end

--- What has the library's clients speak to a sandbox instead of the services.
---@param url string
---@return string # Lua
function first_steps.diversion(url)
  return ([[
local locksmith = require "locksmith"
for _, name in ipairs { "lockpub", "locker" } do
  local make = locksmith[name]
  locksmith[name] = function(options)
    options = options or {}
    options.base_url = %q
    return make(options)
  end
end
]]):format(url)
end

return first_steps
