# shellcheck shell=bash
# Sourced by scripts/setup: Debian packages, installed only when missing.

# To build and to run.
#   g++               Swift links through it: libstdc++, libgomp, crt files, binutils
#   libdnnl-dev       oneDNN, the dense math
#   liblua5.4-dev     headers for the module, the library for the executable
#   libreadline-dev   line editing, in the executable only
#   zlib1g-dev        data sets are gzip files
#   libzip-dev        several arrays in one .npz file
#   libpng-dev, libjpeg-dev   folders of images
#   lua5.4, python3   the host, and what scripts/test and scripts/bench drive programs with
#   make, pkg-config  for the example of a program that embeds Wane
required_packages=(
  g++ make pkg-config libdnnl-dev liblua5.4-dev libreadline-dev zlib1g-dev libzip-dev
  libpng-dev libjpeg-dev lua5.4 python3
)
# The data of the example. Without it Wane builds; the example says what to do.
data_packages=(dataset-fashion-mnist)
# For scripts/check.
check_packages=(clang-format lua-check shellcheck)
# What a Swift toolchain from swift.org loads, where its own installer did not see to it.
toolchain_packages=(libcurl4 libncurses6 libsqlite3-0 libxml2)

# Of the arguments, those that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    # shellcheck disable=SC2016 # The format is dpkg-query's, not the shell's.
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      printf '%s\n' "$package"
  done
}

# Calls apt-get, which has much to say: on a terminal it says it, elsewhere only when it failed.
apt_() {
  local command=(apt-get -q -y -o DPkg::Lock::Timeout=300 "$@") log=$TMPDIR/apt.log
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "needs root; as root, run: apt-get install ${missing[*]}"
    command=(sudo DEBIAN_FRONTEND=noninteractive "${command[@]}")
  fi
  if [ -t 2 ]; then
    DEBIAN_FRONTEND=noninteractive "${command[@]}" </dev/null >&2
  elif ! DEBIAN_FRONTEND=noninteractive "${command[@]}" </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
}

# Whether apt knows a version of the package that it could install.
is_available() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

# Installs those of the arguments that are missing. With `--optional`, a package that the
# distribution does not have is passed over.
install_packages() {
  local optional=false package unknown=()
  if [ "$1" = --optional ]; then
    optional=true
    shift
  fi
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  for package in "${missing[@]}"; do is_available "$package" || unknown+=("$package"); done
  if [ ${#unknown[@]} -gt 0 ]; then
    say "updating the list of packages"
    apt_ update || say "the list of packages could not be updated; going on with the old one"
  fi
  local wanted=()
  for package in "${missing[@]}"; do
    if is_available "$package"; then
      wanted+=("$package")
    elif $optional; then
      say "this distribution has no package $package; going on without it"
    else
      fail "no package $package in apt's sources" \
        "(on Ubuntu: add-apt-repository universe, then apt-get update)"
    fi
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  missing=("${wanted[@]}")
  say "installing ${wanted[*]}"
  apt_ install --no-install-recommends "${wanted[@]}" && return 0
  # A list of packages that is older than the archive names files that are gone.
  say "once more, with a fresh list of packages"
  apt_ update && apt_ install --no-install-recommends "${wanted[@]}" && return 0
  if $optional; then
    say "could not install ${wanted[*]}; going on without"
  else
    fail "could not install ${wanted[*]}"
  fi
}
