--- Makes a link inside nginx as somebody would who has only this call to make, for want of the library.

local cjson = require "cjson"

local by_hand = {}

--- What somebody writes who knows nginx well, for http and for server; PORT and KEY are to be filled in.
by_hand.HTTP = [[
  upstream by_hand { server 127.0.0.1:PORT; keepalive 64; }
]]
by_hand.SERVER = [[
  location = /by-hand {
    internal;
    proxy_pass_request_headers off;
    proxy_set_header Host lock.pub;
    proxy_set_header Connection "";
    proxy_set_header Authorization "Bearer KEY";
    proxy_set_header Accept application/json;
    proxy_set_header User-Agent by-hand;
    proxy_set_header Content-Type application/json;
    proxy_http_version 1.1;
    proxy_pass http://by_hand/api/v1/links;
  }
]]

---@return string
function by_hand.body()
  return cjson.encode { type = "url", targetUrl = "https://example.com/private", password = "share-this-separately",
    memo = "Client contract", redirectLimit = 3 }
end

local function link(status, body, quota)
  if status ~= 201 or not tonumber(quota) then return nil, status end
  return { short_url = cjson.decode(body).shortUrl }
end

--- By a subrequest.
---@param location string
---@param options table of ngx.location.capture
---@return table? link
---@return integer? status when it failed
function by_hand.capture(location, options)
  local response = ngx.location.capture(location, options)
  if response.truncated then return nil, response.status end
  return link(response.status, response.body, response.header["X-Api-Quota-Remaining"])
end

--- By lua-resty-http.
---@param port integer of the service, on loopback
---@param key string
---@return fun(): table?, integer|string|nil
function by_hand.resty(port, key)
  local http = require "resty.http"
  local headers = { Authorization = "Bearer " .. key, Accept = "application/json", ["User-Agent"] = "by-hand",
    ["Content-Type"] = "application/json" }
  return function()
    local client = http.new()
    client:set_timeouts(5000, 10000, 10000)
    local ok, problem = client:connect { scheme = "http", host = "127.0.0.1", port = port, pool_size = 64 }
    if not ok then return nil, problem end
    local response
    response, problem = client:request { method = "POST", path = "/api/v1/links", headers = headers,
      body = by_hand.body() }
    if not response then return nil, problem end
    local body = response.body_reader(65536)
    client:set_keepalive(60000)
    return link(response.status, body, response.headers["X-Api-Quota-Remaining"])
  end
end

return by_hand
