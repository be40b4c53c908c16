--- Walks over all pages of a list that neither skip nor repeat, and end only where the list says that it ends.
--
-- Two ways to read a list, with different guarantees:
--   * the snapshot (`paging=0`) is one answer with everything, consistent by itself. each() and all() use it unless
--     the caller asks for pages;
--   * numbered pages. The service shifts later items forward when an earlier one is deleted, so that an item can slip
--     from an unread page into a read one. Items are therefore remembered by id, and after the last page one more look
--     (a snapshot, or the pages once more from the back) brings what slipped. Reading from the back cannot miss an item
--     that exists throughout: deletions only move items towards pages still to be read, and new ones are appended.
-- A page that is said not to exist ends nothing: that look does, or the count that the list tells.
-- Pages are counted, never followed: the service's `next` links may say http:// (spec/vectors/locker-wire.md,
-- section 8).

local number = require "locksmith.number"
local pages = require "locksmith.pages"

-- Pages in a row that bring nothing new, or go on past the told count, before the list is called endless.
local STRANGE_MAX = 3
local PASSES_MAX = 3
local PAGES_MORE = 100

---@class locksmith.Walk
---@field source locksmith.ListSource
---@field mode "snapshot"|"forward"|"sweep"|"backward"|"done"
---@field start integer the first page the caller wants
---@field page integer the next one forward
---@field size integer?
---@field seen table<string, boolean> by id
---@field distinct integer how many are seen
---@field taken string[] the latest of them, not handed out yet
---@field resumed boolean some of them by an earlier walk
---@field count number? as the list told it last
---@field last integer the highest page that was there
---@field missing integer? the page that was said not to be there, last
---@field longest integer items on the longest page
---@field stride integer? items on a page that others followed
---@field err locksmith.Error? what ended it
local Walk = {}
Walk.__index = Walk

-- A number and the text of its digits are the same id; and a table with texts for keys can be written as JSON.
local function key_of(id)
  if type(id) == "number" then return number.text(id) end
  return type(id) == "string" and id or nil
end

local function failed(self, err)
  -- What was read but not handed out is still to be read.
  for _, key in ipairs(self.taken) do
    self.seen[key] = nil
    self.distinct = self.distinct - 1
  end
  local whole = self.mode == "snapshot"
  err.resume = { page = not whole and self.page or nil, size = self.size, paging = whole and 0 or nil,
    from = self.start > 1 and self.start or nil, seen = self.seen }
  self.mode, self.err = "done", err
  return nil, err
end

local function broken(self, message, response)
  local _, err = pages.broken(self.source, message, response)
  return failed(self, err)
end

