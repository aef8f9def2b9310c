/* The border between Lua and Swift.
 *
 * Lua raises errors with longjmp, which must never cross a Swift frame. So every function that Lua
 * sees is one C closure, `wane_trampoline`, which fills a `wane_call`, lets Swift work on it, and
 * only then - with no Swift frame left on the stack - pushes the results, raises the error, or
 * calls back into Lua. Swift itself uses only the Lua API that cannot raise.
 *
 * What this file does not do: read arguments (Swift does), know any tensor or model, start a state.
 */
#ifndef WANE_BRIDGE_H
#define WANE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wane_lua.h"

/* ---- What a module consists of ------------------------------------------------------------ */

typedef enum wane_role {
  WANE_ROLE_FUNCTION,   /* module.table.name */
  WANE_ROLE_METHOD,     /* object:name() */
  WANE_ROLE_FIELD,      /* object.name, computed */
  WANE_ROLE_METAMETHOD, /* name is "__add", ... */
} wane_role;

/* One function that Lua can reach. Its number is its place in `wane_module.members`. */
typedef struct wane_member {
  wane_role role;
  uint32_t noun;     /* of a method, field or metamethod */
  const char *table; /* of a function: dotted path inside the module, "" for the module itself */
  const char *name;
} wane_member;

/* A kind of userdata. The address of this record is the registry key of its metatable. */
typedef struct wane_noun {
  const char *name;
} wane_noun;

/* A plain value in the module table; a string when `string` is not NULL. */
typedef struct wane_constant {
  const char *table;
  const char *name;
  const char *string;
  double number;
} wane_constant;

/* A module written in Lua, made available to `require` under `name`. */
typedef struct wane_source {
  const char *name;
  const char *bytes;
  size_t length;
} wane_source;

typedef struct wane_call wane_call;

/* A module: all of it lives as long as the process. Noun 0 is the internal one of continuations. */
typedef struct wane_module {
  const char *name;
  const wane_noun *nouns;
  const wane_member *members;
  const wane_constant *constants;
  const wane_source *sources;
  uint32_t noun_count, member_count, constant_count, source_count;

  int32_t (*dispatch)(wane_call *call); /* runs a member; returns a wane_status */
  void (*release)(void *object);        /* gives up one retained object */
  const void *registry;                 /* whatever `dispatch` needs */
} wane_module;

/* Builds the module table on the stack, or raises a Lua error. Body of a luaopen function. */
int wane_open(lua_State *L, const wane_module *module);

/* Keeps the library that contains this code mapped for the rest of the process: Lua unloads its
 * modules in lua_close, and threads of ours may still be in there. */
void wane_pin_library(void);

/* ---- One call ------------------------------------------------------------------------------ */

typedef enum wane_status {
  WANE_OK,             /* push the values */
  WANE_ERROR,          /* raise `message` with the caller's position */
  WANE_ARGUMENT_ERROR, /* raise `message` for argument number `argument` */
  WANE_RERAISE,        /* raise the value on top of the stack */
  WANE_INTERRUPTED,    /* raise `message` as it is */
  WANE_CALL,           /* keep value 0, an object, as state; call value 1 with the rest; resume */
} wane_status;

typedef enum wane_kind {
  WANE_NIL,
  WANE_BOOLEAN,
  WANE_INTEGER,
  WANE_NUMBER,
  WANE_STRING, /* `length` bytes at offset `integer` of the call's byte buffer */
  WANE_OBJECT, /* a retained object; followed by `length` values that the box holds */
  WANE_STACK,  /* the value at stack index `integer` */
  WANE_MEMBER, /* the closure of member number `integer` */
  WANE_TABLE,  /* followed by `length` elements, then `integer` pairs of key and value */
} wane_kind;

/* One step of the tape that describes values for Lua, trees in pre-order. */
typedef struct wane_value {
  wane_kind kind;
  uint32_t noun;
  union {
    int64_t integer;
    double number;
    void *object;
  };
  size_t length;
} wane_value;

/* What there is once in every Lua state that opened a module. */
typedef struct wane_state {
  const wane_module *module;
  lua_State *main;
  int64_t pending_bytes; /* allocated outside Lua and not yet told to the collector */
} wane_state;

