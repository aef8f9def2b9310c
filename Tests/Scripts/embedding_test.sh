# shellcheck shell=bash disable=SC2154
# Programs in C that embed Lua, and load the module from there.

compile() { # compile SOURCE PROGRAM
  # shellcheck disable=SC2046 # Several words are meant.
  cc -O1 -Wall -Wextra $(pkg-config --cflags lua5.4) -o "$2" "$1" $(pkg-config --libs lua5.4)
}

test_example_of_a_host() {
  cp -r "$root/examples/embed_c" host
  make -C host test LUA_CPATH="$products/lib?lua.so"
}

test_host_runs_a_script() {
  compile "$root/examples/embed_c/host.c" host
  echo 'print(math.type(require "wane".threads()))' >script.lua
  expect_equal "$(LUA_CPATH="$products/lib?lua.so" ./host script.lua)" integer
  echo 'require "wane".nn.conv2d { -1, 3 }' >wrong.lua
  expect_status 1 env LUA_CPATH="$products/lib?lua.so" ./host wrong.lua
  expect_text "$output" conv2d
}

# Each allocation that Lua makes fails once.
test_lua_without_memory() {
  compile "$root/Tests/Lua/memory_errors.c" memory_errors
  LUA_CPATH="$products/lib?.so" ./memory_errors
}

# A handler's frame must not fall on data that a library keeps below the stack pointer.
test_signals_while_a_model_works() {
  compile "$root/Tests/Lua/signals.c" signals
  LUA_CPATH="$products/lib?lua.so" ./signals
}

test_threads_with_states_of_their_own() {
  compile "$root/Tests/Lua/threads.c" threads
  LUA_CPATH="$products/lib?lua.so" ./threads
}
