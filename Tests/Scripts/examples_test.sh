# shellcheck shell=bash disable=SC2154
# The examples, on a few thousand samples, in stock Lua, from another folder than theirs.

# run_example NAME OPTION...: what it wrote is then in `$output`.
run_example() {
  local name=$1
  shift
  expect_status 0 env LUA_CPATH="$products/lib?lua.so" lua5.4 "$root/examples/$name.lua" "$@"
}

test_smallest() {
  run_example smallest --quick --model lenet300
  expect_text "$output" "at most 26661 bytes"
}

test_low_bits() {
  run_example low_bits --quick
  expect_text "$output" "binary weights"
}

test_fewer_filters() {
  run_example fewer_filters --quick
  expect_text "$output" "times fewer MACs"
}

test_pruning() {
  run_example pruning --quick --only criteria
  expect_text "$output" "lamp"
}

test_distillation() {
  run_example distillation --quick
  expect_text "$output" "transfer: slice"
}

test_wrong_options() {
  local name
  for name in smallest low_bits fewer_filters pruning distillation optimize; do
    expect_status 2 env LUA_CPATH="$products/lib?lua.so" lua5.4 "$root/examples/$name.lua" --nothing
    expect_text "$output" "usage: $name.lua"
  done
}
