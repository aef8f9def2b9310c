# shellcheck shell=bash disable=SC2154
# The scripts themselves, as somebody would use them who reads no manual.

# A folder with the tools of a bare system and a `swift` that answers as told.
path_with_swift() {
  mkdir -p bin
  local tool
  for tool in bash env sed sort head cat uname basename dirname mktemp rm readlink; do
    ln -sf "$(command -v "$tool")" "bin/$tool"
  done
  [ -z "${1:-}" ] || printf '#!/bin/sh\n%s\n' "$1" >bin/swift
  [ -z "${1:-}" ] || chmod +x bin/swift
}

test_swift_is_too_old() {
  path_with_swift 'echo "Swift Package Manager - Swift 5.10.1"'
  expect_status 1 env PATH="$work/bin" "$root/scripts/swift-version-check"
  expect_text "$output" "is Swift 5.10; Wane needs 6.1 or newer"
  expect_text "$output" swift.org
}

test_swift_is_new_enough() {
  path_with_swift 'echo "Swift Package Manager - Swift 6.10.0-dev"'
  expect_status 0 env PATH="$work/bin" "$root/scripts/swift-version-check"
  expect_equal "$output" ""
}

test_swift_does_not_run() {
  path_with_swift 'echo "swift: error while loading shared libraries: libx.so" >&2; exit 127'
  expect_status 1 env PATH="$work/bin" "$root/scripts/swift-version-check"
  expect_text "$output" "does not run: swift: error while loading shared libraries: libx.so"
}

test_swift_is_missing() {
  path_with_swift
  # The script also looks where toolchains are unpacked.
  if compgen -G '/opt/swift/usr/bin/swift' || compgen -G '/usr/*/swift/usr/bin/swift'; then
    skip "a toolchain is in one of the usual places"
  fi
  expect_status 1 env PATH="$work/bin" HOME="$work" "$root/scripts/swift-version-check"
  expect_text "$output" "no Swift toolchain found"
  expect_text "$output" swift.org
}

test_setup_repeated_is_quiet_and_quick() {
  local started=$SECONDS
  expect_status 0 "$root/scripts/setup"
  expect_equal "$output" ""
  expect_at_most $((SECONDS - started)) 60
}

test_scripts_leave_no_temporary_files() {
  mkdir temporary
  TMPDIR=$work/temporary "$root/scripts/setup"
  TMPDIR=$work/temporary "$root/scripts/test" --list
  expect_equal "$(ls -A temporary)" ""
}

test_scripts_work_from_anywhere() {
  cd /
  expect_status 0 "$root/scripts/test" --list
  expect_text "$output" swift
}

test_every_script_says_how_to_use_it() {
  local script
  for script in setup test install bench check docs; do
    expect_status 0 "$root/scripts/$script" --help
    expect_text "$output" "usage: scripts/$script"
    expect_status 2 "$root/scripts/$script" --no-such-option
    expect_text "$output" "usage: scripts/$script"
  done
}

test_unknown_stage_and_part() {
  expect_status 2 "$root/scripts/test" --only nonsense
  expect_text "$output" "no stage 'nonsense' among swift"
  expect_status 2 "$root/scripts/bench" --only nonsense
  expect_text "$output" "no part 'nonsense'"
}

test_example_explains_itself() {
  expect_status 0 "$root/scripts/run" --help
  expect_text "$output" --quick
}
