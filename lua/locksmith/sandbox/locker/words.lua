--- Local parts and subdomain names: which of them the Locker server allows.

local words = {}

-- The server has 570 reserved and 1383 offensive words; a handful of each shows every rule.
local RESERVED = {
  verifyaccount = true, store = true, admin = true, administrator = true, postmaster = true, webmaster = true,
  support = true, billing = true, security = true, noreply = true,
}
-- Up to four letters a word matches exactly, a longer one anywhere inside.
local OFFENSIVE = { "damn", "hell", "angry", "stupid", "idiot" }
local VENDOR = { "cystack", "websec", "safechain", "locker" }

local function has_word(name)
  if RESERVED[name] then return true end
  for _, word in ipairs(OFFENSIVE) do
    if name == word or (#word > 4 and name:find(word, 1, true)) then return true end
  end
  for _, word in ipairs(VENDOR) do
    if name:find(word, 1, true) then return true end
  end
  return false
end

--- Whether a name passes the pattern and the word lists.
---@param name string
---@return boolean
function words.valid(name)
  return #name >= 1 and #name <= 63 and not name:find("[^a-z0-9-]")
    and not name:find("^-") and not name:find("-$") and not has_word(name)
end

return words
