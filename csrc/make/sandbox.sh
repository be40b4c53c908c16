#!/bin/sh
# Serves the sandbox of this checkout on loopback, with a Lua that has LuaSocket if there is one.
# usage: sandbox.sh PORT
# LUA names the interpreter to use.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 1
unset LUA_INIT LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_PATH_5_5
LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;;"
export LUA_PATH

found=
for lua in ${LUA:-lua5.4 lua5.3 lua5.2 lua5.1 luajit lua}; do
  command -v "$lua" >/dev/null 2>&1 || continue
  : "${found:=$lua}"
  if "$lua" -e 'require "socket"' >/dev/null 2>&1; then
    found=$lua
    break
  fi
done
[ -n "$found" ] || { echo "no Lua is here" >&2; exit 1; }
PORT=$1 exec "$found" -e '
  local ended, problem = require("locksmith.sandbox.server").run { port = tonumber(os.getenv "PORT") }
  if not ended then
    io.stderr:write(problem, "\n")
    os.exit(1)
  end'
