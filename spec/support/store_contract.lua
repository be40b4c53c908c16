--- What every store must do, whatever it is made of. Cases { name, function(place) }; `place` is { open = function()
--- that gives another store in the same place, pass = function(seconds), lose = function() that makes it forget }.

local assert = require "luassert"

local NAME = "lockpub:0123456789abcdef0123456789abcdef"
local LONG = 60

local BINARY = {}
for byte = 0, 255 do BINARY[#BINARY + 1] = string.char(byte) end
BINARY = table.concat(BINARY)

--- Swaps, reading again while nobody else was first but the time was reckoned wrong, as a caller does.
local function put(store, name, bytes, seconds)
  for _ = 1, 50 do
    local kept, version = store.read(name)
    assert(kept ~= nil or version == nil, version)
    local done, message = store.swap(name, version, bytes, seconds or LONG)
    if done then return end
    assert.is_false(done, message)
  end
  error "a swap that nobody disturbs must come through"
end

local function bytes_of(store, name)
  return (store.read(name, nil, true))
end

local function check_refused(store, name, version, bytes)
  local done, message = store.swap(name, version, bytes, LONG)
  assert.is_false(done, message)
end

local contract = {}

local function case(name, check)
  contract[#contract + 1] = { name, check }
end

case("keeps nothing under a name at first", function(place)
  local bytes, version = place.open().read(NAME)
  assert.is_nil(bytes)
  assert.is_nil(version)
end)

case("keeps what is put where nothing was, for everyone", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "first")
  assert.equal("first", bytes_of(one, NAME))
  assert.equal("first", bytes_of(other, NAME))
end)

case("replaces what is kept when it is what the caller has seen", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "first")
  put(other, NAME, "second")
  assert.equal("second", bytes_of(one, NAME))
  put(one, NAME, "third")
  assert.equal("third", bytes_of(other, NAME))
end)

case("refuses to replace what somebody else was first to replace", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "first")
  local _, version = one.read(NAME)
  put(other, NAME, "theirs")
  check_refused(one, NAME, version, "mine")
  assert.equal("theirs", one.read(NAME))
  put(one, NAME, "mine, then")
  assert.equal("mine, then", bytes_of(other, NAME))
end)

case("refuses to put something where there is something by now", function(place)
  local one, other = place.open(), place.open()
  assert.is_nil((one.read(NAME)))
  put(other, NAME, "theirs")
  check_refused(one, NAME, nil, "mine")
  assert.equal("theirs", one.read(NAME))
end)

case("tells the same bytes put back from those that were never replaced", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "first")
  local _, version = one.read(NAME)
  for _, bytes in ipairs { "second", "first" } do put(other, NAME, bytes) end
  check_refused(one, NAME, version, "mine")
  assert.equal("first", bytes_of(one, NAME))
end)

case("meets no version again after it has lost everything", function(place)
  local one, other = place.open(), place.open()
  for round = 1, 5 do
    put(one, NAME, "first")
    local _, version = one.read(NAME)
    place.lose()
    for _ = 1, round do put(other, NAME, "first") end
    check_refused(one, NAME, version, "mine")
    assert.equal("first", bytes_of(other, NAME))
  end
end)

case("puts nothing in the place of what it has lost", function(place)
  local one = place.open()
  put(one, NAME, "first")
  local _, version = one.read(NAME)
  place.lose()
  check_refused(one, NAME, version, "mine")
  local bytes, other = one.read(NAME)
  assert.is_nil(bytes)
  assert.is_nil(other)
  put(one, NAME, "again")
  assert.equal("again", bytes_of(one, NAME))
end)

case("carries any bytes, of any length", function(place)
  local one, other = place.open(), place.open()
  for _, bytes in ipairs { "\0", "-", "+", "1", "\r\n", "\255", BINARY, BINARY:rep(6), ("\0"):rep(1500),
    ("0123456789"):rep(20000) } do
    put(one, NAME, bytes)
    assert.is_true(bytes_of(other, NAME) == bytes, "of " .. #bytes .. " bytes")
  end
  put(other, NAME, "short again")
  assert.equal("short again", bytes_of(one, NAME))
end)

case("forgets what nobody replaces in its time, and nothing sooner", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "long", 30)
  put(one, "lockpub:short", "short", 0.25)
  local _, version = other.read "lockpub:short"
  assert.is_not_nil(version)
  place.pass(0.4)
  assert.is_nil(bytes_of(one, "lockpub:short"))
  local bytes, none, _, lost = other.read("lockpub:short", nil, true)
  assert.same({ nil, nil, nil }, { bytes, none, lost })
  check_refused(other, "lockpub:short", version, "late")
  assert.equal("long", bytes_of(other, NAME))
  put(other, "lockpub:short", "new", 30)
  assert.equal("new", bytes_of(one, "lockpub:short"))
end)

case("counts the time to live from the last swap", function(place)
  local one = place.open()
  put(one, NAME, "first", 0.3)
  put(one, NAME, "second", 30)
  place.pass(0.5)
  assert.equal("second", bytes_of(one, NAME))
end)

case("keeps names apart", function(place)
  local one = place.open()
  local names = { "lockpub:1", "lockpub:12", "lockpub:", "locker:1", ("lockpub:" .. ("f"):rep(56)) }
  for _, name in ipairs(names) do put(one, name, "of " .. name) end
  for _, name in ipairs(names) do assert.equal("of " .. name, bytes_of(one, name)) end
  assert.is_nil(bytes_of(one, "lockpub:2"))
end)

case("has one version for what did not change", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "first")
  local _, version = one.read(NAME, nil, true)
  local _, again = one.read(NAME, nil, true)
  local _, theirs = other.read(NAME)
  assert.equal(version, again)
  assert.equal(version, theirs)
end)

case("refuses versions that it never gave", function(place)
  local one = place.open()
  put(one, NAME, "first")
  for _, version in ipairs { 0, 1, -1, 7.5, "", "x", ("0"):rep(16), ("f"):rep(28) } do
    check_refused(one, NAME, version, "mine")
  end
  assert.equal("first", bytes_of(one, NAME))
end)

case("answers the same clock to all who ask, where it has one", function(place)
  local one, other = place.open(), place.open()
  put(one, NAME, "first")
  local _, _, now = one.read(NAME, nil, true)
  local _, _, later = other.read(NAME, nil, true)
  local _, _, absent = one.read "lockpub:absent"
  assert.equal(type(now), type(later))
  assert.equal(type(now), type(absent))
  if now then assert.is_true(later > now - 0.5 and later < now + 5) end
end)

return contract
