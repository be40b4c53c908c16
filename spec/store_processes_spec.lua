--- Stores between processes: every swap that was confirmed counts, whoever dies.
-- Luas: lua5.4 luajit

local locksmith = require "locksmith"
local process = require "spec.support.process"
local redis = require "spec.support.redis"
local shell = require "spec.support.shell"

local PROCESSES = 4

-- A counter shared by processes, in a store of that kind.
local function start(kind, place, folder, times)
  local self = { running = {} }
  for n = 1, PROCESSES do
    local log = ("%s/log%d"):format(folder, n)
    local command = ("env -u LUA_INIT LUA_PATH=%s LUA_CPATH=%s INCREMENT=%s %s spec/support/incrementer.lua"):format(
      shell.quote(package.path), shell.quote(package.cpath),
      shell.quote(("%s %s %d %s"):format(kind, place, times, log)), shell.quote(process.interpreter()))
    local pid = shell.output(("%s >%s/out%d 2>&1 & echo $!"):format(command, folder, n))
    self.running[n] = { pid = tonumber(pid), log = log, out = ("%s/out%d"):format(folder, n) }
  end
  return self
end

local function confirmed(counter)
  local sum = 0
  for _, one in ipairs(counter.running) do sum = sum + #shell.read(one.log) end
  return sum
end

local function finish(counter, killed)
  for n, one in ipairs(counter.running) do
    while shell.alive(one.pid) do shell.sleep(0.02) end
    if not killed[n] then assert.equal("done\n", shell.read(one.out)) end
  end
end

local PLACES = {
  redis = redis.usable "a redis store between processes" and function()
    local server = redis.start()
    return server.unix, locksmith.redis { unix = server.unix }, function() server:stop() end
  end or nil,
  file = function(folder)
    local path = folder .. "/state"
    return path, locksmith.file { path = path }, function() end
  end,
}

-- Who loses against others goes to Redis in vain.
local TIMES = { file = 250, redis = 60 }

for kind, provide in pairs(PLACES) do
  describe("a " .. kind .. " store between processes", function()
    local folder, place, store, stop
    before_each(function()
      folder = shell.folder "processes"
      place, store, stop = provide(folder)
    end)
    after_each(function()
      stop()
      os.execute("rm -rf " .. shell.quote(folder))
    end)

    local function count()
      return tonumber((store.read("lockpub:count", nil, true)):match "^%d+")
    end

    it("counts each increment of each process once", function()
      local counter = start(kind, place, folder, TIMES[kind])
      finish(counter, {})
      assert.equal(PROCESSES * TIMES[kind], count())
    end)

    it("loses nothing that was confirmed when processes are killed at any point", function()
      for round = 1, 3 do
        os.execute("rm -f " .. shell.quote(folder) .. "/log*")
        local before = round > 1 and count() or 0
        local counter, killed = start(kind, place, folder, 2 * TIMES[kind]), {}
        for n = 1, PROCESSES - 1 do
          assert.is_true(shell.eventually(function() return #shell.read(counter.running[n].log) >= n * 13 end))
          shell.output(("kill -KILL %d 2>/dev/null"):format(counter.running[n].pid))
          killed[n] = true
        end
        finish(counter, killed)
        local least, found = before + confirmed(counter), count()
        -- Who was killed may have written once more than it could tell.
        assert.is_true(found >= least and found <= least + PROCESSES - 1, ("%d of %d"):format(found, least))
      end
    end)
  end)
end
