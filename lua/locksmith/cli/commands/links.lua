--- LOCK.PUB links: one, or a file of them.

return function(parser, runs)
  local links = parser:command("links", "Make password-protected links and secret memos on LOCK.PUB.")
  links:require_command(true)
  for _, name in ipairs { "create", "check", "batch" } do
    require("locksmith.cli.commands.links_" .. name)(links, runs)
  end
end
