/* Ctrl-C. Two ways lead here: the `wane` executable's signal handler sets a flag; the handler of
 * stock lua5.4 installs a hook in the main thread, which native code sees but does not run. */
#include <stdatomic.h>

#include "bridge.h"

static atomic_bool requested;

void wane_interrupt_request(void) { atomic_store(&requested, true); }

bool wane_interrupt_requested(void) {
  return atomic_load_explicit(&requested, memory_order_relaxed);
}

void wane_interrupt_clear(void) { atomic_store(&requested, false); }

bool wane_interrupted(const wane_call *call) {
  if (wane_interrupt_requested()) return true;
  lua_Hook hook = lua_gethook(call->state->main);
  return hook && hook != call->hook;
}

/* A hook that asks for every event after one instruction is lua.c's: it exists to raise one error,
 * which the call raises itself. Another host's hook (a time limit, say) stays and speaks for
 * itself. */
void wane_interrupt_served(const wane_call *call) {
  enum { EVERY_EVENT = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT };
  wane_interrupt_clear();
  lua_State *main = call->state->main;
  if (lua_gethookmask(main) == EVERY_EVENT && lua_gethookcount(main) == 1) {
    lua_sethook(main, NULL, 0, 0);
  }
}
