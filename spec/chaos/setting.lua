--- A number from the environment, for the long runs.

---@param name string
---@param default number
---@return number
return function(name, default)
  local text = os.getenv(name)
  if text == nil or text == "" then return default end
  return tonumber(text) or error(name .. " must be a number", 0)
end
