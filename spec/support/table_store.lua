--- The smallest store there can be: a table. Shows what users write for a place of their own.

local table_store = {}

---@param place table what is kept, shared by the stores in that place
---@param clock fun(): number
---@return table store
function table_store.new(place, clock)
  local function kept(name)
    local entry = place[name]
    if entry and entry.ends > clock() then return entry end
  end
  return {
    read = function(name)
      local entry = kept(name)
      if entry then return entry.bytes, entry.version end
    end,
    swap = function(name, version, bytes, seconds_to_live)
      local entry = kept(name)
      if (entry and entry.version) ~= version then return false end
      place.version = (place.version or 1000) + 1
      place[name] = { bytes = bytes, version = place.version, ends = clock() + seconds_to_live }
      return true
    end,
  }
end

return table_store
