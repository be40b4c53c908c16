#!/bin/sh
# Prints a line "ABI INTERPRETER FLAGS" for every Lua ABI a module can be built for: 5.1 (which LuaJIT loads too), 5.2, ...
# FLAGS are the -I options that find its headers, joined by commas; perhaps none.
#
# usage: luas.sh [INTERPRETER ...]    without one, every interpreter found under its usual names is asked
# LUA_INCDIR names the headers' folder; CC and PKG_CONFIG the tools to use.
set -u

usual_names() {
  for version in 5.5 5.4 5.3 5.2 5.1; do
    echo "lua$version lua${version%.*}${version#*.} lua-$version"
  done
  echo "luajit luajit2 /usr/local/openresty/luajit/bin/luajit lua"
}

is_header_folder() { # FOLDER ABI
  number=${2%.*}0${2#*.}
  [ -f "$1/lua.h" ] && printf '#include <lua.h>\n#if LUA_VERSION_NUM != %s\n#error other version\n#endif\n' "$number" |
    ${CC:-cc} -I"$1" -E - >/dev/null 2>&1
}

has_headers() { # ABI: found without any option
  printf '#include <lua.h>\n#if LUA_VERSION_NUM != %s\n#error other version\n#endif\n' "${1%.*}0${1#*.}" |
    ${CC:-cc} -E - >/dev/null 2>&1
}

packages_of() { # ABI
  echo "lua$1 lua${1%.*}${1#*.} lua-$1"
  [ "$1" != 5.1 ] || echo luajit
}

flags_for() { # ABI INTERPRETER
  if [ -n "${LUA_INCDIR:-}" ]; then
    is_header_folder "$LUA_INCDIR" "$1" && printf '%s\n' "-I$LUA_INCDIR"
    return
  fi
  for package in $(packages_of "$1"); do
    found=$(${PKG_CONFIG:-pkg-config} --cflags-only-I "$package" 2>/dev/null) || continue
    printf '%s\n' "$found" | sed 's/ *$//; s/  */,/g'
    return
  done
  prefix=$(dirname -- "$(dirname -- "$2")")
  for base in "$prefix/include" /usr/local/include /usr/include; do
    for folder in "lua$1" "lua${1%.*}${1#*.}" "lua-$1" "lua/$1" luajit-2.1 .; do
      is_header_folder "$base/$folder" "$1" || continue
      printf '%s\n' "-I$base/$folder"
      return
    done
  done
  has_headers "$1"
}

[ $# -gt 0 ] && asked=yes || asked=
# shellcheck disable=SC2046
[ -n "$asked" ] || set -- $(usual_names)

seen=' '
for name; do
  path=$(command -v "$name" 2>/dev/null) || {
    [ -z "$asked" ] || echo "no interpreter $name here" >&2
    continue
  }
  # env -u is no POSIX option, and the settings of one Lua must not reach another.
  abi=$(unset LUA_INIT LUA_INIT_5_2 LUA_INIT_5_3 LUA_INIT_5_4 LUA_INIT_5_5
    "$path" -e 'io.write((_VERSION:match("^Lua (%d+%.%d+)$")))' 2>/dev/null) || continue
  case $seen in *" $abi "*) continue ;; esac
  flags=$(flags_for "$abi" "$path") || {
    echo "Lua $abi: $path is here, its headers are not; not building for it" >&2
    continue
  }
  seen="$seen$abi "
  echo "$abi $path $flags"
done
