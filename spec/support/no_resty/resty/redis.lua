-- Stands before a lua-resty-redis that is installed, in specs of what is done without it.
error "module 'resty.redis' not found:\n\tno field package.preload['resty.redis']"