--- Keeps of a page what was not seen yet.
---@param first integer? items before this one are left out
---@return table page
local function take(self, page, first)
  local unseen = {}
  for i = first or 1, #page do
    local item = page[i]
    local key = key_of(item.id)
    if not self.seen[key] then
      self.seen[key] = true
      self.distinct = self.distinct + 1
      self.taken[#self.taken + 1] = key
      unseen[#unseen + 1] = item
    end
  end
  unseen.count, unseen.page = page.count, page.page
  unseen.has_next, unseen.has_previous = page.has_next, page.has_previous
  self.count = page.count
  return unseen
end

--- Whether what was seen, and what stands before the first page wanted, is as much as the list tells.
local function complete(self)
  local before = (self.start - 1) * math.max(self.size or pages.SIZE, self.longest)
  return before + self.distinct >= self.count
end

-- A list may grow while it is read, but not for ever: from what its first page told, this many pages are enough.
local function most_pages(self, page)
  self.shortest = math.min(self.shortest or #page, math.max(1, #page))
  self.first_count = self.first_count or page.count
  return 2 * math.ceil(self.first_count / self.shortest) + PAGES_MORE
end

local function is_endless(self, page, unseen)
  if not page.has_next then return false end
  local past = self.page * #page >= page.count
  self.strange = (#unseen > 0 and not past) and 0 or self.strange + 1
  return self.strange >= STRANGE_MAX or self.page >= most_pages(self, page)
end

local step = {}

--- Everything in one answer.
function step.snapshot(self)
  local page, response = pages.fetch(self.source, { paging = 0 })
  if not page and response.kind ~= "too_large" then return failed(self, response) end
  if page and page.whole then
    self.mode = "done"
    return take(self, page)
  end
  -- A service that does not know the parameter answered with its first page, of a size of its own: page 2 of our size
  -- would not continue it.
  self.mode = "forward"
  return step.forward(self)
end

function step.forward(self)
  local page, response = pages.fetch(self.source, { page = self.page, size = self.size })
  if not page then
    if self.page == 1 or not pages.is_beyond(response) then return failed(self, response) end
    self.mode, self.missing = "sweep", self.page
    return {}
  end
  self.last, self.longest = math.max(self.last, self.page), math.max(self.longest, #page)
  if page.has_next then self.stride = self.stride or #page end
  local unseen = take(self, page)
  if is_endless(self, page, unseen) then
    return broken(self, "the list goes on without end: page after page beyond its own count, or with nothing new",
      response)
  end
  if page.has_next then
    self.page = self.page + 1
  else
    -- What stood on a single page is a snapshot already.
    local single = self.page == self.start and not self.resumed and complete(self)
    self.mode = single and "done" or "sweep"
  end
  return unseen
end

--- One more look at everything, which brings what slipped and tells whether this was all.
function step.sweep(self)
  local page, response = pages.fetch(self.source, { paging = 0 })
  if not page and response.kind ~= "too_large" then return failed(self, response) end
  if page and page.whole then
    self.mode = "done"
    return take(self, page, (self.start - 1) * (self.stride or self.size or pages.SIZE) + 1)
  end
  self.mode, self.back, self.ended = "backward", self.last, false
  return step.backward(self)
end

--- Reads forward once more: the look back has shown that something is missing.
local function again(self, unseen, from, response)
  self.passes = self.passes + 1
  if self.passes >= PASSES_MAX then
    return broken(self, ("the list counts %s items, but only %d could be read"):format(tostring(self.count),
      self.distinct), response)
  end
  self.mode, self.page, self.strange = "forward", from, -self.last
  return unseen
end

--- Whether the list itself shows, on its first page, that it ends before the first page wanted.
local function ends_before(self, first)
  if not first.has_next then return first.count <= #first end
  return (self.start - 1) * #first >= first.count
end

local function end_backward(self, unseen, response)
  local finished
  if self.ended then
    -- Pages of another size than asked for leave gaps (there too): read again until the count is reached.
    finished = complete(self)
  else
    local first
    first, response = pages.fetch(self.source, { page = 1, size = self.size })
    if not first then return failed(self, response) end
    self.count = first.count
    finished = ends_before(self, first)
  end
  if not finished then return again(self, unseen, self.start, response) end
  self.mode = "done"
  return unseen
end

function step.backward(self)
  local number_here = self.back
  local page, response = pages.fetch(self.source, { page = number_here, size = self.size })
  if not page and (number_here == 1 or not pages.is_beyond(response)) then return failed(self, response) end
  self.back = number_here - 1
  local unseen = {}
  if page then
    unseen = take(self, page)
    -- The highest page that is there must be the last one; otherwise the list grew, or another one was wrongly said
    -- not to be there.
    if not self.ended and page.has_next then
      if self.missing == number_here + 1 then return again(self, unseen, number_here + 1, response) end
      self.mode, self.page = "forward", number_here + 1
      return unseen
    end
    self.ended = true
  else
    self.ended, self.missing = false, number_here
  end
  if self.back >= self.start then return unseen end
  return end_backward(self, unseen, response)
end

--- The next page with something new on it.
---@return table? page nil at the end, or with an error
---@return locksmith.Error? # again and again once there was one
function Walk:next()
  while self.mode ~= "done" do
    local page, err = step[self.mode](self)
    if not page then return nil, err end
    self.taken = {}
    if #page > 0 then return page end
  end
  return nil, self.err
end

local walk = {}

---@param source locksmith.ListSource
---@param q table { page, size, paging, seen, from }
---@param snapshot boolean read everything at once where the caller did not ask for pages
---@return locksmith.Walk
function walk.new(source, q, snapshot)
  local numbered = q.page ~= nil or q.size ~= nil or (q.paging ~= nil and q.paging ~= 0 and q.paging ~= false)
  local whole = q.paging == 0 or q.paging == false or (snapshot and not numbered)
  local seen, distinct = {}, 0
  for id in pairs(q.seen or {}) do
    local key = key_of(id)
    if key and not seen[key] then seen[key], distinct = true, distinct + 1 end
  end
  -- Who begins in the middle does not want what stands before; who goes on in the middle does.
  local start = q.from or (q.seen and 1) or q.page or 1
  return setmetatable({
    source = source,
    mode = whole and "snapshot" or "forward",
    start = start,
    page = q.page or start,
    size = q.size,
    seen = seen,
    distinct = distinct,
    taken = {},
    resumed = q.seen ~= nil,
    last = start,
    longest = 0,
    passes = 0,
    strange = 0,
  }, Walk)
end

--- Reads to the end.
---@param source locksmith.ListSource
---@param q table as of new
---@return table? items
---@return locksmith.Response|locksmith.Error # of the last request
function walk.all(source, q)
  local walker, items = walk.new(source, q, true), {}
  while true do
    local page, err = walker:next()
    if err then
      err.resume = nil -- it would leave out what was read and is not handed out
      return nil, err
    end
    if not page then return items, source.response end
    for i = 1, #page do items[#items + 1] = page[i] end
  end
end

return walk
