#define _GNU_SOURCE
#include "wane_session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Setting up ---------------------------------------------------------------------------- */

typedef struct setup {
  const wane_module *module;
  int argc;
  char *const *argv;
  int script;
  bool ignore_environment;
} setup;

static int open_module(lua_State *L) {
  return wane_open(L, lua_touserdata(L, lua_upvalueindex(1)));
}

static int print_help(lua_State *L) {
  lua_settop(L, lua_gettop(L) > 0 ? 1 : 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  lua_getglobal(L, "print");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  return 0;
}

static int open_protected(lua_State *L) {
  const setup *s = lua_touserdata(L, 1);
  luaL_checkversion(L);
  if (s->ignore_environment) {
    lua_pushboolean(L, 1); /* luaL_openlibs reads no environment then */
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  luaL_openlibs(L);
  lua_createtable(L, s->argc, 2);
  for (int i = 0; i < s->argc; i++) {
    lua_pushstring(L, s->argv[i]);
    lua_rawseti(L, -2, i - s->script);
  }
  lua_setglobal(L, "arg");

  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushlightuserdata(L, (void *)s->module);
  lua_pushcclosure(L, open_module, 1);
  lua_setfield(L, -2, s->module->name);
  lua_getglobal(L, "require");
  lua_pushstring(L, s->module->name);
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "help");
  lua_pushcclosure(L, print_help, 1);
  lua_setglobal(L, "help");
  lua_setglobal(L, s->module->name);
  return 0;
}

int wane_session_open(lua_State *L, const wane_module *module, int argc, char *const *argv,
                      int script, bool ignore_environment) {
  setup s = {module, argc, argv, script, ignore_environment};
  lua_pushcfunction(L, open_protected);
  lua_pushlightuserdata(L, &s);
  return lua_pcall(L, 1, 0, 0);
}

/* ---- Loading and calling ------------------------------------------------------------------- */

static int load_file_protected(lua_State *L) {
  const char *path = lua_touserdata(L, 1);
  if (luaL_loadfilex(L, path, NULL) != LUA_OK) return lua_error(L);
  return 1;
}

int wane_session_load_file(lua_State *L, const char *path) {
  if (path && strcmp(path, "-") == 0) path = NULL;
  lua_pushcfunction(L, load_file_protected);
  lua_pushlightuserdata(L, (void *)path);
  return lua_pcall(L, 1, 1, 0);
}

static int require_protected(lua_State *L) {
  const char *module = lua_touserdata(L, 1), *name = lua_touserdata(L, 2);
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  lua_call(L, 1, 1);
  if (name) {
    lua_setglobal(L, name);
    return 0;
  }
  const char *mark = strchr(module, '-'); /* as lua.c: what follows a mark is a version */
  lua_pushlstring(L, module, mark ? (size_t)(mark - module) : strlen(module));
  lua_insert(L, -2);
  lua_pushglobaltable(L);
  lua_insert(L, -3);
  lua_settable(L, -3);
  return 0;
}

int wane_session_require(lua_State *L, const char *module, const char *name) {
  lua_pushcfunction(L, require_protected);
  lua_pushlightuserdata(L, (void *)module);
  lua_pushlightuserdata(L, (void *)name);
  return wane_session_call(L, 2, 0);
}

static int with_traceback(lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    lua_replace(L, 1);
    lua_settop(L, 1);
  }
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

/* The state whose code Ctrl-C shall stop; NULL while none runs. */
static lua_State *volatile running;
static volatile sig_atomic_t ignored;

static void raise_interrupt(lua_State *L, lua_Debug *info) {
  (void)info;
  lua_sethook(L, NULL, 0, 0);
  wane_interrupt_clear();
  luaL_error(L, "interrupted!");
}

int wane_session_call(lua_State *L, int arguments, int results) {
  int base = lua_gettop(L) - arguments;
  lua_pushcfunction(L, with_traceback);
  lua_insert(L, base);
  lua_State *outer = running;
  wane_interrupt_clear();
  ignored = 0;
  running = L;
  int status = lua_pcall(L, arguments, results, base);
  running = outer;
  ignored = 0;
  wane_interrupt_clear();
  if (lua_gethook(L) == raise_interrupt) lua_sethook(L, NULL, 0, 0);
  lua_remove(L, base);
  return status;
}

/* ---- Printing ------------------------------------------------------------------------------ */

/* Stack: values to print, then width and colour. */
static int print_protected(lua_State *L) {
  int count = lua_gettop(L) - 2;
  if (!lua_isnil(L, 1)) {
    lua_pushvalue(L, 1);
    lua_setglobal(L, "_");
  }
  lua_getglobal(L, "require");
  lua_pushliteral(L, "wane.pretty");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "results");
  lua_remove(L, -2);
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, count + 1);
  lua_setfield(L, -2, "width");
  lua_pushvalue(L, count + 2);
  lua_setfield(L, -2, "color");
  for (int i = 1; i <= count; i++) lua_pushvalue(L, i);
  lua_call(L, count + 1, 1);
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  if (text) fwrite(text, 1, length, stdout);
  fputc('\n', stdout);
  fflush(stdout);
  return 0;
}

int wane_session_print(lua_State *L, int count, int width, bool color) {
  if (!lua_checkstack(L, count + 8)) {
    lua_settop(L, -count - 1);
    lua_pushnil(L);
    return LUA_ERRMEM;
  }
  lua_pushcfunction(L, print_protected);
  lua_insert(L, -count - 1);
  lua_pushinteger(L, width);
  lua_pushboolean(L, color);
  return wane_session_call(L, count + 2, 0);
}

/* ---- Ctrl-C -------------------------------------------------------------------------------- */

static void on_interrupt(int number) {
  wane_interrupt_request();
  lua_State *L = running;
  if (!L) return;
  /* For Lua code; native code looks at the request. lua_sethook is safe in a signal handler. */
  lua_sethook(L, raise_interrupt, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
  if (++ignored >= 3) {
    signal(number, SIG_DFL);
    raise(number);
  }
}

void wane_session_handle_interrupts(void) {
  struct sigaction action = {.sa_handler = on_interrupt};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}
