--- Rows that people bring: CSV with a header, or JSON lines, from a file or from standard input. Only one row is in
--- memory at a time.

local ascii = require "locksmith.ascii"
local core = require "locksmith.core"
local csv = require "locksmith.cli.csv"
local json = require "locksmith.json"
local lines = require "locksmith.cli.lines"
local locksmith = require "locksmith"

local input = {}

---@alias locksmith.cli.Columns table<string, "text"|"count"|"boolean"|"time"|"id"|"any">

--- The fields of a resource as columns.
---@param resource "link"|"address"|"subdomain"
---@return locksmith.cli.Columns
function input.columns(resource)
  local columns = {}
  for _, field in ipairs(locksmith.fields(resource)) do
    columns[field.name] = field.type
    if field.alias then columns[field.alias] = field.type end
  end
  return columns
end

local function unknown(name, columns)
  local proposed = {}
  for known in pairs(columns) do
    if not known:find "[A-Z]" then proposed[known] = true end -- a second name needs no proposal
  end
  local near = core.nearest(name, proposed)
  return ('"%s" is not a column that is known%s'):format(name, near and ("; did you mean %s?"):format(near) or "")
end

-- The value of a cell, or what is wrong with it.
local CELL = {
  text = function(cell) return cell end,
  any = function(cell) return cell end,
  time = function(cell) return ascii.number(cell) or cell end,
  id = function(cell)
    if cell:find "^%d+$" then return #cell <= 15 and ascii.number(cell) or cell end
    return nil, "must be a whole number"
  end,
  count = function(cell)
    local number = ascii.number(cell)
    if number then return number end
    return nil, "must be a number"
  end,
  boolean = function(cell)
    local word = ascii.lower(cell)
    if word == "true" or word == "false" then return word == "true" end
    return nil, "must be true or false"
  end,
}

local EXPECTED = {
  text = { "a text", string = true },
  time = { "a time: Unix seconds or an ISO 8601 text", string = true, number = true },
  count = { "a number", number = true },
  id = { "a number", number = true, string = true },
  any = { "anything", number = true, string = true, boolean = true, table = true },
  boolean = { "true or false", boolean = true },
}

---@class locksmith.cli.Problem
---@field line integer
---@field column string? its name, or of a cell without one its number
---@field message string
---@field fatal boolean? nothing can be read after it
local Problem = {}
Problem.__index = Problem

function Problem:__tostring()
  local column = self.column and (", column %s"):format(self.column) or ""
  return ("%s, line %d%s: %s"):format(self.name, self.line, column, self.message)
end

---@class locksmith.cli.Rows
---@field source locksmith.cli.Lines
---@field columns locksmith.cli.Columns
---@field header string[]? of CSV
local Rows = {}
Rows.__index = Rows

---@param line integer
---@param column string?
---@param message string
---@param fatal boolean?
---@return locksmith.cli.Problem
function Rows:problem(line, column, message, fatal)
  local problem = { name = self.source.name, line = line, column = column, message = message, fatal = fatal }
  return setmetatable(problem, Problem)
end

local function shown(index, name)
  return name and ("%d (%s)"):format(index, name) or tostring(index)
end

local function is_blank(cells)
  return #cells == 1 and cells[1] == ""
end

