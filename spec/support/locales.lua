--- Locales for specs, made from their definitions where the system has these (Debian's package `locales`): nothing need
--- be installed in the system itself. Kept in build/locales, since one takes seconds to make.

local shell = require "spec.support.shell"

local locales = {}

-- name -> definition and character set
locales.NAMES = {
  ["de_DE.UTF-8"] = { "de_DE", "UTF-8" }, -- a decimal comma
  ["tr_TR.ISO-8859-9"] = { "tr_TR", "ISO-8859-9" }, -- other small letters for I, letters and controls past 127
  ["ps_AF.UTF-8"] = { "ps_AF", "UTF-8" }, -- a decimal point of two bytes
}

local FOLDER = "build/locales"

-- One at a time: the specs of several interpreters may want the same one.
local MAKE = [[
mkdir -p %s && exec 9>%s/lock && { ! command -v flock >/dev/null || flock 9; } && {
  [ -d %s ] || { localedef -c -i %s -f %s %s.new >/dev/null 2>&1; [ -f %s.new/LC_NUMERIC ] && mv %s.new %s; }
}]]

--- Makes the locales.
---@return string? folder what LOCPATH is to be
---@return string? reason why there are none
function locales.make()
  for name, source in pairs(locales.NAMES) do
    local at = FOLDER .. "/" .. name
    local _, status = shell.output(MAKE:format(FOLDER, FOLDER, at, source[1], source[2], at, at, at, at))
    if status ~= 0 then return nil, "no locale " .. name .. " can be made: localedef and its sources are missing" end
  end
  return FOLDER
end

return locales
