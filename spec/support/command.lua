--- Runs the command `locksmith` as its users do: a process of its own, with the interpreter that is tested, and nothing
--- of this one's settings but what it needs to find the checkout.

local process = require "spec.support.process"
local shell = require "spec.support.shell"

local command = {}

--- For tests that need not run on each Lua: starting a process for each question takes its time.
---@param it function of busted
---@return function # declares a test as `it` does, on one of them
function command.once(it)
  return process.interpreter():find "lua5%.4" and it or function() end
end

local SCRIPT = "lua/locksmith/cli/locksmith"

-- Nothing of the machine: no home, no keys, no terminal, no locale.
local function words_of(given)
  local environment = { PATH = os.getenv "PATH", LUA_PATH = package.path, LUA_CPATH = package.cpath }
  for name, value in pairs(given.environment or {}) do environment[name] = value end
  local words = { "env -i" }
  for name, value in pairs(environment) do words[#words + 1] = name .. "=" .. shell.quote(value) end
  words[#words + 1] = shell.quote(process.interpreter())
  words[#words + 1] = SCRIPT
  for _, argument in ipairs(given) do words[#words + 1] = shell.quote(argument) end
  return table.concat(words, " ")
end

--- The command line of a run, for shells.
---@param given table see run
---@return string
function command.line(given)
  return words_of(given)
end

---@param given table the arguments; environment: variables beside PATH; input: text on standard input, by default
---  none; shell: what is to follow the command line, such as a redirection
---@return { out: string, err: string, status: integer }
function command.run(given)
  local files = { out = os.tmpname(), err = os.tmpname(), input = given.input and os.tmpname() }
  if given.input then shell.write(files.input, given.input) end
  local _, code = shell.output(("%s <%s >%s 2>%s %s"):format(words_of(given), files.input or "/dev/null", files.out,
    files.err, given.shell or ""))
  local result = { out = shell.read(files.out), err = shell.read(files.err), status = code }
  for _, path in pairs(files) do os.remove(path) end
  return result
end

--- Runs it on a terminal of its own, so wide that nothing is cut.
---@param given table as of run; asked: what is to be seen before `typed` is typed; after: a command that follows it
---  there
---@return { out: string, status: integer } # out: everything that is to be seen, lines ending with \r\n
function command.on_terminal(given)
  local folder = shell.folder "command"
  shell.write(folder .. "/line", ("stty cols 200; trap : INT; %s; status=$?; %s; exit $status"):format(words_of(given),
    given.after or ":"))
  shell.write(folder .. "/typed", given.typed or "")
  local _, code = shell.output(([=[at=%s; mkfifo $at/in; : >$at/seen
    script -qefc "sh $at/line" $at/seen <$at/in >/dev/null & exec 3>$at/in
    n=0; until grep -q %s $at/seen || [ $n -gt 250 ]; do sleep 0.02; n=$((n + 1)); done
    cat $at/typed >&3; wait $!]=]):format(folder, shell.quote(given.asked or "")))
  local out = shell.read(folder .. "/seen")
  out = out:gsub("^Script started[^\n]*\n", ""):gsub("\n*Script done[^\n]*\n$", "")
  os.execute("rm -rf " .. folder)
  return { out = out, status = code }
end

return command
