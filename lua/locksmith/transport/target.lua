--- Splits the URLs of requests. They come from the core, which has checked them and put them in normal form.

local target = {}

---@class locksmith.Target
---@field base string what its URLs begin with
---@field scheme "http"|"https"
---@field authority string host and port as the Host header has them
---@field host string without the brackets of an IPv6 address
---@field dial string what to connect to: host, with the brackets
---@field port integer

---@param scheme "http"|"https"
---@param authority string
---@return locksmith.Target
function target.parse(scheme, authority)
  local dial, port = authority:match "^(%[[^%]]*%]):?(%d*)$"
  if not dial then dial, port = authority:match "^([^:]*):?(%d*)$" end
  local host = dial:match "^%[(.*)%]$" or dial
  return {
    base = scheme .. "://" .. authority .. "/",
    scheme = scheme,
    authority = authority,
    host = host,
    -- nginx's resolver asks a name server, and that need not know this name.
    dial = host == "localhost" and "127.0.0.1" or dial,
    port = tonumber(port) or (scheme == "https" and 443 or 80),
  }
end

--- Splits a URL; what belongs to the host is taken from `known` when it is the same host as the last time.
---@param url string
---@param known locksmith.Target?
---@return locksmith.Target
---@return string path with the query
function target.split(url, known)
  if known and url:sub(1, #known.base) == known.base then return known, url:sub(#known.base) end
  local scheme, authority, path = url:match "^(https?)://([^/?#]*)(.*)$"
  if path:byte() ~= 47 then path = "/" .. path end
  return target.parse(scheme, authority), path
end

return target
