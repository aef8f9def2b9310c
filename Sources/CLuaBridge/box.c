/* Userdata: a box around one retained Swift object. */
#include "bridge.h"

wane_box *wane_box_at(lua_State *L, const wane_module *module, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || lua_rawlen(L, index) != sizeof(wane_box)) return NULL;
  wane_box *box = lua_touserdata(L, index);
  return box->module == module ? box : NULL;
}

void *wane_object(const wane_call *call, int32_t index, uint32_t *noun, bool *closed) {
  wane_box *box = wane_box_at(call->L, call->module, index);
  *closed = box && !box->object;
  *noun = box ? box->noun : 0;
  return box ? box->object : NULL;
}

void *wane_boxed_object(lua_State *L, const wane_module *module, int32_t index, uint32_t *noun) {
  wane_box *box = wane_box_at(L, module, index);
  *noun = box ? box->noun : 0;
  return box ? box->object : NULL;
}

/* The box exists, with its finalizer, before it takes the object over: no error can lose it. */
void wane_push_box(lua_State *L, const wane_module *module, uint32_t noun, void **object,
                   int held) {
  luaL_checkstack(L, 3, NULL);
  wane_box *box = lua_newuserdatauv(L, sizeof *box, held);
  *box = (wane_box){.module = module, .noun = noun};
  lua_rawgetp(L, LUA_REGISTRYINDEX, &module->nouns[noun]);
  lua_setmetatable(L, -2);
  box->object = *object;
  *object = NULL;
}
