-- Makes a link for each line of a CSV file. Run it again as often as you like, also after it was killed: no line ever
-- gets a second link, and lines that are done are not asked for again.
-- usage: links_from_csv.lua FILE.csv     columns: target_url, memo, password
local locksmith = require "locksmith"
local lockpub = locksmith.assert(locksmith.lockpub { base_url = os.getenv "LOCKPUB_URL" })

local function cells(line)
  local list, cell = {}, nil
  line = line .. ","
  while line ~= "" do
    local quoted = line:match '^%b""'
    if quoted then -- a quote within one is written twice
      cell, line = (cell and cell .. '"' or "") .. quoted:sub(2, -2), line:sub(#quoted + 1)
    else
      list[#list + 1], cell, line = cell or line:match "^[^,]*", nil, line:gsub("^[^,]*,", "", 1)
    end
  end
  return list
end

local file = assert(io.open(arg[1]))
local columns = cells((file:read():gsub("\r$", "")))
local function rows()
  local line = file:read()
  if not line then return nil end
  local row = {}
  for i, cell in ipairs(cells((line:gsub("\r$", "")))) do row[columns[i]] = cell end
  row.type = "url"
  return row
end

local failed = 0
for row, link, err in lockpub.links:create_each(rows, { journal = arg[1] .. ".journal", ordered = true }) do
  print(row.memo, link and link.short_url or tostring(err))
  if not link then failed = failed + 1 end
end
os.exit(failed == 0 and 0 or 1)
