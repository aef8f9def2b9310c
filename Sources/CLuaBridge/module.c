/* Building the module table and the metatables when Lua opens the module. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "bridge.h"

void wane_pin_library(void) {
  Dl_info info;
  if (dladdr((void *)&wane_pin_library, &info) && info.dli_fname) {
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  }
}

static void push_closure(lua_State *L, wane_state *state, uint32_t member, lua_CFunction function) {
  lua_pushinteger(L, member);
  lua_pushlightuserdata(L, state);
  lua_pushcclosure(L, function, 2);
}

void wane_push_member(lua_State *L, wane_state *state, uint32_t member) {
  push_closure(L, state, member, wane_trampoline);
}

/* ---- Metamethods that every box has -------------------------------------------------------- */

/* upvalue: the module. Gives up the object; called by `__gc` and `__close`, any number of times. */
static int box_release(lua_State *L) {
  const wane_module *module = lua_touserdata(L, lua_upvalueindex(1));
  wane_box *box = wane_box_at(L, module, 1);
  if (box && box->object) {
    void *object = box->object;
    box->object = NULL;
    module->release(object);
  }
  return 0;
}

/* Two boxes are equal when they hold the same object. */
static int box_equal(lua_State *L) {
  const wane_module *module = lua_touserdata(L, lua_upvalueindex(1));
  wane_box *a = wane_box_at(L, module, 1), *b = wane_box_at(L, module, 2);
  lua_pushboolean(L, a && b && a->object && a->object == b->object);
  return 1;
}

static int box_describe(lua_State *L) {
  const wane_module *module = lua_touserdata(L, lua_upvalueindex(1));
  wane_box *box = wane_box_at(L, module, 1);
  if (!box) return luaL_error(L, "not an object of %s", module->name);
  const char *name = module->nouns[box->noun].name;
  if (box->object)
    lua_pushfstring(L, "%s: %p", name, box->object);
  else
    lua_pushfstring(L, "%s (closed)", name);
  return 1;
}

/* `__tostring` of a noun that has its own: upvalues as of the trampoline. A closed object
 * still prints. */
static int box_tostring(lua_State *L) {
  wane_state *state = lua_touserdata(L, lua_upvalueindex(WANE_UPVALUE_STATE));
  wane_box *box = wane_box_at(L, state->module, 1);
  if (!box || box->object) return wane_trampoline(L);
  lua_pushfstring(L, "%s (closed)", state->module->nouns[box->noun].name);
  return 1;
}

static int box_read_only(lua_State *L) {
  const wane_module *module = lua_touserdata(L, lua_upvalueindex(1));
  wane_box *box = wane_box_at(L, module, 1);
  const char *name = box ? module->nouns[box->noun].name : "object";
  const char *key = luaL_tolstring(L, 2, NULL);
  return luaL_error(L, "a %s cannot be changed: no field '%s' to set", name, key);
}

/* `__index` of a noun with computed fields or an index function: methods, then fields, then that
 * function (upvalue 1, a member number or nil). */
static int box_index(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(WANE_UPVALUE_METHODS)) != LUA_TNIL) return 1;
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  bool field = lua_rawget(L, lua_upvalueindex(WANE_UPVALUE_FIELDS)) == LUA_TNUMBER;
  if (!field && lua_isnil(L, lua_upvalueindex(WANE_UPVALUE_MEMBER))) return 1;
  int member = field ? -1 : lua_upvalueindex(WANE_UPVALUE_MEMBER);
  uint32_t number = (uint32_t)lua_tointegerx(L, member, NULL);
  lua_settop(L, 2);
  return wane_run(L, lua_touserdata(L, lua_upvalueindex(WANE_UPVALUE_STATE)), number);
}

/* ---- Metatables ---------------------------------------------------------------------------- */

