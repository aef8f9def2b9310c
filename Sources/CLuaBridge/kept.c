/* Values that Swift keeps alive beyond a call, in Lua's registry. */
#include "bridge.h"

static int keep(lua_State *L) {
  lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
  return 1;
}

int32_t wane_keep(wane_call *call, int32_t index) {
  lua_State *L = call->L;
  if (!lua_checkstack(L, 4)) return LUA_NOREF;
  index = lua_absindex(L, index);
  lua_pushcfunction(L, keep);
  lua_pushvalue(L, index);
  int32_t reference = LUA_NOREF;
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) reference = (int32_t)lua_tointegerx(L, -1, NULL);
  lua_pop(L, 1);
  return reference;
}

bool wane_push_kept(wane_call *call, int32_t reference) {
  if (!lua_checkstack(call->L, 4)) return false;
  return lua_rawgeti(call->L, LUA_REGISTRYINDEX, reference) != LUA_TNIL;
}

/* Writes to slots that exist, so it allocates nothing and cannot raise. */
void wane_release_kept(wane_state *state, int32_t reference) {
  if (lua_checkstack(state->main, 4)) luaL_unref(state->main, LUA_REGISTRYINDEX, reference);
}
