/* Lua without memory: every allocation from the k-th on fails, for k = 0, 1, 2 ... Each script must
 * end with its result or with a memory error, and in the end no Swift object may be alive.
 *
 *   cc memory_errors.c -llua5.4 && LUA_CPATH=... ./a.out
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long left = -1; /* allocations until they fail; negative: never */

static void *allocate(void *data, void *block, size_t old, size_t size) {
  (void)data;
  if (size == 0) {
    free(block);
    return NULL;
  }
  if (left >= 0 && (block == NULL || size > old)) {
    if (left == 0) return NULL;
    left--;
  }
  return realloc(block, size);
}

static const char *const SCRIPTS[] = {
    "return p.add(1, 2)",
    "return p.block(100)",
    "return p.text(100), p.text(3000)",
    "return p.tree(100)",
    "return p.block(100).twin",
    "return p.prune(nil, { sparsity = 0.5, data = p.block(10), on_epoch = function() return 1 end "
    "})",
    "return p.each(20, function(i) return i end)",
    "return p.each(2, function(i) error 'x' end)",
    "return p.now(function(b) return #b end)",
    "return p.holder(function() return p.block(5) end):invoke(1)",
    "return p.fail_late()",
    "return p.fail_long(3000)",
    "return p.block(10):get(20)",
    "return tostring(p.block(10)), p.help(p.prune)",
    "return p.echo({ { 1, { p.block(7), print } }, x = 'y' })",
    "for k, v in pairs(p.block(10)) do end",
};

static long live(lua_State *L) {
  if (luaL_dostring(L, "collectgarbage() collectgarbage() return p.live()")) return -1;
  long count = (long)lua_tointeger(L, -1);
  lua_settop(L, 0);
  return count;
}

int main(void) {
  lua_State *L = lua_newstate(allocate, NULL);
  luaL_openlibs(L);
  if (luaL_dostring(L, "p = require 'waneprobe'")) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 2;
  }
  long before = live(L), runs = 0, memory_errors = 0;
  for (size_t s = 0; s < sizeof SCRIPTS / sizeof *SCRIPTS; s++) {
    for (long k = 0; k < 120; k++) {
      luaL_loadstring(L, SCRIPTS[s]);
      left = k;
      int status = lua_pcall(L, 0, LUA_MULTRET, 0);
      left = -1;
      runs++;
      const char *message = status ? luaL_tolstring(L, -1, NULL) : "";
      memory_errors += status == LUA_ERRMEM || strstr(message, "not enough memory");
      lua_settop(L, 0);
    }
  }
  long after = live(L);
  /* Opening the module without memory. */
  for (long k = 0; k < 4000; k++) {
    lua_State *M = lua_newstate(allocate, NULL);
    luaL_openlibs(M);
    luaL_loadstring(M, "local p = require 'waneprobe' return p.add(1, 2), p.block(10):size()");
    left = k;
    int status = lua_pcall(M, 0, LUA_MULTRET, 0);
    left = -1;
    lua_close(M);
    if (status == LUA_OK) break;
  }
  printf("%ld runs, %ld memory errors, %ld objects left\n", runs, memory_errors, after - before);
  lua_close(L);
  return after == before ? 0 : 1;
}