static void set_default(lua_State *L, const wane_module *module, const char *name,
                        lua_CFunction function) {
  lua_pushlightuserdata(L, (void *)module);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

/* Stack: metatable. Sets `__index`: a plain table of methods where that is enough; it is faster. */
static void set_index(lua_State *L, wane_state *state, uint32_t noun) {
  const wane_module *module = state->module;
  bool plain = true;
  lua_newtable(L); /* methods */
  lua_newtable(L); /* fields: name -> member number */
  lua_pushnil(L);  /* index function */
  for (uint32_t i = 0; i < module->member_count; i++) {
    const wane_member *member = &module->members[i];
    if (member->noun != noun || member->role == WANE_ROLE_FUNCTION) continue;
    if (member->role == WANE_ROLE_METHOD) {
      wane_push_member(L, state, i);
      lua_setfield(L, -4, member->name);
    } else if (member->role == WANE_ROLE_FIELD) {
      lua_pushinteger(L, i);
      lua_setfield(L, -3, member->name);
      plain = false;
    } else if (strcmp(member->name, "__index") == 0) {
      lua_pushinteger(L, i);
      lua_replace(L, -2);
      plain = false;
    }
  }
  if (plain) {
    lua_pop(L, 2);
  } else {
    /* [methods fields member] -> [member state methods fields] */
    lua_insert(L, -3);
    lua_pushlightuserdata(L, state);
    lua_insert(L, -3);
    lua_pushcclosure(L, box_index, 4);
  }
  lua_setfield(L, -2, "__index");
}

static void make_metatable(lua_State *L, wane_state *state, uint32_t noun) {
  const wane_module *module = state->module;
  lua_newtable(L);
  lua_pushstring(L, module->nouns[noun].name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  set_default(L, module, "__eq", box_equal);
  set_default(L, module, "__tostring", box_describe);
  set_default(L, module, "__newindex", box_read_only);
  for (uint32_t i = 0; i < module->member_count; i++) {
    const wane_member *member = &module->members[i];
    if (member->noun != noun || member->role != WANE_ROLE_METAMETHOD) continue;
    bool describes = strcmp(member->name, "__tostring") == 0;
    push_closure(L, state, i, describes ? box_tostring : wane_trampoline);
    lua_setfield(L, -2, member->name);
  }
  set_index(L, state, noun);
  set_default(L, module, "__gc", box_release);
  set_default(L, module, "__close", box_release);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module->nouns[noun]);
}

/* ---- The module table ---------------------------------------------------------------------- */

/* Stack: module table. Pushes the table at a dotted path inside it, making what is missing. */
static void push_table_at(lua_State *L, const char *path) {
  lua_pushvalue(L, -1);
  while (*path) {
    size_t length = strcspn(path, ".");
    lua_pushlstring(L, path, length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TTABLE) {
      lua_pop(L, 1);
      lua_newtable(L);
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, -5);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
    path += length + (path[length] == '.');
  }
}

static void set_functions(lua_State *L, wane_state *state) {
  const wane_module *module = state->module;
  for (uint32_t i = 0; i < module->member_count; i++) {
    const wane_member *member = &module->members[i];
    if (member->role != WANE_ROLE_FUNCTION) continue;
    push_table_at(L, member->table);
    wane_push_member(L, state, i);
    lua_setfield(L, -2, member->name);
    lua_pop(L, 1);
  }
  for (uint32_t i = 0; i < module->constant_count; i++) {
    const wane_constant *constant = &module->constants[i];
    push_table_at(L, constant->table);
    if (constant->string)
      lua_pushstring(L, constant->string);
    else if (constant->number == (double)(int32_t)constant->number)
      lua_pushinteger(L, (lua_Integer)constant->number);
    else
      lua_pushnumber(L, constant->number);
    lua_setfield(L, -2, constant->name);
    lua_pop(L, 1);
  }
}

/* package.preload function of a module written in Lua. upvalue: its wane_source. */
static int load_source(lua_State *L) {
  const wane_source *source = lua_touserdata(L, lua_upvalueindex(1));
  const char *chunk = lua_pushfstring(L, "=%s", source->name);
  if (luaL_loadbufferx(L, source->bytes, source->length, chunk, "t") != LUA_OK) return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static void preload_sources(lua_State *L, const wane_module *module) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (uint32_t i = 0; i < module->source_count; i++) {
    const wane_source *source = &module->sources[i];
    if (lua_getfield(L, -1, source->name) == LUA_TNIL) {
      lua_pushlightuserdata(L, (void *)source);
      lua_pushcclosure(L, load_source, 1);
      lua_setfield(L, -3, source->name);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

int wane_open(lua_State *L, const wane_module *module) {
  luaL_checkversion(L);
  luaL_checkstack(L, 16, NULL);
  wane_state *state = NULL;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, module) == LUA_TUSERDATA) state = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!state) {
    state = lua_newuserdatauv(L, sizeof *state, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    *state = (wane_state){.module = module, .main = lua_tothread(L, -1)};
    lua_pop(L, 1);
    for (uint32_t i = 0; i < module->noun_count; i++) make_metatable(L, state, i);
    preload_sources(L, module);
    lua_rawsetp(L, LUA_REGISTRYINDEX, module);
  }
  lua_newtable(L);
  set_functions(L, state);
  return 1;
}