enum { WANE_INLINE_VALUES = 8, WANE_INLINE_BYTES = 512 };

struct wane_call {
  lua_State *L;
  wane_state *state;
  const wane_module *module;
  uint32_t member;
  int32_t base;       /* the arguments stand at stack indices base + 1 ... base + count; */
  int32_t count;      /* in a continuation they are the results of the callback */
  void *continuation; /* the state to resume, not owned; NULL at the start of a call */
  int32_t argument;   /* of WANE_ARGUMENT_ERROR */
  lua_Hook hook;      /* of the main thread when the call began */
  uint32_t results;   /* top-level values on the tape */
  bool owns;          /* the tape holds objects or memory, so push under protection */
  bool out_of_memory; /* a writer failed */
  wane_value *values;
  size_t value_count, value_capacity;
  char *bytes;
  size_t byte_count, byte_capacity;
  wane_value inline_values[WANE_INLINE_VALUES];
  char inline_bytes[WANE_INLINE_BYTES];
};

/* Writers of the tape. They never raise; when memory is short they set `out_of_memory`, and the
 * trampoline then raises "not enough memory" instead of pushing. */
void wane_put_nil(wane_call *call);
void wane_put_boolean(wane_call *call, bool value);
void wane_put_integer(wane_call *call, int64_t value);
void wane_put_number(wane_call *call, double value);
void wane_put_string(wane_call *call, const void *bytes, size_t length);
void wane_put_stack(wane_call *call, int32_t index);
void wane_put_member(wane_call *call, uint32_t member);
/* Takes over one reference to `object`, even when memory is short. */
void wane_put_object(wane_call *call, uint32_t noun, void *object, size_t held);
void wane_put_table(wane_call *call, size_t elements, size_t pairs);
/* Drops what was written, to write an error message instead. */
void wane_put_clear(wane_call *call);

/* The object in the box at a stack index. NULL if that is no box of this module; `*closed` tells
 * whether it is one whose object is gone. */
void *wane_object(const wane_call *call, int32_t index, uint32_t *noun, bool *closed);

/* The same outside of a call; NULL too if the object is gone. */
void *wane_boxed_object(lua_State *L, const wane_module *module, int32_t index, uint32_t *noun);

/* The number of the member that a function value at a stack index is, or -1. */
int64_t wane_member_number(lua_State *L, const wane_module *module, int32_t index);

/* Calls values[0] of the tape with the rest, now, in protected mode. Returns a Lua status; the
 * results (or the error value) stand above the old top. Callbacks called this way cannot yield. */
int wane_call_now(wane_call *call);
/* The same; an error that is a string has the traceback of where it was raised added. */
int wane_call_now_traced(wane_call *call);

/* Keeps the value at a stack index alive. Returns its number, or LUA_NOREF when memory is short. */
int32_t wane_keep(wane_call *call, int32_t index);
/* Pushes a kept value. False if there is none, or no room for it. */
bool wane_push_kept(wane_call *call, int32_t reference);
/* Lets go of a kept value. On the thread of its Lua state, as when an object is collected. */
void wane_release_kept(wane_state *state, int32_t reference);

/* ---- Bytes outside Lua --------------------------------------------------------------------- */

/* Adds to the bytes that the collector will hear of: memory that lives as long as an object of
 * ours, but does not come from Wane's own allocator, which counts by itself. */
void wane_allocated(wane_call *call, int64_t bytes);

/* Tells the collector about bytes that were allocated on this thread since the last time. */
void wane_account(lua_State *L, wane_state *state);

/* ---- Ctrl-C -------------------------------------------------------------------------------- */

/* Asks the running call to stop. Async-signal-safe. */
void wane_interrupt_request(void);
/* Whether a request has not been served yet. */
bool wane_interrupt_requested(void);
void wane_interrupt_clear(void);

/* Whether the running call should stop: a request stands, or the host installed a hook in the main
 * thread since the call began, as lua.c does when Ctrl-C is pressed. */
bool wane_interrupted(const wane_call *call);

/* Clears the request to stop, also lua.c's hook: the call heeded it, and goes on or ends by itself.
 */
void wane_interrupt_served(const wane_call *call);

#endif
