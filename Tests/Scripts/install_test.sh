# shellcheck shell=bash disable=SC2154
# scripts/install: what it puts where, and that it takes away the same.

installed_files() { (cd "$1" && find . -type f | sort); }

lua_in() {
  env LUA_PATH="$1/share/lua/5.4/?.lua;;" LUA_CPATH="$1/lib/lua/5.4/?.so;;" lua5.4 "${@:2}"
}

test_install_and_uninstall() {
  local prefix=$work/"a prefix" lua_files
  mkdir -p "$prefix/lib/lua/5.4"
  touch "$prefix/lib/lua/5.4/other.so"
  "$root/scripts/install" "$prefix"
  lua_files=$(cd "$root/stdlib" && find wane -name '*.lua' -printf './share/lua/5.4/%p\n')
  expect_equal "$(installed_files "$prefix")" "$(sort <<END
./bin/wane
./lib/lua/5.4/other.so
./lib/lua/5.4/wane.manifest
./lib/lua/5.4/wane.so
$lua_files
END
  )"
  expect_equal "$(lua_in "$prefix" -e 'print(type(require "wane".version))')" string
  expect_equal "$(lua_in "$prefix" -e 'print(type(require "wane.pretty"))')" table
  expect_equal "$("$prefix/bin/wane" -e 'print(1 + 1)')" 2
  # Once more, over itself.
  "$root/scripts/install" "$prefix"
  "$root/scripts/install" --uninstall "$prefix"
  expect_equal "$(installed_files "$prefix")" ./lib/lua/5.4/other.so
  expect_status 0 "$root/scripts/install" --uninstall "$prefix"
  expect_text "$output" "nothing of Wane's is installed"
}

test_an_older_file_goes_with_an_upgrade() {
  "$root/scripts/install" "$work/p"
  touch p/share/lua/5.4/wane/old.lua
  echo share/lua/5.4/wane/old.lua >>p/lib/lua/5.4/wane.manifest
  "$root/scripts/install" "$work/p"
  [ ! -e p/share/lua/5.4/wane/old.lua ]
  "$root/scripts/install" --uninstall "$work/p"
  expect_equal "$(find p)" p
}

test_destdir() {
  DESTDIR=$work/package "$root/scripts/install" /usr
  [ -x package/usr/bin/wane ]
  DESTDIR=$work/package "$root/scripts/install" --uninstall /usr
  expect_equal "$(find package -type f)" ""
}

# The Swift runtime is inside: no library of a toolchain is looked for.
test_installed_module_finds_all_its_libraries() {
  "$root/scripts/install" "$work/p"
  expect_equal "$(ldd p/lib/lua/5.4/wane.so p/bin/wane | grep -E 'not found|swift' || true)" ""
}

test_wrong_arguments() {
  expect_status 2 "$root/scripts/install" --uninstal
  expect_text "$output" "unknown option '--uninstal'"
  expect_status 2 "$root/scripts/install" a b
  expect_status 2 "$root/scripts/install" ""
}
