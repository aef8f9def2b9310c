#include "luaopen_waneprobe.h"

/* In BoundaryProbe. */
const wane_module *wane_probe_module(void);

int luaopen_waneprobe(lua_State *L) {
  wane_pin_library();
  return wane_open(L, wane_probe_module());
}
