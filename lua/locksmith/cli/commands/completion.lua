--- What makes a shell complete what is typed.

return function(parser, runs)
  local command = parser:command("completion", "Print what makes a shell complete commands and options. " ..
    'For bash: source <(locksmith completion bash)')
  command:argument("shell", "Which shell."):choices { "bash", "zsh", "fish" }
  runs(command, function(context, arguments)
    local root = require("locksmith.cli.parser").new()
    context:print(root[("get_%s_complete"):format(arguments.shell)](root))
  end)
end
