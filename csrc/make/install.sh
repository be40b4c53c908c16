#!/bin/sh
# Puts the Lua files, the nginx snippets and the built modules into the folders Lua searches, or takes them away again,
# with the folders that are empty then.
# usage: install.sh put LUADIR LIBDIR EXTENSION MODULES
#        install.sh remove LUADIR LIBDIR EXTENSION KEPT    nothing above the folder KEPT is looked at
#        install.sh remove-command LUADIR COMMAND MANUAL KEPT    if it is that of the Lua whose files are in LUADIR
set -eu

verb=$1 luadir=$2 libdir=$3 extension=$4
cd -- "$(dirname -- "$0")/../.."

put() { # FROM TO MODE
  mkdir -p "$(dirname -- "$2")"
  cp -- "$1" "$2"
  chmod "$3" "$2"
}

# Paths under lua/.
files() {
  (cd lua && find locksmith* -type f \( -name '*.lua' -o -name '*.conf' -o -perm -100 \))
}

# What was installed before, where Lua would find it ahead of the folder that took its place.
gone=locksmith/sandbox.lua

remove() { # FILE
  rm -f -- "$1"
  folder=$(dirname -- "$1")
  while [ "$folder" != "$kept" ] && [ "$folder" != / ] && [ "$folder" != . ]; do
    [ ! -d "$folder" ] || rmdir -- "$folder" 2>/dev/null || break
    folder=$(dirname -- "$folder")
  done
}

case $verb in
  put)
    modules=$5
    rm -f -- "$luadir/$gone"
    files | while IFS= read -r file; do
      mode=644
      [ ! -x "lua/$file" ] || mode=755
      put "lua/$file" "$luadir/$file" "$mode"
    done
    for module in core curl; do
      put "$modules/$module.$extension" "$libdir/locksmith/$module.$extension" 755
    done
    ;;
  remove)
    kept=${5%/}
    { files; echo "$gone"; } | while IFS= read -r file; do remove "$luadir/$file"; done
    for module in core curl; do remove "$libdir/locksmith/$module.$extension"; done
    ;;
  remove-command)
    kept=${5%/} command=$3 manual=$4
    if grep -qsF "$luadir/?.lua" "$command"; then
      remove "$command"
      remove "$manual"
    fi
    ;;
esac
