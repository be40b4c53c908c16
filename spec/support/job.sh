#!/bin/sh
# Runs one job of spec/run and leaves, in RESULTS, NUMBER.log and NUMBER.result: a line
# "PART<tab>WHAT<tab>PASSED<tab>FAILED<tab>SKIPPED<tab>SECONDS", then a line for each skipped test.
# usage: job.sh RESULTS NUMBER PART WHAT
set -u

results=$1 number=$2 part=$3 what=$4
log=$results/$number.log
counts=$results/$number.counts
limit=${TIMEOUT:-240}
# It builds everything a dozen times.
[ "$part" != packaging ] || limit=$((limit * 3))
# Without a process, of which there would be two for each of many jobs.
seconds() {
  if ! read -r now _ 2>/dev/null </proc/uptime; then now=$(date +%s); fi
  now=${now%%.*}
}
seconds
began=$now

# A test that hangs must not hang the run. timeout makes a process group, whose number lets spec/run see what a test
# left behind, and lets an interrupted run end the test.
run() {
  if command -v timeout >/dev/null 2>&1; then
    (exec timeout -k 5 "$limit" "$@") >"$log" 2>&1 </dev/null &
    echo "$!" >"$results/$number.group"
    trap 'kill -TERM "-$group"; exit 143' HUP INT TERM
  else
    "$@" >"$log" 2>&1 </dev/null &
    trap 'kill -TERM "$group"; exit 143' HUP INT TERM
  fi
  group=$!
  wait "$group"
  status=$?
}

# C tests and the packaging test say "N passed, N failed" in their last line.
counts_from_log() {
  sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$/\1 \2 \4/p' "$log" >"$counts"
  sed -n 's/^skipped: //p' "$log" >>"$counts"
}

LOCKSMITH_COUNTS=$counts
export LOCKSMITH_COUNTS
# Less memory is kept from reuse than usual, which takes half of the time away.
ASAN_OPTIONS=quarantine_size_mb=16:malloc_context_size=8${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS
unset LUA_INIT LUA_INIT_5_2 LUA_INIT_5_3 LUA_INIT_5_4 LUA_INIT_5_5
unset LUA_PATH_5_2 LUA_PATH_5_3 LUA_PATH_5_4 LUA_PATH_5_5 LUA_CPATH_5_2 LUA_CPATH_5_3 LUA_CPATH_5_4 LUA_CPATH_5_5

case $part in
  c | 'c sanitized' | packaging)
    run "$what"
    counts_from_log
    ;;
  luacheck)
    run luacheck -q --no-color .
    if [ "$status" = 0 ]; then echo 1 0 0; else echo 0 1 0; fi >"$counts"
    ;;
  *)
    read -r lua modules <"$results/${part##*/}.lua"
    export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;" LUA_CPATH="$PWD/$modules/?.so;;"
    run "$lua" spec/support/busted.lua "$what"
    ;;
esac

passed=0 failed=0 skipped=0
[ ! -s "$counts" ] || read -r passed failed skipped <"$counts"
: "${skipped:=0}"
if [ $((passed + failed + skipped)) = 0 ] || { [ "$status" != 0 ] && [ "$failed" = 0 ]; }; then
  case $status in
    0) echo "ended without the result of a test" ;;
    124 | 137) echo "stopped after $limit seconds" ;;
    *) echo "ended with status $status" ;;
  esac >>"$log"
  failed=$((failed + 1))
fi
seconds
{
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$what" "$passed" "$failed" "$skipped" "$((now - began))"
  [ $((skipped)) = 0 ] || sed 1d "$counts"
} >"$results/$number.result"
[ "$failed" = 0 ] || echo "failed: $part $what"
exit 0
