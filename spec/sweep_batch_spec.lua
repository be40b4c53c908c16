--- Whichever allocation fails while links of rows are made: what is handed out is true, and the run that follows finds
--- everything in the journal that it needs to make each link once.

local allocation = rawget(_G, "allocation")
local aside = require "spec.support.aside" -- before the library

local clients = require "spec.support.clients"
local json = require "locksmith.json"
local journal = require "locksmith.journal"
local locksmith = require "locksmith"
local missing = require "spec.support.missing"
local shell = require "spec.support.shell"

if not missing.declare("failing allocations of create_each",
  not allocation and "needs the Lua of spec/support/lua.c") then return end

local function rows()
  local list = {}
  for i = 1, 3 do list[i] = clients.link_fields { target_url = "https://example.com/" .. i } end
  list[3].custom_slug = "mine"
  return list
end

-- A service that knows slugs and nothing else.
local function service(made)
  return aside(function(request)
    local _, sent = json.decode(request.body)
    local slug = sent.customSlug
    local answer = made[slug] and { status = 409, headers = {}, body = '{"code":"SLUG_TAKEN","message":"taken"}' } or
      { status = 201, headers = {}, body = ('{"id":"lnk_1","slug":"%s","shortUrl":"https://lock.pub/%s"}')
        :format(slug, slug) }
    made[slug] = (made[slug] or 0) + 1
    return answer
  end)
end

local function run(made, path, place, n)
  local lockpub, list, results = clients.lockpub(service(made)), rows(), {}
  local opts = { journal = path, on_progress = function() end }
  local keep = aside(function(link, err) results[#results + 1] = { link = link, err = err } end)
  local function loop()
    for _, link, err in lockpub.links:create_each(list, opts) do keep(link, err) end
  end
  if place then allocation.fail(place, n) end
  local ok, raised = pcall(loop)
  return results, not ok and raised or nil
end

-- What a lack of memory is not.
local LIES = { unauthenticated = true, invalid_request = true, bad_response = true, config = true, closed = true,
  store = true, conflict = true }

local function problem_of(results, raised, made)
  if raised and not tostring(raised):find "not enough memory" then return "raised " .. tostring(raised) end
  for _, result in ipairs(results) do
    if result.link and not made[result.link.slug] then return "handed out what there is not" end
    if result.err and LIES[result.err.kind] then return "a lack of memory is told as " .. tostring(result.err) end
  end
end

describe("whichever allocation fails while links of rows are made", function()
  local folder, path
  setup(function()
    -- A disk takes its time for each flush.
    local memory = shell.output "mktemp -d /dev/shm/locksmith-batch.XXXXXX 2>/dev/null":gsub("\n$", "")
    folder = memory ~= "" and memory or shell.folder "batch"
    path = folder .. "/journal"
  end)
  teardown(function() os.execute("rm -rf " .. shell.quote(folder)) end)
  after_each(function() allocation.failed() end)

  for place, stride in pairs { lua = 3, modules = 1 } do
    for _, before in ipairs { 0, 2 } do
      it(("of %s, with %d done before"):format(place, before), function()
        local problems, n, failed = {}, 0, true
        while failed do
          n = n + stride
          os.remove(path)
          local made = {}
          if before > 0 then
            for i, fields in ipairs(rows()) do
              if i <= before then
                for _, link in clients.lockpub(service(made)).links:create_each({ fields }, { journal = path }) do
                  assert(link)
                end
              end
            end
          end
          local results, raised = run(made, path, place, n)
          failed = allocation.failed()
          local problem = problem_of(results, raised, made)
          results, raised = run(made, path)
          local count = 0
          for _ in pairs(made) do count = count + 1 end
          for _, result in ipairs(results) do
            if not result.link then problem = problem or "a row cannot be made: " .. tostring(result.err) end
          end
          if raised then problem = problem or "the next run raised " .. tostring(raised) end
          if #results ~= 3 or count ~= 3 then problem = problem or ("%d links of %d rows"):format(count, #results) end
          if problem then problems[#problems + 1] = ("allocation %d: %s"):format(n, problem) end
          assert(n < 20000)
        end
        assert(#problems == 0, table.concat(problems, "\n"))
        assert(n > stride)
        local book = assert(journal.open(path))
        assert.equal(3, book.finished)
        book:close()
      end)
    end
  end

  it("works afterwards", function()
    os.remove(path)
    assert.equal(3, #run({}, path))
    assert(locksmith.memory())
  end)
end)
