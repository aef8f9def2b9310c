/* What the C files of the border share among themselves. */
#ifndef WANE_BRIDGE_PRIVATE_H
#define WANE_BRIDGE_PRIVATE_H

#include "include/wane_bridge.h"

/* Upvalues of the trampoline, and of the function behind `__index`. */
enum {
  WANE_UPVALUE_MEMBER = 1,
  WANE_UPVALUE_STATE = 2,
  WANE_UPVALUE_METHODS = 3,
  WANE_UPVALUE_FIELDS = 4,
};

/* A userdata: one retained Swift object. */
typedef struct wane_box {
  const wane_module *module; /* tells our boxes from other people's userdata */
  uint32_t noun;
  void *object; /* NULL once closed or collected */
} wane_box;

enum { WANE_NOUN_CONTINUATION = 0 };

int wane_trampoline(lua_State *L);
int wane_run(lua_State *L, wane_state *state, uint32_t member);

/* The box at a stack index, or NULL. */
wane_box *wane_box_at(lua_State *L, const wane_module *module, int index);
void wane_push_box(lua_State *L, const wane_module *module, uint32_t noun, void **object, int held);
void wane_push_member(lua_State *L, wane_state *state, uint32_t member);

void wane_tape_init(wane_call *call);
/* Releases the objects that no box took over, and the memory. */
void wane_tape_free(wane_call *call);
/* Pushes a tape of plain values; may raise. */
void wane_tape_push_plain(wane_call *call);
/* Pushes any tape in protected mode. Returns a Lua status; an error value then stands on top. */
int wane_tape_push(wane_call *call);
/* Puts a continuation's box before everything else. */
void wane_tape_prepend_object(wane_call *call, void *object);

#endif
