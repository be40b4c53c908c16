--- Bytes in a file, for all processes of one machine that use the same path. No daemon.
---
--- What holds: a swap is one atomic step under an advisory lock, whoever is killed at whatever instruction; what was
--- there before stays whole until what replaces it is. The file is made with mode 0600. One that is no regular file (a
--- symbolic link, a folder, a fifo), that others may write to, that belongs to somebody else or that lies on a network
--- file system is refused: nil and a message with its path, like all that the system refuses (no permission, no space,
--- too many open files). A process that was stopped while it holds the lock makes the others fail within a second, not
--- wait. The file holds 1 MiB of what has not expired, and is twice that at most.
---
--- Loss: nothing is forced to the disk, which would cost every call milliseconds. When the power fails, what was
--- written in the last half minute may be gone, or all of it. That is safe because it is said: what is found after
--- another start of the machine than it was written in is given as "lost" (beside the bytes), and so is a file without
--- anything whole in it; the reader then reckons with what it may not know. A file that was removed keeps nothing and
--- says so. What is there in its place but was never ours is put aside as "<path>.damaged", not written over.
---
--- A step takes some ten microseconds and waits for disks only when the system must. In nginx it holds up the worker
--- for as long; there `shdict` is the better one.

local core = require "locksmith.core"
local options = require "locksmith.options"

local KNOWN = { path = options.check.path }

local module = {}

--- A store in a file. Does not touch it yet.
---@param given table path of the file, whose folder exists; best an absolute one
---@return locksmith.ByteStore # raises at the caller's line for a wrong option
function module.new(given)
  local own = options.read(given, KNOWN, "locksmith.file")
  if own.path == nil then error("locksmith.file: option 'path' is needed", 2) end
  local file, path = core.file(own.path), own.path
  return setmetatable({
    read = function(name, patience) return file:read(name, patience) end,
    swap = function(name, version, bytes, seconds, patience)
      return file:swap(name, version, bytes, seconds, patience)
    end,
  }, {
    __name = "locksmith.FileStore",
    __tostring = function() return "locksmith.file store (" .. path .. ")" end,
  })
end

return module
