--- Text that is read from a file piece by piece, by those who know where it may be cut.

local PIECE = 16384

---@class locksmith.cli.Lines
---@field file file* read only here
---@field name string of the file, for messages
---@field buffer string what was read and not taken yet begins at `position`
---@field position integer
---@field line integer number of the line at `position`
---@field ended boolean the buffer holds all there is
---@field problem string? why reading failed; then `ended` is true, too
local Lines = {}
Lines.__index = Lines

local lines = {}

--- A row may have so many bytes: of a file that is none, or whose quote is never closed, not everything is kept.
lines.LONGEST = 1048576

---@param file file*
---@param name string
---@return locksmith.cli.Lines
function lines.new(file, name)
  local self = setmetatable({ file = file, name = name, buffer = "", position = 1, line = 1, ended = false }, Lines)
  while #self.buffer < 3 and self:more() do end
  if self.buffer:sub(1, 3) == "\239\187\191" then self.position = 4 end -- a byte order mark
  return self
end

--- Reads another piece. What is not taken yet begins at 1 from then on.
---@return boolean # false when there is no more
function Lines:more()
  if self.ended then return false end
  local piece, problem = self.file:read(PIECE)
  self.ended, self.problem = not piece, problem
  if not piece then return false end
  self.buffer, self.position = self.buffer:sub(self.position) .. piece, 1
  return true
end

--- Whether so much was read for one row that it cannot be one.
---@return boolean
function Lines:is_too_long()
  return #self.buffer - self.position >= lines.LONGEST
end

---@return boolean # whether everything was taken
function Lines:at_end()
  return self.position > #self.buffer and not self:more()
end

--- Takes up to the end of the line.
---@return string? line without its end; nil when it is too long, and was skipped
function Lines:take_line()
  local from, too_long = self.position, false
  local at = self.buffer:find("\n", from, true)
  while not at and not self.ended do
    if self:is_too_long() then
      too_long = true
      self.position = #self.buffer + 1
    end
    local seen = #self.buffer - self.position + 1
    if self:more() then at = self.buffer:find("\n", seen + 1, true) end
  end
  local text = self.buffer:sub(self.position, (at or #self.buffer + 1) - 1)
  self.position = (at or #self.buffer) + 1
  self.line = self.line + 1
  if too_long then return nil end
  return (text:gsub("\r$", ""))
end

return lines
