-- A corpus as one text file, an input a line in hexadecimal digits, so that it can be read and stored.
-- usage: lua corpus.lua pack|unpack FOLDER FILE    a file that is not there unpacks to nothing
local verb, folder, path = arg[1], arg[2], arg[3]

local function pack()
  local names = assert(io.popen(("ls '%s'"):format(folder)))
  local lines = {}
  for name in names:lines() do
    local file = assert(io.open(folder .. "/" .. name, "rb"))
    lines[#lines + 1] = (file:read "*a":gsub(".", function(c) return ("%02x"):format(c:byte()) end))
    file:close()
  end
  names:close()
  table.sort(lines, function(a, b) return #a < #b or #a == #b and a < b end)
  local out = assert(io.open(path, "w"))
  out:write(table.concat(lines, "\n"), "\n")
  out:close()
end

local function unpack_all()
  local file = io.open(path)
  if not file then return end
  local n = 0
  for line in file:lines() do
    n = n + 1
    local out = assert(io.open(("%s/saved-%d"):format(folder, n), "wb"))
    out:write((line:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)))
    out:close()
  end
  file:close()
end

if verb == "pack" then pack() else unpack_all() end
