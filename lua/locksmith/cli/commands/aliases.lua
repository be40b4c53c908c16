--- Locker's aliases.

return function(parser, runs)
  local aliases = parser:command("aliases", "Show, make, change and delete Locker's aliases.")
  aliases:require_command(true)
  for _, name in ipairs { "show", "create", "ensure", "change", "backup" } do
    require("locksmith.cli.commands.aliases_" .. name)(aliases, runs)
  end
end
