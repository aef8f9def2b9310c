/* This target is C because opening may raise a Lua error, which must not cross a Swift frame. */
#include "luaopen_wane.h"

/* In WaneLua: the C description of the registry. */
const wane_module *wane_lua_module(void);

int luaopen_wane(lua_State *L) {
  wane_pin_library();
  return wane_open(L, wane_lua_module());
}
