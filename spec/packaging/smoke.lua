-- Run from an empty folder: a client of each service does a call, from modules under the folder arg[1].
local tree = arg[1]

local function comes_from_tree(path)
  assert(path:sub(1, #tree) == tree, path .. " is not under " .. tree)
end

local locksmith = require "locksmith"
local sandbox = require "locksmith.sandbox"
comes_from_tree(debug.getinfo(locksmith.lockpub, "S").source:sub(2))

for _, name in ipairs { "core", "curl" } do
  require("locksmith." .. name)
  local found
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", "locksmith/" .. name)
    local file = not found and io.open(path)
    if file then
      file:close()
      found = path
    end
  end
  comes_from_tree(found or "no file")
end

local box = sandbox.new {}
local lockpub = assert(locksmith.lockpub { api_key = sandbox.LOCKPUB_KEY, transport = box:transport() })
local link = assert(lockpub.links:create {
  type = "url", target_url = "https://example.com/", password = "share-this-separately", memo = "Example",
})
assert(link.short_url, "the link has no short_url")

local locker = assert(locksmith.locker { api_key = sandbox.LOCKER_KEY, transport = box:transport() })
local address = assert(locker.addresses:create())
assert(address.full_address, "the alias has no full_address")

-- Over libcurl, to where nothing listens: the module runs, and fails as it should.
local nowhere = assert(locksmith.lockpub {
  api_key = sandbox.LOCKPUB_KEY, base_url = "http://127.0.0.1:1", transport = "curl", max_retries = 0,
})
local _, err = nowhere.links:create {
  type = "url", target_url = "https://example.com/", password = "share-this-separately", memo = "Example",
}
assert(err and err.kind == "connect", tostring(err))
