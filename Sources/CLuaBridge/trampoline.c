/* The one C function behind every function that Lua sees, and the raising of errors.
 *
 * Order of one call: Swift works and returns a status; the collector hears of its bytes; then, with
 * no Swift frame on the stack, results are pushed, an error is raised, or a callback is called.
 */
#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#include "wane_memory.h"

_Static_assert(sizeof(lua_KContext) >= 8, "a continuation packs two numbers into 64 bits");

static void begin(wane_call *call, lua_State *L, wane_state *state, uint32_t member) {
  call->L = L;
  call->state = state;
  call->module = state->module;
  call->member = member;
  call->base = 0;
  call->count = lua_gettop(L);
  call->continuation = NULL;
  call->argument = 0;
  call->hook = lua_gethook(state->main);
  wane_tape_init(call);
}

/* Moves the error message from the call to the stack. Frees what the call owns, also when there is
 * no memory for the message; then the error on the stack is Lua's own about memory. */
static bool push_message(wane_call *call) {
  lua_State *L = call->L;
  if (!call->owns) { /* all of it lies in this C frame: nothing leaks if lua_pushlstring raises */
    lua_pushlstring(L, call->bytes, call->byte_count);
    return true;
  }
  bool pushed = wane_tape_push(call) == LUA_OK;
  wane_tape_free(call);
  return pushed;
}

static int raise_error(wane_call *call) {
  lua_State *L = call->L;
  if (push_message(call)) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

/* Same words and numbering as luaL_argerror, but the name is known even under pcall. */
static int raise_argument_error(wane_call *call) {
  lua_State *L = call->L;
  const char *name = call->module->members[call->member].name;
  int argument = call->argument;
  if (!push_message(call)) return lua_error(L);
  const char *message = lua_tostring(L, -1);
  lua_Debug info;
  bool is_known = lua_getstack(L, 0, &info) && lua_getinfo(L, "n", &info);
  bool is_call = strcmp(name, "__call") == 0; /* of an object, as if it were a function */
  if (is_call) name = is_known && info.name ? info.name : "call";
  if (is_call || (is_known && strcmp(info.namewhat, "method") == 0)) {
    argument--;
    if (argument == 0) return luaL_error(L, "calling '%s' on bad self (%s)", name, message);
  }
  return luaL_error(L, "bad argument #%d to '%s' (%s)", argument, name, message);
}

/* Leaves [.. box] [callee, arguments ..] on the stack, the box at index `*slot`. The box keeps the
 * Swift state of the running work alive while Lua runs, and the collector frees it if Lua never
 * comes back. The tape of a callback begins with that state. */
static bool prepare_callback(wane_call *call, int *slot) {
  lua_State *L = call->L;
  if (*slot == 0) {
    *slot = lua_gettop(L) + 1;
    return wane_tape_push(call) == LUA_OK;
  }
  wane_box *box = lua_touserdata(L, *slot); /* not the first callback of this call: reuse the box */
  void *finished = box->object;
  box->object = call->values[0].object;
  call->values[0] = (wane_value){.kind = WANE_NIL};
  if (finished) call->module->release(finished);
  int garbage = lua_gettop(L) - *slot + 1; /* what the last callback returned, and this nil */
  if (wane_tape_push(call) != LUA_OK) return false;
  lua_rotate(L, *slot + 1, -garbage);
  lua_pop(L, garbage);
  return true;
}

/* Gives Lua what a call ended with: results or an error. */
static int finish(wane_call *call, int32_t status) {
  lua_State *L = call->L;
  if (call->out_of_memory) {
    wane_tape_free(call);
    return luaL_error(L, "not enough memory");
  }
  switch (status) {
    case WANE_OK:
      if (!call->owns) { /* nothing to lose: push without protection */
        wane_tape_push_plain(call);
        return (int)call->results;
      }
      status = wane_tape_push(call);
      wane_tape_free(call);
      return status == LUA_OK ? (int)call->results : lua_error(L);
    case WANE_ARGUMENT_ERROR:
      return raise_argument_error(call);
    case WANE_RERAISE:
      wane_tape_free(call);
      return lua_error(L);
    case WANE_INTERRUPTED:
      wane_interrupt_served(call);
      push_message(call);
      return lua_error(L);
    default:
      return raise_error(call);
  }
}

/* What a continuation has to know: the member, and the stack index of the box with its state. */
static lua_KContext pack(uint32_t member, int slot) {
  return (lua_KContext)((uint64_t)member << 32 | (uint32_t)slot);
}

static void begin_again(wane_call *call, lua_State *L, lua_KContext context) {
  wane_state *state = lua_touserdata(L, lua_upvalueindex(WANE_UPVALUE_STATE));
  begin(call, L, state, (uint32_t)(context >> 32));
  call->base = (int32_t)(context & INT32_MAX);
  call->count = lua_gettop(L) - call->base;
  call->continuation = ((wane_box *)lua_touserdata(L, call->base))->object;
}

static int resume(lua_State *L, int status, lua_KContext context);

/* Lets Swift work and calls back into Lua, in turn, until Swift is done. */
static int drive(wane_call *call) {
  for (;;) {
    lua_State *L = call->L;
    int32_t status = call->module->dispatch(call);
    wane_account(L, call->state);
    if (status != WANE_CALL || call->out_of_memory) return finish(call, status);
    int slot = call->base;
    bool prepared = prepare_callback(call, &slot);
    wane_tape_free(call);
    if (!prepared) return lua_error(L);
    lua_KContext context = pack(call->member, slot);
    lua_callk(L, lua_gettop(L) - slot - 1, LUA_MULTRET, context, resume);
    begin_again(call, L, context);
  }
}

/* Goes on after a callback that yielded: the C frames of `drive` are gone then. */
static int resume(lua_State *L, int status, lua_KContext context) {
  (void)status; /* lua_callk comes back only when all went well */
  wane_call call;
  begin_again(&call, L, context);
  return drive(&call);
}

int wane_run(lua_State *L, wane_state *state, uint32_t member) {
  wane_call call;
  begin(&call, L, state, member);
  return drive(&call);
}

int wane_trampoline(lua_State *L) {
  return wane_run(L, lua_touserdata(L, lua_upvalueindex(WANE_UPVALUE_STATE)),
                  (uint32_t)lua_tointegerx(L, lua_upvalueindex(WANE_UPVALUE_MEMBER), NULL));
}

int64_t wane_member_number(lua_State *L, const wane_module *module, int32_t index) {
  if (lua_tocfunction(L, index) != wane_trampoline) return -1;
  if (!lua_getupvalue(L, index, WANE_UPVALUE_STATE)) return -1;
  const wane_state *state = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!state || state->module != module) return -1;
  if (!lua_getupvalue(L, index, WANE_UPVALUE_MEMBER)) return -1;
  int64_t number = lua_tointegerx(L, -1, NULL);
  lua_pop(L, 1);
  return number;
}

