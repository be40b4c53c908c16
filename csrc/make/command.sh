#!/bin/sh
# Writes the command for one Lua, which finds the modules in these folders before it looks anywhere else.
# usage: command.sh INTERPRETER LUADIR LIBDIR EXTENSION COMMAND
set -eu

interpreter=$1 luadir=$2 libdir=$3 extension=$4 command=$5
cd -- "$(dirname -- "$0")/../.."

quoted() { # as a string of Lua
  printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

mkdir -p "$(dirname -- "$command")"
{
  echo "#!$interpreter"
  echo "package.path = $(quoted "$luadir/?.lua;$luadir/?/init.lua;") .. package.path"
  echo "package.cpath = $(quoted "$libdir/?.$extension;") .. package.cpath"
  tail -n 1 lua/locksmith/cli/locksmith
} >"$command"
chmod 755 "$command"
