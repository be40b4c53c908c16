--- Which nginx with its Lua module is here, and what its configuration and command line need.

local shell = require "locksmith.sandbox.server.shell"

local output, quoted = shell.output, shell.quote

local CANDIDATES = { "nginx", "openresty", "/usr/sbin/nginx", "/usr/local/openresty/bin/openresty" }

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- Distributions ship the Lua module as a file to load, OpenResty has it built in.
local function load_lines(built)
  local folder = built:match "%-%-modules%-path=([^ \n]+)" or ""
  local lines = {}
  if exists(folder .. "/ngx_http_lua_module.so") then
    for _, module in ipairs { "ndk_http_module.so", "ngx_http_lua_module.so" } do
      local file = folder .. "/" .. module
      if exists(file) then lines[#lines + 1] = ('load_module "%s";'):format(file) end
    end
  elseif not built:find("ngx_lua", 1, true) and not built:find("lua-nginx-module", 1, true) then
    return nil
  end
  return table.concat(lines, "\n")
end

local function find()
  local names = { os.getenv "NGINX" }
  for _, name in ipairs(CANDIDATES) do names[#names + 1] = name end
  for _, name in ipairs(names) do
    local path = output("command -v " .. quoted(name) .. " 2>/dev/null")
    if path ~= "" then
      local said = output(("%s -V 2>&1; %s -h 2>&1; id -u; id -gn"):format(quoted(path), quoted(path)))
      local load = load_lines(said)
      if not load then return nil, path .. " has no Lua module (Debian: libnginx-mod-http-lua)" end
      local user, group = said:match "\n(%d+)\n([^\n]+)$"
      return {
        path = path, load = load, early_log = said:find(" -e ", 1, true) ~= nil,
        user = user == "0" and ("user root %s;"):format(group) or "",
      }
    end
  end
  return nil, "nginx with its Lua module is not here (Debian: nginx libnginx-mod-http-lua)"
end

local known

--- Looks once in the life of the process. NGINX in the environment names the one to use.
---@return table? nginx `{ path, load = lines for the configuration, user = another such line, early_log = whether it
--- takes -e FILE }`
---@return string? reason why there is none
return function()
  known = known or { find() }
  return known[1], known[2]
end
