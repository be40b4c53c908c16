-- What users get wrong, read by the language server and never run: it has to say of each line what stands at its end.
local locksmith = require "locksmith"
local locker = locksmith.assert(locksmith.locker())
local lockpub = locksmith.assert(locksmith.lockpub { timeout = "3" }) -- assign-type-mismatch
locksmith.lockpub { pacing = "never" } -- assign-type-mismatch
lockpub.links:craete {} -- undefined-field
lockpub.links:create { type = "url" } -- missing-fields
lockpub.links:create { type = "file", password = "a password", memo = "A memo" } -- assign-type-mismatch
lockpub.links:check({ type = "url", password = "a", memo = "b" }, { idempotent = 3 }) -- assign-type-mismatch
local link, err = lockpub.links:create { type = "url", password = "a password", memo = "A memo" }
print(link.short_url) -- need-check-nil
print(link and link.short_ulr) -- undefined-field
print(err.outcom) -- undefined-field
for address in locker.addresses:each() do print(address.full_adress) end -- undefined-field
for page in locker.addresses:pages() do print(page.cuont) end -- undefined-field
for page in locker.addresses:pages() do print(page[1].full_adress) end -- undefined-field
local plan = locksmith.assert(locker.addresses:plan(function() end))
print(plan[1].befor) -- undefined-field
for _, item in ipairs(plan) do print(item.full_adress) end -- undefined-field
local function look(id) return locker.addresses:get(id) end
for _, address in locksmith.parallel({ 1 }, look) do print(address.full_adress) end -- undefined-field
require("locksmith.sandbox").new { plan = "gold" } -- assign-type-mismatch
require("locksmith.sandbox").new():fault "drop" -- param-type-mismatch
print(require("locksmith.sandbox").new():requests()[1].metod) -- undefined-field
