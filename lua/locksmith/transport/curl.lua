--- libcurl, blocking: for everything that is not nginx.

local curl = {}

---@param options table the client's options
---@return table? transport
---@return string? message why it cannot be used
function curl.new(options)
  local ok, library = pcall(require, "locksmith.curl")
  if not ok and tostring(library):find "not enough memory$" then error(library, 0) end
  if not ok then return nil, "transport \"curl\" needs locksmith's libcurl module: " .. tostring(library) end
  return library.new {
    ca_file = options.ca_file,
    proxy = options.proxy,
    connect_timeout = options.connect_timeout,
    max_response_bytes = options.max_response_bytes,
  }
end

return curl
