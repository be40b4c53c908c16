--- The journal of a batch: what became of its rows, in a file that outlives the process.
---
--- One JSON object a line. The first names the file's kind; each of the others tells of a row that it begins (`slug`:
--- a link may exist under it from now on, and under no other) or that it is done (`done`, and what the service told of
--- the link); or how far the making of an alias has come (`alias`, see half_made.lua). A row is named by a hash, whose
--- salt is the journal's own. Neither fields of a row nor names that callers gave are written.
---
--- What was begun is on the disk before anything is sent. What is done is written before it is handed out, and on the
--- disk a moment later: when the power fails in between, that row is asked for once more, under its slug.
---
--- A process that is killed leaves whole lines. A last line that is not whole, as after a loss of power, is cut off; of
--- a first one only what can have been ours.

local core = require "locksmith.core"
local json = require "locksmith.json"

local HEAD = '{"journal":"locksmith 1","salt":"'
-- What a service tells of a link and is no secret.
local KEPT = { "short_url", "id", "created_at" }

---@class locksmith.Journal
---@field path string
---@field file userdata
---@field salt string
---@field begun table<string, string> slug by row, of those that are not done
---@field done table<string, string> line by row
---@field aliases table<string, table> by row, what was noted last
---@field finished integer how many rows were done when it was opened
---@field loose boolean? not all that was begun is on the disk for certain
local Journal = {}
Journal.__index = Journal

local journal = {}

local function word(self, problem)
  return ("journal %s: %s"):format(self.path, problem)
end

local function take(self, line)
  local ok, entry = json.decode(line)
  if not ok or type(entry) ~= "table" or type(entry.row) ~= "string" then return false end
  local row, slug = entry.row, entry.slug
  if type(entry.alias) == "table" then
    self.aliases[row] = entry.alias
    return true
  end
  if type(slug) ~= "string" then return false end
  if not entry.done then
    self.begun[row] = slug
  else
    if not self.done[row] then self.finished = self.finished + 1 end
    self.done[row], self.begun[row] = line, nil
  end
  return true
end

--- Reads the lines after the first.
---@return integer? size of the whole lines
---@return string? problem
local function take_all(self, text, from)
  local number = 1
  while from <= #text do
    local stop = text:find("\n", from, true)
    number = number + 1
    if not stop or not take(self, text:sub(from, stop - 1)) then
      if stop and stop < #text then return nil, ("line %d is damaged"):format(number) end
      break
    end
    from = stop + 1
  end
  return from - 1
end

local function begin(self)
  local salt, problem = core.slug()
  if not salt then return nil, problem end
  self.salt = salt
  return self.file:append(HEAD .. salt .. '"}\n', true)
end

local function load(self)
  local text, problem = self.file:read()
  if not text then return nil, problem end
  local salt, from
  if text:sub(1, #HEAD) == HEAD then salt, from = text:match('^([0-9A-Za-z]+)"}\n()', #HEAD + 1) end
  if not salt then
    local torn = not text:find("\n", 1, true) and (HEAD:sub(1, #text) == text:sub(1, #HEAD) or text:find "^%z*$")
    if not torn then return nil, "it is no journal of this library's" end
    local cut
    cut, problem = self.file:cut(0)
    if not cut then return nil, problem end
    return begin(self)
  end
  self.salt = salt
  local size
  size, problem = take_all(self, text, from)
  if not size then return nil, problem end
  return self.file:cut(size)
end

--- Opens the journal at a path, for this process alone, and reads it; makes it where there is none.
---@param path string
---@return locksmith.Journal?
---@return string? message
function journal.open(path)
  local self = setmetatable({ path = path, begun = {}, done = {}, aliases = {}, finished = 0 }, Journal)
  local problem
  self.file, problem = core.journal(path)
  if not self.file then
    collectgarbage() -- it may be that of a loop that was left
    self.file, problem = core.journal(path)
  end
  if not self.file then return nil, word(self, problem) end
  local loaded
  loaded, problem = load(self)
  if loaded then return self end
  self.file:close()
  return nil, word(self, problem)
end

--- The name of a row in this journal.
---@param name string
---@return string
function Journal:row(name)
  return core.digest(self.salt .. " " .. name)
end

local function append(self, lines, flush)
  local ok, problem = self.file:append(table.concat(lines, "\n") .. "\n", flush)
  if not ok then return word(self, problem) end
end

--- Notes the slugs of rows that are about to be sent. None of them may be before `flush`.
---@param entries table[] { row, slug }
---@return string? message why that could not be done
function Journal:begin(entries)
  local lines = {}
  for i, entry in ipairs(entries) do lines[i] = json.encode(entry) end
  local problem = append(self, lines, false)
  if problem then return problem end
  for _, entry in ipairs(entries) do self.begun[entry.row] = entry.slug end
  self.loose = true
end

--- Sees to it that what was begun is on the disk.
---@return string? message why that could not be done
function Journal:flush()
  if not self.loose then return nil end
  local ok, problem = self.file:append("", true)
  if not ok then return word(self, problem) end
  self.loose = false
end

--- Notes that a row is done.
---@param row string
---@param link locksmith.Link
---@param slug string under which it was made
---@return string? message why that could not be done
function Journal:finish(row, link, slug)
  local entry = { row = row, slug = type(link.slug) == "string" and link.slug or slug, done = true }
  for _, name in ipairs(KEPT) do
    local value = link[name]
    if type(value) == "string" or type(value) == "number" then entry[name] = value end
  end
  local line = json.encode(entry)
  local problem = append(self, { line }, false)
  if problem then return problem end
  self.done[row], self.begun[row] = line, nil
end

--- Notes how far the making of an alias has come.
---@param row string
---@param alias table { after, time } it is about to be made; { id } it is; { id, done } and described; {} it is not
---@param flush boolean? it is on the disk when this returns
---@return string? message why that could not be done
function Journal:note(row, alias, flush)
  local problem = append(self, { json.encode { row = row, alias = alias } }, flush or false)
  if not problem then self.aliases[row] = alias end
  return problem
end

---@param line string of a row that is done
---@return table # what is known of its link: slug, and what the service told
local function kept(line)
  local _, entry = json.decode(line)
  local link = { slug = entry.slug }
  for _, name in ipairs(KEPT) do link[name] = entry[name] end
  return link
end

--- What is known of the link of a row that is done.
---@param row string
---@return table?
function Journal:link(row)
  return self.done[row] and kept(self.done[row])
end

--- All that are done.
---@return fun(): table?
function Journal:links()
  local row, line
  return function()
    row, line = next(self.done, row)
    return row and kept(line)
  end
end

function Journal:close()
  self.file:close()
end

return journal
