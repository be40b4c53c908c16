--- Results: JSON lines, CSV, values with tabs between, or a table for people.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local json = require "locksmith.json"
local number = require "locksmith.number"
local status = require "locksmith.cli.status"

local output = {}

-- What a record may hold and nobody is to see here.
local SECRET = { password = true, secret_memo = true, raw = true }

-- A table is as wide as these many rows; what comes later is fitted in.
local LOOKED_AT = 200

---@class locksmith.cli.Writer
---@field file file*
---@field name string
---@field format "json"|"csv"|"tsv"|"table"
---@field columns string[]
---@field chosen boolean? only these
---@field waiting table[]? rows of a table whose widths are not known yet
---@field widths integer[]?
local Writer = {}
Writer.__index = Writer

--- The format that the ending of a file's name tells.
---@param path string
---@return "csv"|"tsv"|"json"|nil
function output.format_of(path)
  local ending = ascii.lower(path:match "%.([A-Za-z]+)$" or "")
  return ({ csv = "csv", tsv = "tsv", json = "json", jsonl = "json", ndjson = "json" })[ending]
end

-- JSON without the slashes' backslashes, which no reader needs and whoever looks for an address trips over.
local function json_of(value)
  local text = json.encode(value)
  return text and text:gsub("\\(.)", { ["/"] = "/" })
end

--- A number, text or boolean as text; what holds others as JSON.
local function text_of(value)
  if value == nil then return "" end
  if type(value) == "string" then return value end
  if type(value) == "number" then return number.text(value) end
  if type(value) == "table" then return json_of(value) or "" end
  return tostring(value)
end

local ESCAPED = { ["\\"] = "\\\\", ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r" }

local function tab_separated(record, columns)
  local cells = {}
  for i, name in ipairs(columns) do cells[i] = text_of(record[name]):gsub("[\\\t\n\r]", ESCAPED) end
  return table.concat(cells, "\t") .. "\n"
end

local function csv_cell(value)
  local text = text_of(value)
  if not text:find '[",\r\n]' then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

local function comma_separated(values, count)
  local cells = {}
  for i = 1, count do cells[i] = csv_cell(values[i]) end
  return table.concat(cells, ",") .. "\r\n"
end

--- One object a line, its members in the order of the columns, then those that are no columns.
local function json_line(record, columns, only)
  local parts, seen, others = {}, {}, {}
  local function add(name)
    local value = record[name]
    if value == nil or SECRET[name] then return end
    local text = json_of(value)
    if text then parts[#parts + 1] = json.encode(name) .. ":" .. text end
  end
  for _, name in ipairs(columns) do
    seen[name] = true
    add(name)
  end
  if not only then
    for name in pairs(record) do
      if type(name) == "string" and not seen[name] then others[#others + 1] = name end
    end
    table.sort(others, ascii.before)
    for _, name in ipairs(others) do add(name) end
  end
  return "{" .. table.concat(parts, ",") .. "}\n"
end

-- Columns of a terminal, reckoned as one for each character.
local function width_of(text)
  local _, continued = text:gsub("[\128-\191]", "")
  return #text - continued
end

local function cut(text, width)
  if width_of(text) <= width then return text end
  local at, seen = 1, 0
  while seen < width - 1 do
    at = (text:find("[^\128-\191]", at + 1)) or #text + 1
    seen = seen + 1
  end
  return text:sub(1, at - 1) .. "…"
end

local function is_time(name, value)
  if type(value) ~= "number" or not (value >= 0 and value < 2 ^ 40) then return false end
  return name:find "_time$" or name:find "_at$" or name:find "reset$" or name:find "as_of$"
end

-- What steers a terminal does not reach it.
local function shown(name, value)
  local time = is_time(name, value) and core.iso8601(value)
  if time then return ("%s %sZ"):format(time:sub(1, 10), time:sub(12, 16)) end
  return (text_of(value):gsub("[%z\1-\31\127]", "?"):gsub("\194[\128-\159]", "?"))
end

local function table_line(self, cells, bold)
  local parts, left = {}, self.width
  for i, cell in ipairs(cells) do
    local last = i == #cells
    if last then cell = cut(cell, math.max(12, left)) end
    local pad = last and "" or (" "):rep(self.widths[i] - width_of(cell) + 2)
    parts[i], left = cell .. pad, left - math.max(self.widths[i], width_of(cell)) - 2
  end
  local text = table.concat(parts):gsub(" +$", "")
  return (bold and "\27[1m" .. text .. "\27[0m" or text) .. "\n"
end

-- Whether all rows but the heading have nothing in this column.
local function is_empty(lines, column)
  for i = 2, #lines do
    if lines[i][column] ~= "" then return false end
  end
  return true
end

--- Writes the rows of a table that waited.
---@param all boolean? no more will come: columns without anything in them need not be shown
local function release(self, all)
  local lines = self.waiting
  self.waiting, self.widths = nil, {}
  local heading = {}
  for i, name in ipairs(self.columns) do heading[i] = name end
  table.insert(lines, 1, heading)
  for i = all and #heading or 0, 1, -1 do
    if is_empty(lines, i) then
      for _, cells in ipairs(lines) do table.remove(cells, i) end
    end
  end
  for _, cells in ipairs(lines) do
    for i, cell in ipairs(cells) do self.widths[i] = math.max(self.widths[i] or 0, width_of(cell)) end
  end
  for i, cells in ipairs(lines) do self:write(table_line(self, cells, i == 1 and self.color)) end
end

--- Begins a result.
---@param given table format, columns, chosen (the only ones), path or standard output, each (flushed after each
---  record), width of the terminal, color
---@return locksmith.cli.Writer
function output.new(given)
  local self = setmetatable({ format = given.format, columns = given.chosen or given.columns,
    only = given.chosen ~= nil, each = given.each, width = given.width or 80, color = given.color,
    name = given.path or "standard output", file = io.stdout }, Writer)
  if given.path then
    local file, problem = io.open(given.path, "wb")
    if not file then status.usage(problem) end
    self.file, self.own = file, true
  end
  if self.format == "table" then self.waiting = {} end
  if self.format == "csv" then self:write(comma_separated(self.columns, #self.columns)) end
  return self
end

function Writer:write(text)
  local written, problem, errno = self.file:write(text)
  if not written then
    self.broken = true
    status.unwritable(self.name, problem, errno)
  end
end

function Writer:flush()
  local flushed, problem, errno = self.file:flush()
  if not flushed then
    self.broken = true
    status.unwritable(self.name, problem, errno)
  end
end

--- Writes a record.
---@param record table
function Writer:row(record)
  local columns = self.columns
  if self.format == "json" then
    self:write(json_line(record, columns, self.only))
  elseif self.format == "csv" then
    local values = {}
    for i, name in ipairs(columns) do values[i] = record[name] end
    self:write(comma_separated(values, #columns))
  elseif self.format == "tsv" then
    self:write(tab_separated(record, columns))
  else
    local cells = {}
    for i, name in ipairs(columns) do cells[i] = shown(name, record[name]) end
    if not self.waiting then
      self:write(table_line(self, cells))
    else
      self.waiting[#self.waiting + 1] = cells
      if #self.waiting == LOOKED_AT then release(self) end
    end
  end
  if self.each and not self.waiting then self:flush() end
end

--- Ends the result. May be repeated.
function Writer:close()
  if self.closed or self.broken then return end
  self.closed = true
  if self.waiting and #self.waiting > 0 then release(self, true) end
  self:flush()
  if self.own then
    local closed, problem, errno = self.file:close()
    if not closed then status.unwritable(self.name, problem, errno) end
  end
end

return output
