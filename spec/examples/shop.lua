-- A shop's own code. It is given its clients, so that its tests, in testing_spec.lua, can give it those of a sandbox.
local shop = {}

--- The link of an order: one, however often it is asked for.
---@param lockpub locksmith.Lockpub
---@param order string
---@return string? slug
---@return string? problem
function shop.share(lockpub, order)
  local link, err = lockpub.links:create({ type = "url", target_url = "https://shop.example/" .. order:gsub(" ", "/"),
    password = "share-this-separately", memo = "Your order" }, { idempotent = order })
  if link then return link.slug end
  return nil, err.kind == "quota_exceeded" and "no more links this month" or tostring(err)
end

--- The alias that a customer is written to.
---@param locker locksmith.Locker
---@param customer string
---@return string? address
---@return string? problem
function shop.address_of(locker, customer)
  local address, err = locker.addresses:ensure("customer " .. customer)
  if address then return address.full_address end
  return nil, err.kind == "limit_reached" and "this plan has no room for more customers" or tostring(err)
end

return shop
