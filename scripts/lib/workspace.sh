# shellcheck shell=bash
# Sourced by every script: where things are, how to speak, how to call Swift.
#
# The script that sources this has `set -euo pipefail`. It gets the variables `root`, `scratch` and
# `program`, and a folder for temporary files that goes away with it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=scripts/$(basename "$0")
# Where SwiftPM builds. Another place keeps two checkouts, or two sets of flags, apart.
scratch=${WANE_SCRATCH:-$root/.build}
scratch_option=(--package-path "$root" --scratch-path "$scratch")

# The flags of a release build. They are a part of SwiftPM's cache key: every script that builds the
# release takes them from here, or all of it is built again. What they are for:
# the Swift runtime inside, so that a machine without Swift can load the module; nothing exported
# but luaopen_*, so that two copies in one process stay apart; and the module stays mapped when
# Lua closes it, because its threads still run its code.
release_flags=(
  --configuration release
  -Xswiftc -static-stdlib
  -Xlinker -z -Xlinker nodelete
  -Xlinker "--version-script=$root/scripts/wane.map"
)

say() { printf '%s: %s\n' "$program" "$*" >&2; }

fail() {
  say "$@"
  exit 1
}

# The first comment of a script is its manual.
manual() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

usage_error() {
  say "$@"
  manual >&2
  exit 2
}

# Each SwiftPM command leaves folders in TMPDIR; they go with ours.
callers_tmpdir=${TMPDIR-}
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/wane.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Ends the script by running a program in its place, as if the script had not been there.
become() {
  rm -rf "$TMPDIR"
  if [ -n "$callers_tmpdir" ]; then TMPDIR=$callers_tmpdir; else unset TMPDIR; fi
  exec "$@"
}

# Calls Swift. A C compiler or flags from the environment, as luarocks and some shells set them,
# would be used instead of Swift's own clang, which the C targets need.
swift_() { env -u CC -u CXX -u CFLAGS -u CXXFLAGS -u LDFLAGS swift "$@"; }

# A toolchain that was unpacked, and not yet put on the PATH.
if ! command -v swift >/dev/null; then
  for folder in "${SWIFTLY_BIN_DIR:-${HOME:-/root}/.local/share/swiftly/bin}" \
    /opt/swift/usr/bin /usr/local/swift/usr/bin /usr/share/swift/usr/bin; do
    if [ -x "$folder/swift" ]; then
      PATH=$folder:$PATH
      break
    fi
  done
fi

# The folder of the release's products; scripts/setup must have run.
products() { readlink -f "$scratch/release"; }
