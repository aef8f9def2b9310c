/* Lua 5.4's headers, wherever the system keeps them, and the API that exists only as macros.
 *
 * Nothing here links Lua: the module leaves lua_* undefined, because the host owns its Lua.
 */
#ifndef WANE_LUA_H
#define WANE_LUA_H

#if __has_include(<lua5.4/lua.h>) /* Debian, Alpine, openSUSE, Homebrew */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <lua5.4/lualib.h>
#elif __has_include(<lua.h>) /* Fedora, Arch, or CPATH */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#else
#error "the headers of Lua 5.4 are missing (Debian: liblua5.4-dev)"
#endif

#if LUA_VERSION_NUM != 504
#error "wane needs Lua 5.4"
#endif

static inline void wane_lua_pop(lua_State *L, int count) { lua_settop(L, -count - 1); }

static inline int wane_lua_pcall(lua_State *L, int arguments, int results, int handler) {
  return lua_pcallk(L, arguments, results, handler, 0, NULL);
}

static inline int wane_lua_registry_index(void) { return LUA_REGISTRYINDEX; }

#endif
