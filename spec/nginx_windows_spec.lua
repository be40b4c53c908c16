--- The windows of a key, kept by all workers of one nginx together, at every rate, and whatever becomes of the workers.

local cjson = require "cjson"

local check = require "spec.support.pace_check"
local core = require "locksmith.core"
local nginx = require "spec.support.nginx"
local runner = require "spec.support.nginx_runner"

if not nginx.usable "windows of several workers" then return end

local VISITORS, WORKERS, SECONDS = 24, 4, 0.8
local MARGIN = 0.1 -- a worker of a busy machine is stopped for long between its slot and the note that it was used

-- What would be sent is noted with its time, and answered at once.
local MODULE = ([[
  local core, cjson, locksmith = require "locksmith.core", require "cjson", require "locksmith"
  local sent, made = ngx.shared.sent, {}
  local function transport()
    sent:rpush("times", ("%.6f"):format(core.now()))
    return { status = 201, headers = {}, body = "{}" }
  end
  return function(dict, rate)
    made[rate] = made[rate] or assert(locksmith.lockpub { api_key = require("locksmith.sandbox").LOCKPUB_KEY,
      store = locksmith.shdict(dict), rate = cjson.decode(rate), pacing_margin = MARGIN, transport = transport,
      timeout = 0.5 })
    local link, err = made[rate].links:create { type = "url", target_url = "https://example.com/",
      password = "share-this-separately", memo = "Client contract" }
    ngx.print(link and "sent" or err.kind)
  end
]]):gsub("MARGIN", tostring(MARGIN))

local SERVER = [[
  location = /call { content_by_lua_block { require("site")(ngx.var.arg_dict, ngx.unescape_uri(ngx.var.arg_rate)) } }
  location = /sent {
    content_by_lua_block {
      local sent = ngx.shared.sent
      for _ = 1, sent:llen "times" do ngx.say((sent:lpop "times")) end
      ngx.shared.pacing:flush_all()
    }
  }
]]

-- Visitors who ask again as soon as they are answered, over a connection each time, so that every worker is asked.
local LOAD = [[
  local port, path, seconds, width = ...
  local core, load = require "locksmith.core", require "spec.support.load"
  local threads, answers, ends = {}, {}, core.now() + seconds
  for i = 1, width do
    threads[i] = ngx.thread.spawn(function()
      while core.now() < ends do
        local status, body = load.get(port, path, true)
        local answer = status == 200 and body or "no answer"
        answers[answer] = (answers[answer] or 0) + 1
        if answer ~= "sent" then ngx.sleep(0.02) end
      end
    end)
  end
  for i = 1, width do ngx.thread.wait(threads[i]) end
  return answers
]]

describe("several workers of one nginx", function()
  local site, visitors
  setup(function()
    site = runner.start { workers = WORKERS, path = "@DIR@/?.lua;", server = SERVER, files = { ["site.lua"] = MODULE },
      http = "lua_shared_dict pacing 1m;\nlua_shared_dict small 24k;\nlua_shared_dict sent 4m;\n" }
    visitors = runner.start()
  end)
  teardown(function()
    visitors:stop()
    site:stop()
  end)

  --- Lets visitors call for a while, during which `disturb` is at work, and looks at what was sent.
  ---@param dict string? the dict that they share
  ---@return number[] times
  ---@return table answers
  local function saturate(rate, disturb, dict)
    local escaped = cjson.encode(rate):gsub("[^0-9]", function(c) return ("%%%02x"):format(c:byte()) end)
    local path = "/call?dict=" .. (dict or "pacing") .. "&rate=" .. escaped
    local finish = visitors:begin(LOAD, site.nginx.port, path, SECONDS, VISITORS)
    if disturb then disturb() end
    local answers, times = finish(), {}
    for line in site.nginx:get("/sent").body:gmatch "[^\n]+" do times[#times + 1] = tonumber(line) end
    table.sort(times)
    assert.is_nil(check.broken(times, rate))
    return times, answers
  end

  for _, rate in ipairs { { { 2, 0.1 }, { 5, 0.4 } }, { { 200, 0.5 } } } do
    it("keep to " .. cjson.encode(rate), function()
      local times, answers = saturate(rate)
      local most = math.huge
      for _, window in ipairs(rate) do most = math.min(most, window[1] * (1 + SECONDS / (window[2] + MARGIN))) end
      assert.is_true(#times >= 0.25 * most, ("%d of %d"):format(#times, most))
      -- Who waits too long is told so, before or after it.
      answers.sent, answers.would_wait, answers.timeout = nil, nil, nil
      assert.same({}, answers)
    end)
  end

  it("keep to them while they are reloaded and killed", function()
    local times = saturate({ { 20, 0.3 }, { 60, 1.5 } }, function()
      core.sleep(0.25)
      local old = site.nginx:reload()
      core.sleep(0.25)
      for _, pid in ipairs(site.nginx:workers()) do
        local is_old = false
        for _, other in ipairs(old) do is_old = is_old or other == pid end
        if not is_old then
          site.nginx:signal("KILL", pid)
          break
        end
      end
    end)
    assert.is_true(#times >= 20, #times)
  end)

  it("keep to them, each to its share, where the dict is too small", function()
    assert.is_true(#saturate({ { 200, 0.4 } }, nil, "small") >= 100)
  end)

  it("have nothing to say in the log but who was killed, and once which dict is too small", function()
    local small = 0
    for line in site:log():gmatch "[^\n]+" do
      local said = line:find("lua_shared_dict small of 24 KB is too small for this rate, which needs 56 KB", 1, true)
      if said then small = small + 1 end
      assert.truthy(said or line:find "%[notice%]" or line:find "exited on signal 9", line)
    end
    assert.equal(1, small)
  end)
end)
