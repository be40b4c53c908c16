#!/bin/sh
# Puts the Lua files, the nginx snippets and the built modules into the folders Lua searches, or takes them away again,
# with the folders that are empty then.
# usage: install.sh put LUADIR LIBDIR EXTENSION MODULES
#        install.sh remove LUADIR LIBDIR EXTENSION KEPT    nothing above the folder KEPT is looked at
#        install.sh remove-command LUADIR COMMAND MANUAL KEPT    if it is that of the Lua whose files are in LUADIR
set -eu

verb=$1 luadir=$2 libdir=$3 extension=$4
cd -- "$(dirname -- "$0")/../.."

# Paths under lua/.
files() {
  (cd lua && find locksmith* -type f \( -name '*.lua' -o -name '*.conf' -o -perm -100 \))
}

# Copies the files named on standard input, a folder at a time: there are many, and a process for each takes long.
put() { # FROM TO
  sed 's|/[^/]*$||' | LC_ALL=C sort -u | while IFS= read -r folder; do
    mkdir -p -- "$2/$folder"
    set -- "$1" "$2"
    for file in "$1/$folder"/*; do
      case $file in
        *.lua | *.conf) set -- "$@" "$file" ;;
        *) if [ -f "$file" ] && [ -x "$file" ]; then set -- "$@" "$file"; fi ;;
      esac
    done
    from=$1 to=$2
    shift 2
    cp -- "$@" "$to/$folder/"
    for file; do
      shift
      [ -x "$file" ] || set -- "$@" "$to/${file#"$from/"}"
    done
    [ $# = 0 ] || chmod 644 -- "$@"
    set -- "$from" "$to"
  done
}

# What was installed before, where Lua would find it ahead of the folder that took its place.
gone=locksmith/sandbox.lua

# Takes files away, and the folders that are empty then.
remove() { # FILE ...
  rm -f -- "$@"
  for file; do printf '%s\n' "${file%/*}"; done | LC_ALL=C sort -ru | while IFS= read -r folder; do
    while [ "$folder" != "$kept" ] && [ -n "$folder" ] && [ "$folder" != . ]; do
      [ ! -d "$folder" ] || rmdir -- "$folder" 2>/dev/null || break
      folder=$(dirname -- "$folder")
      [ "$folder" != / ] || break
    done
  done
}

case $verb in
  put)
    modules=$5
    rm -f -- "$luadir/$gone"
    files | put lua "$luadir"
    mkdir -p -- "$libdir/locksmith"
    for module in core curl; do
      cp -- "$modules/$module.$extension" "$libdir/locksmith/"
      chmod 755 "$libdir/locksmith/$module.$extension"
    done
    ;;
  remove)
    kept=${5%/}
    set -- "$luadir/$gone" "$libdir/locksmith/core.$extension" "$libdir/locksmith/curl.$extension"
    # None of our own names holds a blank.
    for file in $(files); do set -- "$@" "$luadir/$file"; done
    remove "$@"
    ;;
  remove-command)
    kept=${5%/} command=$3 manual=$4
    if grep -qsF "$luadir/?.lua" "$command"; then
      remove "$command" "$manual"
    fi
    ;;
esac