/* Pushes what the tape holds; on failure an error. */
static int push_call(wane_call *call) {
  int status = call->out_of_memory ? LUA_ERRMEM : wane_tape_push(call);
  if (call->out_of_memory) lua_pushnil(call->L);
  wane_tape_free(call);
  wane_tape_init(call);
  return status;
}

int wane_call_now(wane_call *call) {
  lua_State *L = call->L;
  int top = lua_gettop(L);
  int status = push_call(call);
  if (status != LUA_OK) return status;
  return lua_pcall(L, lua_gettop(L) - top - 1, LUA_MULTRET, 0);
}

/* What is raised again from here would lose where it came from. */
static int add_traceback(lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING) luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

int wane_call_now_traced(wane_call *call) {
  lua_State *L = call->L;
  int top = lua_gettop(L);
  if (!lua_checkstack(L, 4)) {
    wane_tape_free(call);
    wane_tape_init(call);
    lua_pushnil(L); /* there is room for one: LUA_MINSTACK are free in each call */
    return LUA_ERRMEM;
  }
  lua_pushcfunction(L, add_traceback);
  int status = push_call(call);
  if (status == LUA_OK) status = lua_pcall(L, lua_gettop(L) - top - 2, LUA_MULTRET, top + 1);
  lua_remove(L, top + 1);
  return status;
}

void wane_allocated(wane_call *call, int64_t bytes) {
  if (bytes > 0) call->state->pending_bytes += bytes;
}

void wane_account(lua_State *L, wane_state *state) {
  enum { STEP = 1 << 20 };
  state->pending_bytes += wane_external_bytes_take();
  if (state->pending_bytes < STEP) return;
  int64_t kilobytes = state->pending_bytes >> 10;
  state->pending_bytes = 0;
  /* LUA_GCSTEP runs even where the user has stopped the collector. */
  if (!lua_gc(L, LUA_GCISRUNNING)) return;
  lua_gc(L, LUA_GCSTEP, (int)(kilobytes < 1 << 30 ? kilobytes : 1 << 30));
}
