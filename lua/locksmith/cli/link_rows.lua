--- Rows of a file that are to become links, with their numbers and names.

local input = require "locksmith.cli.input"
local status = require "locksmith.cli.status"

local REQUIRED = { "type", "password", "memo" }
local CONTENTS = { "target_url", "targetUrl", "link", "secret_memo", "secretMemo" }

---@class locksmith.cli.LinkRow
---@field number integer 1 for the first row after a header
---@field line integer? in which it begins
---@field fields table? as links:create takes them
---@field name string? by the column of --name-column
---@field problem locksmith.cli.Problem? why there are no fields

---@class locksmith.cli.LinkRows
---@field rows locksmith.cli.Rows
---@field name_column string?
---@field number integer
local LinkRows = {}
LinkRows.__index = LinkRows

local link_rows = {}

--- Declares the options that say which file it is.
---@param command table of argparse
function link_rows.declare(command)
  command:argument("file", "CSV with a header, or JSON lines; the columns are the fields of a link: type, " ..
    "target_url, secret_memo, password, memo, custom_slug, redirect_limit, start_time, expire_time. '-' is " ..
    "standard input.")
    :argname "FILE"
  command:option("--format", "What the file is, where its ending does not tell."):choices { "csv", "jsonl" }
  command:option("--name-column", "Column with your own name of each link: of one name there is never a second link.")
    :argname "C"
  command:flag("--allow-in-memo", "Let passwords stand in labels, too.")
end

local function check_header(path, header)
  if not header then return end
  local there = {}
  for _, name in ipairs(header) do there[name] = true end
  for _, name in ipairs(CONTENTS) do
    if there[name] then return end
  end
  status.usage(path .. ", line 1: one of the columns target_url and secret_memo is missing")
end

---@param arguments table what was typed
---@return locksmith.cli.LinkRows # a file that cannot be used ends the command
function link_rows.open(arguments)
  local columns, required, name_column = input.columns "link", {}, arguments.name_column
  for i, name in ipairs(REQUIRED) do required[i] = name end
  local extra = name_column and not columns[name_column]
  if name_column then
    columns[name_column] = columns[name_column] or "text"
    required[#required + 1] = name_column
  end
  local rows, problem = input.open(arguments.file, { columns = columns, required = required,
    format = arguments.format })
  if not rows then status.usage(problem) end
  check_header(arguments.file, rows.header)
  return setmetatable({ rows = rows, number = 0, name_column = name_column, extra = extra }, LinkRows)
end

---@return locksmith.cli.LinkRow? # nil after the last one
function LinkRows:next()
  local fields, problem, line = self.rows:next()
  if not fields and not problem then return nil end
  if problem and problem.fatal then status.usage(tostring(problem)) end
  self.number = self.number + 1
  local row = { number = self.number, line = line or problem.line, fields = fields, problem = problem }
  if fields and self.name_column then
    local name = fields[self.name_column]
    row.name = name ~= nil and tostring(name) or nil
    if self.extra then fields[self.name_column] = nil end
    if not row.name then
      row.fields = nil
      row.problem = self.rows:problem(line, self.name_column, "the name of the link is missing")
    end
  end
  return row
end

function LinkRows:close()
  self.rows:close()
end

--- How many rows a file has, if it can be read a second time.
---@param arguments table
---@return integer?
---@return integer? bad of these, that have no fields
function link_rows.count(arguments)
  local file = arguments.file ~= "-" and io.open(arguments.file, "rb")
  local size = file and file:seek "end"
  if file then file:close() end
  if not size then return nil end
  local rows = link_rows.open(arguments)
  local bad = 0
  for row in function() return rows:next() end do
    if row.problem then bad = bad + 1 end
  end
  rows:close()
  return rows.number, bad
end

return link_rows