function Rows:next_of_csv()
  local header = self.header
  local cells, line, message, at = csv.take(self.source)
  while cells and is_blank(cells) do cells, line, message, at = csv.take(self.source) end
  if not cells then
    if not message then return nil end
    return nil, self:problem(line, at and shown(at, header[at]), message, self.source.problem ~= nil)
  end
  if #cells ~= #header then
    local column = #cells < #header and shown(#cells + 1, header[#cells + 1]) or tostring(#header + 1)
    return nil, self:problem(line, column, ("the row has %d cells, the header %d"):format(#cells, #header))
  end
  local row = {}
  for i, cell in ipairs(cells) do
    if cell ~= "" then
      local value, wrong = CELL[self.columns[header[i]]](cell)
      if wrong then return nil, self:problem(line, shown(i, header[i]), wrong) end
      row[header[i]] = value
    end
  end
  return row, nil, line
end

-- What is wrong with a value of JSON.
local function misfit(columns, name, value)
  local kind = columns[name]
  if not kind then
    if name == "extra" and columns.target_url and type(value) == "table" then return nil end
    return unknown(name, columns)
  end
  if not EXPECTED[kind][type(value)] then return "must be " .. EXPECTED[kind][1] end
end

function Rows:next_of_json()
  local source = self.source
  local line, text
  repeat
    if source:at_end() then
      if not source.problem then return nil end
      return nil, self:problem(source.line, nil, source.problem, true)
    end
    line, text = source.line, source:take_line()
  until text == nil or text:find "[^ \t\r]"
  if source.problem then return nil, self:problem(line, nil, source.problem, true) end
  if not text then return nil, self:problem(line, nil, ("it is longer than %d bytes"):format(lines.LONGEST)) end
  local ok, row = json.decode(text)
  if not ok then return nil, self:problem(line, nil, "it is not JSON") end
  if type(row) ~= "table" or not text:find "^[ \t]*{" then
    return nil, self:problem(line, nil, "it is not a JSON object")
  end
  local names = {}
  for name in pairs(row) do names[#names + 1] = name end
  table.sort(names, ascii.before)
  for _, name in ipairs(names) do
    local wrong = misfit(self.columns, name, row[name])
    if wrong then return nil, self:problem(line, name, wrong) end
  end
  return row, nil, line
end

--- Reads the next row. After a problem that is not fatal the next call goes on behind it.
---@return table<string, string|number|boolean>? row of what is given; an empty cell and null are not. nil after the
---  last one
---@return locksmith.cli.Problem? problem tostring names file, line and column
---@return integer? line in which it begins
function Rows:next()
  if self.header then return self:next_of_csv() end
  return self:next_of_json()
end

--- Whether rows have that column, be it that this one's cell is empty.
---@param name string
---@return boolean # false where there is no header
function Rows:has(name)
  for _, known in ipairs(self.header or {}) do
    if known == name then return true end
  end
  return false
end

--- Closes the file, if it was opened here.
function Rows:close()
  if self.file then self.file:close() end
  self.file = nil
end

-- Reads the first record of CSV.
function Rows:take_header()
  local cells, line, message, at = csv.take(self.source)
  if not cells then return self:problem(line, at, message or "the header with the names of the columns is missing") end
  if #cells == 1 and cells[1]:find "[;\t]" then
    return self:problem(line, nil, "columns are to be separated by commas (RFC 4180)")
  end
  local seen = {}
  for i, name in ipairs(cells) do
    local wrong
    if seen[name] then wrong = ("%s stands there twice"):format(name) end
    if not self.columns[name] then wrong = unknown(name, self.columns) end
    if name == "" then wrong = "it has no name" end
    if wrong then return self:problem(line, tostring(i), wrong) end
    seen[name] = true
  end
  for _, name in ipairs(self.required) do
    if not seen[name] then return self:problem(line, nil, ("the column %s is missing"):format(name)) end
  end
  self.header = cells
end

local ENDINGS = { csv = "csv", jsonl = "jsonl", ndjson = "jsonl", json = "jsonl" }

-- By the ending of the name; of standard input, and of any other name, by how the text begins.
local function format_of(path, source)
  local ending = path:match "%.([A-Za-z]+)$"
  local known = ending and ENDINGS[ascii.lower(ending)]
  if known then return known end
  while not source.buffer:find("[^ \t\r\n]", source.position) and not source:is_too_long() and source:more() do end
  return source.buffer:find("^[ \t\r\n]*{", source.position) and "jsonl" or "csv"
end

---@param path string "-" is standard input
---@param options { columns: locksmith.cli.Columns, required: string[]?, format: "csv"|"jsonl"|nil, stdin: file*? }
---  required: columns that a CSV has to have; format: by default told by the ending of the path, or by how the text
---  begins
---@return locksmith.cli.Rows?
---@return string? message
function input.open(path, options)
  local file, problem = options.stdin or io.stdin, nil
  if path == "-" then
    core.catch_signals() -- one ends a read that waits
  else
    file, problem = io.open(path, "rb")
    if not file then return nil, problem end
  end
  local source = lines.new(file, path == "-" and "standard input" or path)
  local rows = setmetatable({ source = source, columns = options.columns, required = options.required or {},
    file = path ~= "-" and file or nil }, Rows)
  if source.problem then
    problem = ("%s: %s"):format(source.name, source.problem)
  elseif source.buffer:find "^\255\254" or source.buffer:find "^\254\255" then
    problem = source.name .. ": it is UTF-16; save it as UTF-8"
  elseif (options.format or format_of(path, source)) == "csv" then
    problem = rows:take_header()
  end
  if not problem then return rows end
  rows:close()
  return nil, tostring(problem)
end

return input
