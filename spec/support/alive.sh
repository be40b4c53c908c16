# shellcheck shell=sh
# A zombie is gone, whether or not anybody asks what became of it.
alive() { # PROCESS
  kill -0 "$1" 2>/dev/null || return 1
  [ -r "/proc/$1/stat" ] || return 0
  read -r state 2>/dev/null <"/proc/$1/stat" || return 1
  case ${state##*) } in [XZ]*) return 1 ;; esac
}
