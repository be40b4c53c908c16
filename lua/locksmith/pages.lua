--- Lists: one page, and walks over all of them that neither skip nor repeat.
--
-- Two ways to read a list, with different guarantees:
--   * the snapshot (`paging=0`) is one answer with everything, consistent by itself. each() and all() use it unless
--     the caller asks for pages;
--   * numbered pages. The service shifts later items forward when an earlier one is deleted, so that an item can slip
--     from an unread page into a read one. Items are therefore remembered by id, and after the last page one more look
--     (a snapshot, or the pages once more from the back) brings what slipped. Reading from the back cannot miss an item
--     that exists throughout: deletions only move items towards pages still to be read, and new ones are appended.
-- Pages are counted, never followed: the service's `next` links may say http:// (wire page, section 8).

local Error = require "locksmith.error"

local pages = {}

local SIZE = 100
-- Pages in a row that bring nothing new, or go on past the told count, before the list is called endless.
local STRANGE_MAX = 3
local PASSES_MAX = 3
local PAGES_MORE = 100

local EMPTY = {}

local function broken(source, message, response)
  return source.session:unexpected(source.operation, message, response or EMPTY, "not_sent")
end

local function number_of(q, count)
  if q.page ~= "last" then return q.page or 1 end
  return math.max(1, math.ceil(count / (q.size or SIZE)))
end

--- Reads one page.
---@param source table { session, operation, opts }
---@param q table { page, size, paging }
---@return table? page array with count, page, has_next, has_previous
---@return locksmith.Response|locksmith.Error
function pages.fetch(source, q)
  local query
  if q.paging == 0 or q.paging == false then
    query = { { "paging", "0" } }
  else
    query = { { "page", tostring(q.page or 1) }, { "paging", "1" }, { "size", ("%d"):format(q.size or SIZE) } }
  end
  local value, response, text = source.session:call(source.operation, source.opts, nil, nil, nil, nil, query)
  if Error.is(response) then return nil, response end
  if type(value) ~= "table" then return broken(source, "the answer is not a list", response) end
  -- An empty array and an empty object decode alike.
  if text:find "^%s*%[" then
    value.count, value.page, value.has_next, value.has_previous, value.whole = #value, 1, false, false, true
    return value, response
  end
  local items = value.results
  if type(items) ~= "table" or type(value.count) ~= "number" then
    return broken(source, "the answer is not a list: it has no results and count", response)
  end
  items.count = value.count
  items.page = number_of(q, value.count)
  items.has_next = value.next ~= nil
  items.has_previous = value.previous ~= nil
  return items, response
end

local Walk = {}
Walk.__index = Walk

