#!/bin/sh
# Prints, in one line, what keeps a build from beginning; nothing if nothing does.
# usage: needs.sh COMPILER [OPTION ...]    the options find libcurl's headers, and lua.h where HEADERS names it too
# HEADERS are the headers to look for, besides those of C.
set -u

compiler=$1
shift

finds() { # HEADER OPTION ...
  header=$1
  shift
  # shellcheck disable=SC2086
  printf '#include <%s>\n' "$header" | $compiler "$@" -E - >/dev/null 2>&1
}

command -v "${compiler%% *}" >/dev/null 2>&1 || {
  echo "No C compiler: there is no \"${compiler%% *}\" here. Install one (Debian, Ubuntu: build-essential;" \
    "Fedora: gcc; Alpine: build-base; macOS: xcode-select --install) or name yours as in: make CC=clang"
  exit
}
finds stdlib.h || {
  echo "\"$compiler\" finds no stdlib.h: the C library's headers are missing (Debian, Ubuntu: libc6-dev;" \
    "Fedora: glibc-devel; Alpine: musl-dev)"
  exit
}
for wanted in ${HEADERS:-}; do
  finds "$wanted" "$@" && continue
  case $wanted in
    lua.h) echo "lua.h was not found. Install the headers of your Lua (Debian, Ubuntu: liblua5.4-dev and the like)" \
      "or name their folder as in: LUA_INCDIR=/opt/lua/include" ;;
    *) echo "$wanted was not found. Install libcurl's headers (Debian, Ubuntu: libcurl4-openssl-dev; Fedora:" \
      "libcurl-devel; Alpine: curl-dev) or name their folder as in: CURL_CFLAGS=-I/opt/curl/include" ;;
  esac
  exit
done
