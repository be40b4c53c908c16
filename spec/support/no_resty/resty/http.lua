-- Stands before a lua-resty-http that is installed, in specs of what is done without it.
error "module 'resty.http' not found:\n\tno field package.preload['resty.http']"