--- Keeps of a page what was not seen yet.
local function fresh(self, page)
  local unseen = {}
  for i = 1, #page do
    local item = page[i]
    local id = type(item) == "table" and item.id
    if type(id) ~= "number" and type(id) ~= "string" then return nil, "an item of the list has no id" end
    if not self.seen[id] then
      self.seen[id] = true
      self.distinct = self.distinct + 1
      unseen[#unseen + 1] = item
    end
  end
  unseen.count, unseen.page = page.count, page.page
  unseen.has_next, unseen.has_previous = page.has_next, page.has_previous
  return unseen
end

local function failed(self, err)
  err.resume = { page = self.mode ~= "snapshot" and self.page or nil, size = self.size, seen = self.seen }
  self.mode = "done"
  return nil, err
end

local function take(self, page, response)
  local unseen, problem = fresh(self, page)
  if not unseen then
    local _, err = broken(self.source, problem, response)
    return failed(self, err)
  end
  self.count = page.count
  return unseen
end

local function is_missing(err)
  return err.kind == "not_found"
end

-- A list may grow while it is read, but not for ever: from what its first page told, this many pages are enough.
local function most_pages(self, page)
  self.shortest = math.min(self.shortest or #page, math.max(1, #page))
  self.first_count = self.first_count or page.count
  return 2 * math.ceil(self.first_count / self.shortest) + PAGES_MORE
end

local function endless(self, page, unseen, response)
  if not page.has_next then return nil end
  local past = self.page * #page >= page.count
  self.strange = (#unseen > 0 and not past) and 0 or self.strange + 1
  if self.strange < STRANGE_MAX and self.page < most_pages(self, page) then return nil end
  local _, err = broken(self.source, "the list goes on without end: page after page beyond its own count, or with "
    .. "nothing new", response)
  return err
end

local step = {}

--- Everything in one answer.
function step.snapshot(self)
  local page, response = pages.fetch(self.source, { paging = 0 })
  if not page then
    if response.kind ~= "too_large" then return failed(self, response) end
    self.mode = "forward"
    return step.forward(self)
  end
  if page.whole then
    self.mode = "done"
    return take(self, page, response)
  end
  -- A service that does not know the parameter answered with its first page, of a size of its own: page 2 of our size
  -- would not continue it.
  self.mode = "forward"
  return step.forward(self)
end

function step.forward(self)
  local page, response = pages.fetch(self.source, { page = self.page, size = self.size })
  if not page then
    if is_missing(response) and self.page > 1 then
      self.mode = self.partial and "done" or "sweep"
      return {}
    end
    return failed(self, response)
  end
  self.last = math.max(self.last, self.page)
  local unseen, err = take(self, page, response)
  if not unseen then return nil, err end
  err = endless(self, page, unseen, response)
  if err then return failed(self, err) end
  if page.has_next then
    self.page = self.page + 1
  else
    self.mode = "sweep"
    -- A list that fits one page is a snapshot already.
    if self.page == 1 and self.distinct >= self.count or self.partial then self.mode = "done" end
  end
  return unseen
end

function step.sweep(self)
  local page, response = pages.fetch(self.source, { paging = 0 })
  if page and page.whole then
    self.mode = "done"
    return take(self, page, response)
  end
  if not page and response.kind ~= "too_large" and not is_missing(response) then return failed(self, response) end
  self.mode, self.back = "backward", self.last
  return step.backward(self)
end

function step.backward(self)
  local page, response = pages.fetch(self.source, { page = self.back, size = self.size })
  if not page and not (is_missing(response) and self.back > 1) then return failed(self, response) end
  self.back = self.back - 1
  local unseen = {}
  if page then
    local err
    unseen, err = take(self, page, response)
    if not unseen then return nil, err end
  end
  if self.back > 0 then return unseen end
  if self.distinct >= self.count then
    self.mode = "done"
    return unseen
  end
  -- Pages of another size than asked for leave gaps (wire page, section 8): read again until the count is reached.
  self.passes = self.passes + 1
  if self.passes >= PASSES_MAX then
    local _, err = broken(self.source, ("the list counts %s items, but only %d could be read")
      :format(tostring(self.count), self.distinct), response)
    return failed(self, err)
  end
  self.mode, self.page, self.strange = "forward", 1, -self.last
  return unseen
end

--- The next page with something new on it.
---@return table? page nil at the end, or with an error
---@return locksmith.Error?
function Walk:next()
  while self.mode ~= "done" do
    local page, err = step[self.mode](self)
    if not page then return nil, err end
    if #page > 0 then return page end
  end
  return nil
end

---@param source table { session, operation, opts }
---@param q table { page, size, paging, seen }
---@param snapshot boolean read everything at once where the caller did not ask for pages
---@return table walk
function pages.walk(source, q, snapshot)
  local numbered = q.page ~= nil or q.size ~= nil or (q.paging ~= nil and q.paging ~= 0 and q.paging ~= false)
  local whole = q.paging == 0 or q.paging == false or (snapshot and not numbered)
  local seen, distinct = {}, 0
  for id in pairs(q.seen or {}) do seen[id], distinct = true, distinct + 1 end
  return setmetatable({
    source = source,
    mode = whole and "snapshot" or "forward",
    page = q.page or 1,
    -- Who begins in the middle does not want what stands before.
    partial = (q.page or 1) > 1 and not q.seen,
    size = q.size,
    seen = seen,
    distinct = distinct,
    count = 0,
    last = 1,
    passes = 0,
    strange = 0,
  }, Walk)
end

return pages
