local core = require "locksmith.core"
local locksmith = require "locksmith"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local NAME = "lockpub:test"
local LIFE = 600
local MIB = 1024 * 1024

-- Runs a chunk in a process of its own, behind what a shell sets up for it.
local function elsewhere(setup, path, chunk)
  local script = os.tmpname()
  shell.write(script, ([[
    local core, locksmith = require "locksmith.core", require "locksmith"
    local path = %q
    local store = locksmith.file { path = path }
  ]]):format(path) .. chunk)
  os.execute("chmod 0644 " .. shell.quote(script))
  local output = shell.output(("%s env -u LUA_INIT LUA_PATH=%s LUA_CPATH=%s %s %s 2>&1"):format(setup,
    shell.quote(package.path), shell.quote(package.cpath), shell.quote(process.interpreter()), shell.quote(script)))
  os.remove(script)
  return (output:gsub("\n$", ""))
end

describe("a file store", function()
  local folder, path, store
  before_each(function()
    folder = shell.folder "file"
    path = folder .. "/state"
    store = locksmith.file { path = path }
  end)
  after_each(function() os.execute("rm -rf " .. shell.quote(folder)) end)

  local function put(bytes, name, seconds)
    local _, version = store.read(name or NAME)
    assert.is_true(store.swap(name or NAME, version, bytes, seconds or LIFE))
  end

  local function ran(command)
    local output, status = shell.output(command:gsub("@", shell.quote(path)) .. " 2>&1")
    assert.equal(0, status, output)
    return (output:gsub("\n$", ""))
  end

  local function check_refused(reason)
    local message = ("file %s: %s"):format(path, reason)
    assert.same({ nil, message }, { store.read(NAME) })
    assert.same({ nil, message }, { store.swap(NAME, nil, "x", LIFE) })
  end

  it("touches nothing before it is used, and makes its file for itself alone", function()
    assert.equal("", ran "ls @*  2>/dev/null; true")
    assert.is_nil((store.read(NAME)))
    assert.equal("", ran "ls @*  2>/dev/null; true")
    assert.equal("600 1", elsewhere("umask 0;", path, [[
      assert(store.swap("lockpub:test", nil, "x", 600))
      io.write((io.popen("stat -c '%a %h' " .. path):read "*l"))
    ]]))
  end)

  it("leaves no other file, whatever it does", function()
    for i = 1, 50 do put(tostring(i)) end
    assert.equal("state", ran("ls -A " .. shell.quote(folder)))
  end)

  it("refuses what others may write to", function()
    put "x"
    for _, mode in ipairs { "0620", "0602", "0666" } do
      ran("chmod " .. mode .. " @")
      check_refused "others may write to it; its mode should be 0600"
    end
    ran "chmod 0644 @"
    assert.equal("x", store.read(NAME))
  end)

  it("refuses what belongs to somebody else", function()
    if shell.output "id -u" ~= "0\n" then return pending "runs as root only" end
    put "x"
    ran "chown 65534 @"
    check_refused "it belongs to another user"
  end)

  it("refuses what is no regular file, and does not wait for it", function()
    ran "mkfifo @"
    check_refused "it is no regular file"
    ran "rm @; mkdir @"
    assert.same({ nil, ("file %s: it is no regular file"):format(path) }, { store.swap(NAME, nil, "x", LIFE) })
    assert.is_nil((store.read(NAME)))
    assert.is_string((select(2, store.read(NAME))))
    ran "rmdir @; touch @.other; chmod 0600 @.other; ln -s @.other @"
    check_refused "it is a symbolic link"
    ran "rm @; ln -s /nonexistent/place @"
    check_refused "it is a symbolic link"
    ran "rm @; ln -s /dev/null @"
    check_refused "it is a symbolic link"
  end)

  it("says what the system says, with the path", function()
    store = locksmith.file { path = folder .. "/missing/state" }
    path = folder .. "/missing/state"
    check_refused "its folder does not exist"
    path = folder .. "/file"
    shell.write(path, "")
    path = folder .. "/file/state"
    store = locksmith.file { path = path }
    check_refused "Not a directory"
    path = "/" .. ("x"):rep(300)
    store = locksmith.file { path = path }
    check_refused(select(2, io.open(path)):sub(#path + #": " + 1)) -- each C library has its own words
    path = "/proc/state"
    store = locksmith.file { path = path }
    assert.is_nil((store.swap(NAME, nil, "x", LIFE)))
    assert.matches("^file /proc/state: ", (select(2, store.swap(NAME, nil, "x", LIFE))))
  end)

  it("says that there is no permission", function()
    if shell.output "id -u" ~= "0\n" then return pending "runs as root only, to be somebody else" end
    ran(("chmod 0755 %s"):format(shell.quote(folder)))
    local nobody = "setpriv --reuid 65534 --clear-groups"
    if elsewhere(nobody, path, "print 'read'") ~= "read" then return pending "nobody else may read this checkout" end
    local message = elsewhere(nobody, path, [[
      print(store.read "lockpub:test")
      print(store.swap("lockpub:test", nil, "x", 600))
    ]])
    assert.matches("Permission denied", message)
    assert.matches(path, message, 1, true)
  end)

  it("says that no file can be opened, or written, and loses nothing by it", function()
    put "before"
    local told, words = elsewhere("ulimit -n 64;", path, [[
      local held, message = {}
      for i = 1, 100 do
        held[i], message = io.open("/dev/null")
        if not held[i] then break end
      end
      print(store.read "lockpub:test")
      io.write(message)
    ]]):match "^(.*)\n/dev/null: (.*)$"
    assert.equal(("nil\tfile %s: %s"):format(path, words), told)
    assert.matches("File too large", elsewhere("trap '' XFSZ; ulimit -f 0;", path, [[
      local bytes, version = store.read "lockpub:test"
      io.stderr:write(select(2, store.swap("lockpub:test", version, "after", 600)))
    ]]))
    assert.equal("before", store.read(NAME))
  end)

  it("says that the disk is full, and loses nothing by it", function()
    -- A small disk that nobody else sees, and that ends with the process.
    local disk = ("unshare -m sh -c 'mount -t tmpfs -o size=64k none \"$0\" && exec \"$@\"' %s"):format(
      shell.quote(folder))
    if select(2, shell.output(disk .. " true 2>/dev/null")) ~= 0 then return pending "no small disk can be had here" end
    assert.equal(("nil\tfile %s: No space left on device\nbefore after"):format(path), elsewhere(disk, path, [[
      local function put(bytes)
        local _, version = store.read "lockpub:test"
        return store.swap("lockpub:test", version, bytes, 600)
      end
      assert(put "before")
      print(put(("x"):rep(100000)))
      local kept = store.read "lockpub:test"
      assert(put "after")
      io.write(kept, " ", (store.read "lockpub:test"))
    ]]))
  end)

  it("holds what has not expired, and not more than a MiB", function()
    for i = 1, 5 do put(("x"):rep(200000), "lockpub:" .. i) end
    local done, message = store.swap("lockpub:6", nil, ("x"):rep(100000), LIFE)
    assert.same({ nil, ("file %s: it is full"):format(path) }, { done, message })
    put(("x"):rep(200000), "lockpub:1", 0.01)
    core.sleep(0.05)
    put(("y"):rep(200000), "lockpub:6")
    for i = 2, 6 do assert.equal(200000, #(store.read("lockpub:" .. i))) end
    for i = 1, 100 do put("x", "lockpub:short" .. i % 30, 0.001) end
    assert.is_true(#shell.read(path) <= 2 * MIB)
    assert.same({ nil, ("file %s: it is full"):format(path) }, { store.swap("lockpub:7", nil, ("x"):rep(MIB), LIFE) })
  end)

  it("takes for lost what was cut, or overwritten, and goes on from nothing", function()
    put "first"
    local good = shell.read(path)
    for _, text in ipairs { "", good:sub(1, 20), good:sub(1, -2), ("\0"):rep(#good), good:sub(1, -2) .. "x" } do
      shell.write(path, text)
      local bytes, version, now, lost = store.read(NAME)
      assert.same({ nil, nil, nil, "lost" }, { bytes, version, now, lost })
      assert.is_true(store.swap(NAME, nil, "anew", LIFE))
      bytes, version, now, lost = store.read(NAME)
      assert.same({ "anew", "string", nil, nil }, { bytes, type(version), now, lost })
      assert.equal("state", ran("ls -A " .. shell.quote(folder)))
    end
  end)

  it("puts aside what was never its own", function()
    local letter = "Dear diary, this is the only copy of what I have to say.\n"
    ran "touch @; chmod 0600 @"
    shell.write(path, letter)
    assert.equal("lost", (select(4, store.read(NAME))))
    assert.equal(letter, shell.read(path))
    assert.is_true(store.swap(NAME, nil, "anew", LIFE))
    assert.equal(letter, shell.read(path .. ".damaged"))
    assert.equal("anew", store.read(NAME))
  end)

  it("keeps the older whole version when the newer one was cut short", function()
    for i = 1, 7 do put(("%d"):format(i):rep(300)) end
    local text = shell.read(path)
    -- Two places, written in turn: spoil the one with the newest, as a writer does that is killed in the middle.
    local newest = text:find(("7"):rep(300), 1, true)
    shell.write(path, text:sub(1, newest + 99) .. ("?"):rep(200) .. text:sub(newest + 300))
    ran "chmod 0600 @"
    local bytes, _, _, lost = store.read(NAME)
    assert.same({ ("6"):rep(300), nil }, { bytes, lost })
    put "8"
    assert.equal("8", store.read(NAME))
  end)

  it("waits for a lock no longer than it has, and never for ever", function()
    put "before"
    local holder = assert(io.popen(("flock %s sh -c 'echo held; read line' >%s/held"):format(shell.quote(path),
      shell.quote(folder)), "w"))
    assert.is_true(shell.eventually(function() return shell.read(folder .. "/held") == "held\n" end))
    local _, version = store.read(NAME)
    local message = ("file %s: another process holds its lock"):format(path)
    for _, patience in ipairs { 0, 0.1, 1, 1e9, false } do
      local began = core.now()
      assert.same({ nil, message }, { store.swap(NAME, version, "after", LIFE, patience or nil) })
      local took, least = core.now() - began, math.min(patience or 1, 1)
      assert.is_true(took >= least - 0.01 and took < least + 5)
    end
    assert.equal("before", store.read(NAME))
    holder:write "\n"
    holder:close()
    assert.is_true(store.swap(NAME, version, "after", LIFE))
  end)

  it("is not deceived by a file that is removed or replaced while others use it", function()
    local other = locksmith.file { path = path }
    put "first"
    local _, version = other.read(NAME)
    ran "mv @ @.old"
    assert.is_false(other.swap(NAME, version, "mine", LIFE))
    assert.is_true(other.swap(NAME, nil, "anew", LIFE))
    ran "mv @.old @"
    assert.equal("first", other.read(NAME))
    assert.is_true(other.swap(NAME, version, "second", LIFE))
  end)

  it("holds no file open between its steps", function()
    put "first"
    local function open() return shell.output("ls -l /proc/$PPID/fd"):find(path, 1, true) end
    assert.is_nil(open())
  end)

  it("says of what was written before another start of the machine that something may be missing", function()
    put "kept"
    local text = shell.read(path)
    local at = text:find("lockpub:test", 1, true) - 8
    -- What the checksum is made of: all that follows it. Made anew here by arithmetic of 16 bits at a time.
    local function sum(bytes)
      local limbs = { 0x2325, 0x8422, 0x9ce4, 0xcbf2 }
      for i = 1, #bytes do
        local low, byte, result, bit = limbs[1], bytes:byte(i), 0, 1
        for _ = 1, 16 do
          if low % 2 ~= byte % 2 then result = result + bit end
          low, byte, bit = math.floor(low / 2), math.floor(byte / 2), bit * 2
        end
        limbs[1] = result
        -- times 2^40 + 0x1b3
        local out, carry = {}, 0
        for j = 1, 4 do
          local value = limbs[j] * 0x1b3 + carry
          if j == 3 then value = value + limbs[1] * 256 elseif j == 4 then value = value + limbs[2] * 256 end
          out[j], carry = value % 65536, math.floor(value / 65536)
        end
        limbs = out
      end
      local text_of = {}
      for j = 1, 4 do text_of[j] = string.char(limbs[j] % 256, math.floor(limbs[j] / 256)) end
      return table.concat(text_of)
    end
    assert.equal(text:sub(9, 16), sum(text:sub(17)))
    local other = text:sub(17, at - 1) .. ("\7"):rep(8) .. text:sub(at + 8)
    shell.write(path, text:sub(1, 8) .. sum(other) .. other)
    local bytes, version, now, lost = store.read(NAME)
    assert.same({ "kept", "string", nil, "lost" }, { bytes, type(version), now, lost })
    assert.is_true(store.swap(NAME, version, "next", LIFE))
    assert.is_nil((select(4, store.read(NAME))))
  end)

  it("has the same form on every machine", function()
    put("bytes", "n", 1)
    local text = shell.read(path)
    assert.equal("LKSHELF1", text:sub(1, 8))
    assert.equal("\1\0\0\0\0\0\0\0", text:sub(17, 24))
    assert.equal("\35\0\0\0", text:sub(25, 28))
    assert.equal("\1\5\0\0\0", text:sub(29, 33))
    assert.equal("nbytes", text:sub(-6))
  end)

  it("raises for wrong options at the caller's line", function()
    local function message_of(...)
      local given = { ... }
      local ok, message = pcall(function()
        local made = locksmith.file(given[1])
        return made
      end)
      assert.is_false(ok)
      assert.matches("store_file_spec%.lua:%d+: locksmith%.file: ", message)
      return message
    end
    assert.matches("option 'path' is needed", message_of())
    assert.matches("option 'path' is needed", message_of {})
    assert.matches("option 'path' must be a string, not a number", message_of { path = 7 })
    assert.matches("option 'path' must be the path of a file", message_of { path = "" })
    assert.matches("option 'path' must be the path of a file", message_of { path = "a\0b" })
    assert.matches("option 'paht' is not known; did you mean 'path'", message_of { paht = "x" })
    assert.matches("options must be a table, not a string", message_of "/tmp/state")
  end)

  it("says in a log which file it is", function()
    assert.equal("locksmith.file store (" .. path .. ")", tostring(store))
    assert.equal(locksmith.file, locksmith.store.file)
  end)
end)
