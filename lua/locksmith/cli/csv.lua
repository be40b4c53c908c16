--- CSV by RFC 4180: cells may stand in quotes, and then hold commas, line ends and doubled quotes.

local lines = require "locksmith.cli.lines"

local csv = {}

local TOO_LONG = ("the row is longer than %d bytes"):format(lines.LONGEST)

local function count_lines(source, text)
  local _, breaks = text:gsub("\n", "")
  source.line = source.line + breaks
  return text
end

-- Where the next quote stands, with what follows it read, too; nil where there is none.
local function next_quote(source)
  while true do
    local at = source.buffer:find('"', source.position, true)
    if at and (at < #source.buffer or source.ended) then return at end
    if source:is_too_long() then return nil end
    if not source:more() and not at then return nil end
  end
end

-- A quoted cell, from after its first quote; behind its last one when it returns.
---@return string? cell
---@return string? problem
local function quoted_cell(source)
  local began, parts = source.line, {}
  while true do
    local at = next_quote(source)
    if not at then
      count_lines(source, table.concat(parts))
      return nil, ("the quote that opens in line %d is not closed"):format(began)
    end
    local doubled = source.buffer:byte(at + 1) == 34
    parts[#parts + 1] = source.buffer:sub(source.position, doubled and at or at - 1)
    source.position = at + (doubled and 2 or 1)
    if not doubled then return count_lines(source, table.concat(parts)) end
  end
end

-- A cell without quotes; at what ends it when it returns.
local function plain_cell(source)
  local at = source.buffer:find('[,"\n]', source.position)
  while not at do
    if source:is_too_long() then return nil, TOO_LONG end
    local seen = #source.buffer - source.position
    if not source:more() then break end
    at = source.buffer:find('[,"\n]', source.position + seen)
  end
  at = at or #source.buffer + 1
  local cell = source.buffer:sub(source.position, at - 1)
  if source.buffer:byte(at) == 34 then return nil, "a quote within a cell that does not begin with one" end
  source.position = at
  return cell
end

-- What ends a cell: the next byte, of \r\n the \n; nil at the end of the file, false where it is something else.
local function take_end(source)
  if source:at_end() then return nil end
  if source.buffer:byte(source.position) == 13 then
    if source.position == #source.buffer then source:more() end
    if source.buffer:byte(source.position + 1) == 10 then source.position = source.position + 1 end
  end
  local byte = source.buffer:byte(source.position)
  if byte ~= 44 and byte ~= 10 then return false end
  source.position = source.position + 1
  if byte == 10 then source.line = source.line + 1 end
  return byte
end

--- Takes one record.
---@param source locksmith.cli.Lines
---@return string[]? cells nil after the last record, and of one that is not well-formed, which is skipped up to the end
---  of its line
---@return integer line in which it begins
---@return string? problem
---@return integer? column with the problem
function csv.take(source)
  local cells, began, size = {}, source.line, 0
  if source:at_end() then return nil, began, source.problem end
  while true do
    local quoted = not source:at_end() and source.buffer:byte(source.position) == 34
    if quoted then source.position = source.position + 1 end
    local cell, problem = (quoted and quoted_cell or plain_cell)(source)
    local ended = not problem and take_end(source)
    if not problem and ended == false then problem = "only a comma may follow the quote that closes a cell" end
    size = size + #(cell or "")
    if size > lines.LONGEST then problem = TOO_LONG end
    if source.problem and ended ~= 44 then return nil, began, source.problem end
    if problem then
      if ended ~= 10 then source:take_line() end
      return nil, began, problem, #cells + 1
    end
    if not quoted and ended ~= 44 then cell = cell:gsub("\r$", "") end
    cells[#cells + 1] = cell
    if ended ~= 44 then return cells, began end
  end
end

return csv
