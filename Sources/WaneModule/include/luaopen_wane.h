/* Where `require "wane"` enters the module. */
#ifndef WANE_LUAOPEN_H
#define WANE_LUAOPEN_H

#include "wane_bridge.h"

int luaopen_wane(lua_State *L);

#endif
