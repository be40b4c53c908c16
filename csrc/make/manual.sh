#!/bin/sh
# Writes the manual page, which is made of what --help is made of.
# usage: manual.sh INTERPRETER LIBDIR EXTENSION MANUAL    LIBDIR: of the built modules
set -eu

interpreter=$1 libdir=$2 extension=$3 manual=$4
cd -- "$(dirname -- "$0")/../.."
unset LUA_INIT LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_PATH_5_5 LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4 LUA_CPATH_5_5
LUA_PATH="./lua/?.lua;./lua/?/init.lua;;" LUA_CPATH="$libdir/?.$extension;;"
export LUA_PATH LUA_CPATH

if ! "$interpreter" -e 'require "argparse"' 2>/dev/null; then
  echo "no manual page: it takes the Lua module argparse (lua-argparse in Debian and Ubuntu)" >&2
  exit
fi
mkdir -p "$(dirname -- "$manual")"
"$interpreter" -e 'io.write(require("locksmith.cli.manual").text())' >"$manual"
chmod 644 "$manual"
