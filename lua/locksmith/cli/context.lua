--- What a command works with: clients as the options and the environment want them, output, messages.

local core = require "locksmith.core"
local status = require "locksmith.cli.status"

---@class locksmith.cli.Context
---@field arguments table what was typed
---@field dry_run boolean nothing is to be written
---@field json boolean
local Context = {}
Context.__index = Context

local context = {}

---@param arguments table
---@return locksmith.cli.Context
function context.new(arguments)
  return setmetatable({ arguments = arguments, dry_run = arguments.dry_run == true, json = arguments.json == true,
    clients = {}, writers = {}, said = {} }, Context)
end

local OUTPUT, MESSAGES = 1, 2 -- descriptors

--- Whether there is a terminal that may be drawn on.
---@param descriptor integer
---@return boolean
local function can_draw(descriptor)
  local term = os.getenv "TERM" or "dumb"
  return core.is_terminal(descriptor) and term ~= "dumb" and term ~= ""
end

--- A line on standard error that says how far a long run is.
---@param verb string such as "made"
---@return locksmith.cli.Progress
function Context:progress(verb)
  return require("locksmith.cli.progress").new { stream = io.stderr, terminal = core.is_terminal(MESSAGES),
    quiet = self.arguments.quiet, verb = verb, now = core.now, width = core.terminal_width(MESSAGES) }
end

--- Says something that is no result.
---@param text string
function Context:say(text)
  if not self.arguments.quiet then io.stderr:write(text, "\n") end
end

--- Says it, if it was not said before.
function Context:say_once(text)
  if self.said[text] then return end
  self.said[text] = true
  self:say(text)
end

--- Says what went wrong with one of several items, after which the command goes on.
---@param item string
---@param err locksmith.Error|string
function Context.complain(_, item, err)
  io.stderr:write((("locksmith: %s: %s"):format(item, tostring(err)):gsub("[\r\n]+", " ")), "\n")
end

--- The result of a method of the library, whose error ends the command.
---@return any ... value
function Context.check(_, value, err, ...)
  if value == nil and err ~= nil then error(err, 0) end
  return value, err, ...
end

--- Writes text to standard output.
---@param text string
function Context.print(_, text)
  local written, problem, number = io.stdout:write(text)
  if written then written, problem, number = io.stdout:flush() end
  if not written then status.unwritable("standard output", problem, number) end
end

--- Begins a result of several records: JSON lines, an aligned table on a terminal, values with tabs between elsewhere.
---@param given table columns: names, in the order of a table; chosen: the only columns wanted; path: a file instead of
---  standard output, whose ending, .csv, .tsv, .json or .jsonl, tells its format; format; each: what is written is
---  there after each record
---@return locksmith.cli.Writer
function Context:writer(given)
  local output = require "locksmith.cli.output"
  local format = given.format or given.path and output.format_of(given.path) or self.json and "json"
  local terminal = not given.path and core.is_terminal(OUTPUT)
  local no_color = os.getenv "NO_COLOR" or ""
  local writer = output.new {
    columns = given.columns, chosen = given.chosen, path = given.path, each = given.each,
    format = format or terminal and "table" or "tsv",
    width = terminal and (core.terminal_width(OUTPUT) or 80) or nil,
    color = terminal and no_color == "" and can_draw(OUTPUT),
  }
  self.writers[#self.writers + 1] = writer
  return writer
end

--- Prints a single record.
---@param columns string[]
---@param record table
function Context:record(columns, record)
  local writer = self:writer { columns = columns }
  writer:row(record)
  writer:close()
end

local KEY_VARIABLE = { lockpub = "LOCKPUB_API_KEY", locker = "LOCKER_API_KEY" }

--- The key of a service from --key-file; without one, the library asks the environment.
function Context:key(service)
  local path = self.arguments.key_file
  if not path then return nil end
  self.keys = self.keys or require("locksmith.cli.secrets").keys(path)
  if type(self.keys) == "string" then return self.keys end
  local key = self.keys[KEY_VARIABLE[service]]
  if not key then status.fail(status.KEY, ("%s: there is no %s in it"):format(path, KEY_VARIABLE[service])) end
  return key
end

--- Whether a key for the service is there.
---@param service "lockpub"|"locker"
---@return boolean
function Context:has_key(service)
  if not self.arguments.key_file then return (os.getenv(KEY_VARIABLE[service]) or "") ~= "" end
  local keys = self.keys or require("locksmith.cli.secrets").keys(self.arguments.key_file)
  self.keys = keys
  return type(keys) == "string" or keys[KEY_VARIABLE[service]] ~= nil
end

function Context:store()
  if self.kept == nil then self.kept = require("locksmith.cli.place").store(self) end
  return self.kept
end

local function on_event(self)
  local tell = self.arguments.verbose and require("locksmith.cli.events").tell
  return function(event)
    if tell then return tell(event) end
    if event.type ~= "store_error" then return end
    self:say_once("the store is out of reach, this process keeps to the windows alone: " .. tostring(event.message))
  end
end

local function nobody() return nil end

--- A client of a service, as the options want it. From then on Ctrl-C ends what is under way in good order.
---@param service "lockpub"|"locker"
---@param how "offline"|"strict"|nil offline: it is asked for nothing, so no key is needed; strict: what the store says
---  is what is wanted, so one out of reach is an error
---@return locksmith.Lockpub|locksmith.Locker
function Context:client(service, how)
  if self.clients[service] then return self.clients[service] end
  local locksmith, arguments = require "locksmith", self.arguments
  core.catch_signals()
  local options = { base_url = arguments.base_url, timeout = arguments.timeout, on_event = on_event(self) }
  if how == "strict" then options.on_store_error = "fail" end
  if how == "offline" then
    options.api_key, options.store = nobody, locksmith.memory()
  else
    options.api_key, options.store = self:key(service), self:store()
  end
  self.clients[service] = self:check(locksmith[service](options))
  return self.clients[service]
end

--- Carries out a command, and ends what it began.
---@param work fun(context: locksmith.cli.Context, arguments: table): integer?
---@return boolean ok
---@return any # status, or what was raised
function Context:carry_out(work)
  local ok, result = pcall(work, self, self.arguments)
  for _, writer in ipairs(self.writers) do
    local closed, problem = pcall(writer.close, writer)
    if ok and not closed then ok, result = false, problem end
  end
  for _, client in pairs(self.clients) do client:close() end
  return ok, result
end

return context
