#!/bin/sh
# Prints the lines that make a Lua use this checkout from any folder, for eval; builds for it first.
# usage: env.sh [INTERPRETER]    without one, the first found
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 1
cd "$root" || exit 1
found=$(csrc/make/luas.sh ${1:+"$1"} | sed -n 1p)
[ -n "$found" ] || exit 1
abi=${found%% *} interpreter=${found#* }
interpreter=${interpreter% *}
${MAKE:-make} -s LUA="$interpreter" all >&2 || exit 1

quoted() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# What is set already stays, behind ours. ";;" stands for the interpreter's own default.
joined() { # OURS PRESENT
  case $2 in
    "$1"*) printf '%s' "$2" ;;
    *\;\;*) printf '%s;%s' "$1" "$2" ;;
    '') printf '%s;;' "$1" ;;
    *) printf '%s;%s;;' "$1" "$2" ;;
  esac
}

# Lua 5.2 and later look at the variable with the version first.
variable() { # NAME OURS
  suffix=_$(printf '%s' "$abi" | tr . _)
  plain='' versioned=''
  eval "plain=\${$1:-} versioned=\${$1$suffix:-}"
  if [ "$abi" != 5.1 ] && [ -n "$versioned" ]; then
    echo "export $1$suffix=$(quoted "$(joined "$2" "$versioned")")"
  fi
  echo "export $1=$(quoted "$(joined "$2" "$plain")")"
}

variable LUA_PATH "$root/lua/?.lua;$root/lua/?/init.lua"
variable LUA_CPATH "$root/build/$abi/?.so"
