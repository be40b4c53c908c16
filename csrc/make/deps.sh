#!/bin/sh
# Installs what is missing, on Debian and its kin; elsewhere says what is needed.
# usage: deps.sh demo|test|lint|fuzz ...
set -u

# Where releases call a package otherwise, or one of several will do: their names, divided by "|".
curl='libcurl4-openssl-dev|libcurl4-gnutls-dev|libcurl4-nss-dev'

# What the demonstration needs: one Lua, libcurl, lua-cjson, argparse for the command, LuaSocket for the sandbox, and the
# authorities of the real services.
demo="lua5.4 liblua5.4-dev $curl pkg-config lua-cjson lua-argparse lua-socket ca-certificates"
# What the tests need. "luajit" conflicts with what the nginx Lua module needs, luajit2 does not.
test='lua5.3 liblua5.3-dev lua5.2 liblua5.2-dev lua5.1 liblua5.1-0-dev luajit2|luajit libluajit2-5.1-dev|libluajit-5.1-dev
  nginx libnginx-mod-http-lua lua-busted lua-check lua-redis lua-sec lua-nginx-redis lua-cqueues lua-luv lua-copas luarocks redis-server curl procps openssl valgrind ccache locales'

lint="lua5.4 liblua5.4-dev $curl pkg-config lua-check shellcheck clang-format clang-tidy"

# libFuzzer is in a package that bears the version of clang.
fuzz() {
  version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | sed -n 1p)
  echo "lua5.4 clang libclang-rt-${version:-14}-dev"
}

[ $# -gt 0 ] || set -- none
wanted=
for purpose; do
  case $purpose in
    demo) wanted="$wanted $demo" ;;
    test) wanted="$wanted $demo $test" ;;
    lint) wanted="$wanted $lint" ;;
    fuzz) wanted="$wanted $(fuzz)" ;;
    *) echo "usage: deps.sh demo|test|lint|fuzz ..." >&2; exit 2 ;;
  esac
done
wanted=$(printf '%s\n' $wanted | sort -u)
command -v "${CC:-cc}" >/dev/null 2>&1 || wanted="build-essential $wanted"

# The names of one word of the lists.
names() {
  printf '%s\n' "$1" | tr '|' ' '
}
# The name that each word has in Debian 12, for those who read it or hand it to a shell.
first_names() {
  printf ' %s' "$@" | sed 's/|[^ ]*//g'
}

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
  # Whoever runs another system installs these, and then says so.
  [ "${DEPS:-}" != skip ] || exit 0
  {
    echo "This is no Debian or Ubuntu, so nothing was installed. Needed are (by their names in Debian 12):"
    # shellcheck disable=SC2046,SC2086
    printf '  %s\n' $(first_names $wanted)
    echo "Once they are here, say so: DEPS=skip make ..."
  } >&2
  exit 1
fi

# shellcheck disable=SC2046,SC2086
present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $(names "$wanted") 2>/dev/null | sed -n 's/ installed$//p')
missing=
for package in $wanted; do
  for name in $(names "$package"); do
    if printf '%s\n' "$present" | grep -qxF "$name"; then continue 2; fi
  done
  missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "${DEPS:-}" = skip ]; then
  # shellcheck disable=SC2086
  echo "going on without:$(first_names $missing)" >&2
  exit 0
fi

# What this release has, by the name that it has there; apt knows names, too, that others only mention.
choose() {
  chosen=
  dropped=
  for package in $missing; do
    for name in $(names "$package"); do
      if apt-cache show "$name" 2>/dev/null | grep -q '^Package:'; then
        chosen="$chosen $name"
        continue 2
      fi
    done
    dropped="$dropped $package"
  done
}
# Whether apt has lists at all, beside what is installed.
apt_has_lists() {
  apt-cache policy 2>/dev/null | grep -q ' release .*,'
}
# What the release dropped is gone on without.
go_on_without_dropped() {
  # shellcheck disable=SC2086
  [ -z "$dropped" ] || echo "not to be had in this release, so going on without:$(first_names $dropped)" >&2
  [ -n "$chosen" ] || exit 0
}

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || {
    # shellcheck disable=SC2086
    if apt_has_lists; then choose && go_on_without_dropped; else chosen=$(first_names $missing); fi
    echo "These packages are missing, and installing them takes root or sudo:$chosen" >&2
    exit 1
  }
  as_root=sudo
fi

# A repository of the user's that is out of reach need not matter here.
$as_root apt-get -q update || echo "apt-get update had trouble; going on with what is known" >&2
choose
go_on_without_dropped

install="apt-get -q install -y --no-install-recommends"
# Nothing of the user's is removed to make room.
# shellcheck disable=SC2086
in_the_way=$(LC_ALL=C $install -s $chosen 2>/dev/null | sed -n 's/^Remv \([^ ]*\) .*/ \1/p' | tr -d '\n')
if [ -n "$in_the_way" ]; then
  {
    echo "These packages are needed:$chosen"
    echo "They conflict with what is installed here, which is left alone:$in_the_way"
    echo "Remove that yourself, or go on without what is needed, as far as that leads: DEPS=skip make ..."
  } >&2
  exit 1
fi
echo "Installing:$chosen"
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive $install --no-remove $chosen || {
  echo "These packages could not be installed:$chosen" >&2
  echo "What is in the way, apt says above. Put it right, or go on without them: DEPS=skip make ..." >&2
  exit 1
}
if [ -d /run/systemd/system ]; then
  for service in nginx redis-server; do
    case " $missing " in
      *" $service "*) echo "note: the package $service may have started a system service, which nothing here uses" >&2 ;;
    esac
  done
fi
