#!/bin/sh
# Checks the sources with each tool that is here, and says which are not; under CI=true that is a failure.
set -u

cd -- "$(dirname -- "$0")/../.." || exit 1
failed=0

have() {
  command -v "$1" >/dev/null 2>&1 || {
    if [ "${CI:-false}" = false ]; then
      echo "lint: $1 is not here, skipped (make deps installs it)"
    else
      echo "lint: $1 is not here"
      failed=1
    fi
    return 1
  }
}

check() { # NAME COMMAND ...
  name=$1
  shift
  if "$@"; then echo "lint: $name passed"; else
    echo "lint: $name failed"
    failed=1
  fi
}

sources=$(find csrc spec -name '*.[ch]' -type f | sort)
scripts=$(find .ci csrc lua spec -type f -exec grep -lE '^#!/bin/(ba)?sh' {} + | sort)
units=$(find csrc -name '*.c' -type f | sort)

# A file of csrc/lua is read with the headers of the first Lua found.
tidy() {
  lua=$(csrc/make/luas.sh 2>/dev/null | sed -n '1s/^[^ ]* [^ ]* *//p' | tr ',' ' ')
  curl=$(pkg-config --cflags libcurl 2>/dev/null)
  # shellcheck disable=SC2086
  printf '%s\n' $units | xargs -n 4 -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)" sh -c '
    options=$1
    shift
    exec clang-tidy --quiet --warnings-as-errors="*" "$@" -- $options 2>/dev/null' \
    tidy "-std=c11 -D_POSIX_C_SOURCE=200809L -Icsrc $lua $curl"
}

# shellcheck disable=SC2086
{
  ! have luacheck || check luacheck luacheck -q .
  ! have shellcheck || check shellcheck shellcheck -S warning $scripts
  ! have clang-format || check clang-format clang-format --dry-run -Werror $sources
  ! have clang-tidy || check clang-tidy tidy
  # In no package of Debian's, so nobody is told to install it.
  ! command -v lua-language-server >/dev/null 2>&1 || {
    check 'lua-language-server, what users write' spec/editors/run
    check 'lua-language-server, errors of ours' lua-language-server --check=. --checklevel=Error
  }
}
exit "$failed"
