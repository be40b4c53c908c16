--- The manual page locksmith.1, made of what --help is made of.

local parser = require "locksmith.cli.parser"
local version = require "locksmith.version"

local manual = {}

local function escaped(text)
  return (text:gsub("\\", "\\e"):gsub("-", "\\-"):gsub("\n%.", "\n\\&."):gsub("^[.']", "\\&%0"))
end

local function name_of(command)
  local parent = command._parent
  return parent and name_of(parent) .. " " .. command._name or command._name
end

-- Options as "-n, --dry-run" and "--key-file FILE".
local function heading(option)
  local words = {}
  for i, alias in ipairs(option._aliases) do words[i] = "\\fB" .. escaped(alias) .. "\\fR" end
  local name = option._maxargs > 0 and (option._argname or option:_get_default_argname():gsub("[<>]", ""))
  local value = name and " \\fI" .. escaped(name) .. "\\fR" or ""
  return table.concat(words, ", ") .. value
end

local function paragraph(lines, title, text)
  lines[#lines + 1] = ".TP"
  lines[#lines + 1] = title
  lines[#lines + 1] = escaped(text or "")
end

local function text_of(element)
  local text = element._description
  if not element._choices then return text end
  return ("%s One of %s."):format(text, table.concat(element._choices, ", "))
end

local function describe_options(lines, command)
  for _, argument in ipairs(command._arguments) do
    paragraph(lines, "\\fI" .. escaped(argument._argname or argument._name) .. "\\fR", text_of(argument))
  end
  for _, option in ipairs(command._options) do
    if option._description and not option._description:find "^Show this help" then
      paragraph(lines, heading(option), text_of(option))
    end
  end
end

local function describe(lines, command)
  if #command._commands == 0 then
    lines[#lines + 1] = ".SS \"" .. escaped(name_of(command)) .. "\""
    lines[#lines + 1] = escaped(command._description or "")
    describe_options(lines, command)
  end
  for _, inner in ipairs(command._commands) do describe(lines, inner) end
end

---@return string # the page, for man(1)
function manual.text()
  local root = parser.new()
  local lines = {
    ('.TH LOCKSMITH 1 "" "locksmith %s" "User Commands"'):format(version),
    ".SH NAME",
    "locksmith \\- Locker aliases and LOCK.PUB links from the command line",
    ".SH SYNOPSIS",
    "\\fBlocksmith\\fR [\\fIoptions\\fR] \\fIcommand\\fR ...",
    ".SH DESCRIPTION",
    escaped(root._description),
    ".SH OPTIONS",
    "They may stand before or after the command.",
  }
  describe_options(lines, root)
  lines[#lines + 1] = ".SH COMMANDS"
  for _, command in ipairs(root._commands) do describe(lines, command) end
  lines[#lines + 1] = ".SH NOTES"
  for line in root._epilog:gmatch "[^\n]+" do lines[#lines + 1] = escaped(line) end
  return table.concat(lines, "\n") .. "\n"
end

return manual
