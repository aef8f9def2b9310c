/* Where `require "waneprobe"` enters the module that the tests of the Lua border use. */
#ifndef WANE_LUAOPEN_PROBE_H
#define WANE_LUAOPEN_PROBE_H

#include "wane_bridge.h"

int luaopen_waneprobe(lua_State *L);

#endif
