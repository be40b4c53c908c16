#!/bin/sh
# Runs the demonstration with Lua 5.4 against modules installed into a folder of their own: on a sandbox served for it,
# or with LIVE=1 on the real services. A sandbox's address is in LOCKSMITH_SANDBOX.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 1
cd "$root" || exit 1
lua=${LUA:-lua5.4}
tree=$root/build/demo

${MAKE:-make} -s LUA="$lua" PREFIX="$tree" install || exit 1
abi=$("$lua" -e 'io.write((_VERSION:match("%d+%.%d+")))') || exit 1
export LUA_PATH="$tree/share/lua/$abi/?.lua;$tree/share/lua/$abi/?/init.lua;;"
export LUA_CPATH="$tree/lib/lua/$abi/?.so;;"
unset LUA_PATH_5_4 LUA_CPATH_5_4 LUA_INIT LUA_INIT_5_4

case ${LIVE:-} in
  '' | 0) ;;
  *) export LIVE; exec "$lua" spec/examples/demo.lua ;;
esac
unset LIVE

log=$(mktemp -d) || exit 1
trap 'rm -rf "$log"' EXIT
mkfifo "$log/ready" || exit 1
"$lua" -e 'require("locksmith.sandbox.server").run { port = 0, parent = '$$' }' >"$log/ready" 2>"$log/errors" &
server=$!
stop() {
  kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$log"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
read -r line <"$log/ready"
case $line in
  'sandbox on '*) LOCKSMITH_SANDBOX=${line#sandbox on } ;;
  *) echo "the sandbox did not start" >&2; cat "$log/errors" >&2; exit 1 ;;
esac
export LOCKSMITH_SANDBOX
"$lua" spec/examples/demo.lua
