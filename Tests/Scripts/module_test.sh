# shellcheck shell=bash disable=SC2154
# What the built module promises to a program that loads it.

module=$products/libwanelua.so

require_wane() { LUA_CPATH="$products/lib?lua.so" lua5.4 "$@"; }

test_stripped_module_is_under_25_megabytes() {
  strip --strip-unneeded -o wane.so "$module"
  expect_at_most "$(stat -c %s wane.so)" 25000000
}

test_module_needs_no_swift_no_lua_and_no_readline() {
  local needed
  needed=$(readelf -d "$module" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  expect_text "$needed" libdnnl
  if grep -iE 'swift|foundation|dispatch|lua|readline' <<<"$needed"; then
    complain "the module needs the libraries above"
  fi
}

test_module_exports_its_entry_point_only() {
  local exported
  exported=$(nm -D --defined-only --extern-only "$module" | awk '{ print $3 }')
  expect_equal "$exported" luaopen_wane
}

# Best of 20: other programs on the machine only ever make it slower.
test_require_takes_under_50_ms() {
  local best=1000000 started took
  for _ in {1..20}; do
    started=${EPOCHREALTIME/./}
    require_wane -e 'require "wane"'
    took=$((${EPOCHREALTIME/./} - started))
    if [ "$took" -lt "$best" ]; then best=$took; fi
  done
  printf 'best of 20: %s us\n' "$best"
  expect_at_most "$best" 50000
}

# Lua closes its modules at exit while threads of theirs may still run.
test_leaving_is_clean() {
  for _ in {1..50}; do
    require_wane -e 'local wane = require "wane"'
    "$products/wane" -e 'local wane = require "wane"'
  done
}

test_version_is_a_string() {
  expect_equal "$(require_wane -e 'print(type(require "wane".version))')" string
}
