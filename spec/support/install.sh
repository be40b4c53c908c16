#!/bin/sh
# Copies the Lua files, the nginx snippets and the built modules into the folders Lua searches.
# usage: install.sh LUADIR LIBDIR MODULES EXTENSION
set -eu

luadir=$1 libdir=$2 modules=$3 extension=$4
cd -- "$(dirname -- "$0")/../.."

put() { # FROM TO MODE
  mkdir -p "$(dirname -- "$2")"
  cp -- "$1" "$2"
  chmod "$3" "$2"
}

find lua \( -name '*.lua' -o -name '*.conf' \) -type f | while IFS= read -r file; do
  put "$file" "$luadir/${file#lua/}" 644
done
for file in "$modules"/*."$extension"; do
  put "$file" "$libdir/locksmith/${file##*/}" 755
done
