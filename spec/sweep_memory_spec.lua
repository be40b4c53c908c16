--- Whichever allocation fails in whichever method, of Lua's own or of the C code: no crash, no leak (the sanitizer
--- would tell), no lie about what happened, and a client that works afterwards.

local allocation = rawget(_G, "allocation")
local aside = require "spec.support.aside" -- before the library

local Error = require "locksmith.error"
local clients = require "spec.support.clients"
local locksmith = require "locksmith"
local missing = require "spec.support.missing"
local sandbox = require "locksmith.sandbox"
local sweep = require "spec.support.sweep"
local table_store = require "spec.support.table_store"

if not missing.declare("failing allocations", not allocation and "needs the Lua of spec/support/lua.c") then return end

-- What a lack of memory is not.
local LIES = { unauthenticated = true, invalid_request = true, bad_response = true, config = true, closed = true,
  store = true, not_found = true, conflict = true }
local SWEPT = { "links:create, named", "links:create, a memo", "locker:key_info", "lockpub:plan",
  "addresses:list", "addresses:pages", "addresses:all", "addresses:create, described", "addresses:set_enabled, free",
  "subdomains:delete", "locker:request, safe" }

-- Pacing and quota in a place that carries bytes.
local STORES = {
  ["links:create, a memo"] = function()
    local store = table_store.new({}, os.time)
    return { read = aside(store.read), swap = aside(store.swap) }
  end,
}

local METHODS = {}
for _, method in ipairs(sweep.METHODS) do METHODS[method.name] = method end

-- Of the methods that make several requests fewer of Lua's allocations are tried.
local STEP = { ["addresses:create, described"] = 7, ["addresses:set_enabled, free"] = 11, ["addresses:pages"] = 7,
  ["links:create, named"] = 1 }
local STEP_OF_OTHERS = 2

local function play_with(method, place, n, broken, store)
  local failed
  local play = sweep.play(method, {
    broken = broken,
    store = store,
    aside = aside,
    call = function(run, client)
      allocation.fail(place, n)
      local ok, value, result = pcall(run, client)
      failed = allocation.failed()
      return ok, value, result
    end,
  })
  return play, failed
end

local function is_memory(raised)
  return type(raised) == "string" and raised:find "not enough memory$" ~= nil
end

local function happened(play)
  for i, request in ipairs(play.requests) do
    local outcome = play.outcomes[i]
    if request.method ~= "GET" and outcome ~= "not_sent" and outcome ~= "rejected" then return true end
  end
  return false
end

local function problem_of(play)
  play.deaf = true -- the last event may be what there was no memory for
  if not play.ok and is_memory(play.value) then
    return happened(play) and "raised after something was sent" or sweep.stuck(play)
  end
  local err = play.ok and play.result or play.value
  if Error.is(err) and LIES[err.kind] and not err.status then return "a lack of memory is told as " .. tostring(err) end
  return sweep.wrong(play) or sweep.stuck(play)
end

describe("whichever allocation fails", function()
  local stderr = io.stderr
  before_each(function() io.stderr = { write = function() end } end) -- luacheck: ignore 122
  after_each(function()
    allocation.failed()
    io.stderr = stderr -- luacheck: ignore 122
  end)

  for _, place in ipairs { "lua", "modules" } do
    for _, name in ipairs(SWEPT) do
      for what, broken in pairs {
        [""] = function() end,
        [", refused"] = function()
          return { status = 400, headers = {}, body = '{"code":"1","message":"no","details":{}}' }
        end,
        [", lost"] = function() return sweep.NOTHING, { kind = "network", sent = true, message = "cut" } end,
      } do
        it(("of %s, in %s%s"):format(place, name, what), function()
          local problems, n, failed = {}, 0, true
          while failed do
            n = n + (place == "modules" and 1 or STEP[name] or STEP_OF_OTHERS)
            local play
            play, failed = play_with(METHODS[name], place, n, broken, STORES[name] and STORES[name]())
            local problem = failed and problem_of(play)
            if problem then
              problems[#problems + 1] = ("allocation %d: %s (%s)"):format(n, problem,
                sweep.text(play.ok and play.result or play.value))
            end
            assert(n < 20000)
          end
          assert(#problems == 0, table.concat(problems, "\n"))
        end)
      end
    end

    it("of " .. place .. ", while a client is made", function()
      for _, case in ipairs { { "lockpub", sandbox.LOCKPUB_KEY }, { "locker", sandbox.LOCKER_KEY } } do
        local n, failed, make = 0, true, locksmith[case[1]]
        local given = { api_key = case[2], user_agent = "mine/1", base_url = "https://example.com/",
          path_prefix = "/a/b" }
        while failed do
          n = n + 1
          allocation.fail(place, n)
          local ok, client, err = pcall(make, given)
          failed = allocation.failed()
          if ok then assert(client, tostring(err)) else assert.is_true(is_memory(client), tostring(client)) end
        end
      end
      assert(clients.locker {})
    end)
  end
end)
