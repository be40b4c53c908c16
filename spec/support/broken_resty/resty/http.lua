-- Stands for a lua-resty-http whose own needs are not met: what `require "resty.string"` raises where it is missing.
error "module 'resty.string' not found:\n\tno field package.preload['resty.string']"
