/* A C program that embeds Lua 5.4 and uses Wane from the Lua code it runs.
 *
 *   make && ./host script.lua          (or without a script: says which version it found)
 *
 * The program links liblua5.4; wane.so takes the Lua functions it needs from the program. A program
 * that links Lua statically must export them: -Wl,--export-dynamic.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

static const char *const BUILT_IN =
    "local wane = require 'wane'\n"
    "print('wane ' .. wane.version)\n"
    "assert(#wane.help(wane.help) > 0)\n";

/* One Lua state from birth to death. Any number of them may load Wane, in turn or at once. */
static int run(const char *script) {
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  int failed = script ? luaL_dofile(L, script) : luaL_dostring(L, BUILT_IN);
  if (failed) fprintf(stderr, "host: %s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed;
}

int main(int argc, char **argv) {
  if (argc > 1) return run(argv[1]);
  for (int i = 0; i < 3; i++) {
    if (run(NULL)) return 1;
  }
  puts("three states, one after the other: ok");
  return 0;
}
