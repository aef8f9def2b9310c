/* The tape: results, messages and callback arguments on their way from Swift to Lua.
 *
 * Swift writes it with functions that cannot raise. It is pushed when Swift has returned, in a
 * protected call if it owns anything, so that an error in the middle (memory) loses nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

void wane_tape_init(wane_call *call) {
  call->results = 0;
  call->owns = false;
  call->out_of_memory = false;
  call->values = call->inline_values;
  call->value_count = 0;
  call->value_capacity = WANE_INLINE_VALUES;
  call->bytes = call->inline_bytes;
  call->byte_count = 0;
  call->byte_capacity = WANE_INLINE_BYTES;
}

void wane_tape_free(wane_call *call) {
  for (size_t i = 0; i < call->value_count; i++) {
    wane_value *value = &call->values[i];
    if (value->kind != WANE_OBJECT || !value->object) continue;
    void *object = value->object;
    value->object = NULL;
    call->module->release(object);
  }
  call->value_count = 0;
  if (call->values != call->inline_values) free(call->values);
  call->values = call->inline_values;
  if (call->bytes != call->inline_bytes) free(call->bytes);
  call->bytes = call->inline_bytes;
}

void wane_put_clear(wane_call *call) {
  wane_tape_free(call);
  wane_tape_init(call);
}

/* ---- Writing ------------------------------------------------------------------------------- */

/* Moves a buffer out of the call, or grows it there. */
static void *grow(void *old, const void *in_place, size_t used, size_t capacity) {
  if (old != in_place) return realloc(old, capacity);
  void *new = malloc(capacity);
  if (new) memcpy(new, old, used);
  return new;
}

static wane_value *append(wane_call *call, wane_kind kind) {
  if (call->out_of_memory) return NULL;
  if (call->value_count == call->value_capacity) {
    size_t capacity = 4 * call->value_capacity;
    wane_value *values =
        grow(call->values, call->inline_values, call->value_count * sizeof(wane_value),
             capacity * sizeof(wane_value));
    if (!values) {
      call->out_of_memory = true;
      return NULL;
    }
    call->values = values;
    call->value_capacity = capacity;
    call->owns = true;
  }
  wane_value *value = &call->values[call->value_count++];
  *value = (wane_value){.kind = kind};
  return value;
}

void wane_put_nil(wane_call *call) { append(call, WANE_NIL); }

void wane_put_boolean(wane_call *call, bool boolean) {
  wane_value *value = append(call, WANE_BOOLEAN);
  if (value) value->integer = boolean;
}

void wane_put_integer(wane_call *call, int64_t integer) {
  wane_value *value = append(call, WANE_INTEGER);
  if (value) value->integer = integer;
}

void wane_put_number(wane_call *call, double number) {
  wane_value *value = append(call, WANE_NUMBER);
  if (value) value->number = number;
}

void wane_put_string(wane_call *call, const void *bytes, size_t length) {
  if (length > call->byte_capacity - call->byte_count) {
    size_t capacity = call->byte_capacity;
    while (capacity - call->byte_count < length && capacity < SIZE_MAX / 8) capacity *= 4;
    char *larger = grow(call->bytes, call->inline_bytes, call->byte_count, capacity);
    if (!larger) {
      call->out_of_memory = true;
      return;
    }
    call->bytes = larger;
    call->byte_capacity = capacity;
    call->owns = true;
  }
  wane_value *value = append(call, WANE_STRING);
  if (!value) return;
  if (length) memcpy(call->bytes + call->byte_count, bytes, length);
  value->integer = (int64_t)call->byte_count;
  value->length = length;
  call->byte_count += length;
}

void wane_put_stack(wane_call *call, int32_t index) {
  wane_value *value = append(call, WANE_STACK);
  if (value) value->integer = index;
}

void wane_put_member(wane_call *call, uint32_t member) {
  wane_value *value = append(call, WANE_MEMBER);
  if (value) value->integer = member;
  call->owns = true; /* makes a closure, and a table may stand around it */
}

void wane_put_object(wane_call *call, uint32_t noun, void *object, size_t held) {
  wane_value *value = append(call, WANE_OBJECT);
  if (!value) {
    call->module->release(object);
    return;
  }
  value->noun = noun;
  value->object = object;
  value->length = held;
  call->owns = true;
}

void wane_put_table(wane_call *call, size_t elements, size_t pairs) {
  wane_value *value = append(call, WANE_TABLE);
  if (!value) return;
  value->length = elements;
  value->integer = (int64_t)pairs;
  call->owns = true;
}

/* ---- Pushing ------------------------------------------------------------------------------- */

typedef struct reader {
  wane_call *call;
  size_t next;    /* on the tape */
  int references; /* stack values met so far; 0 stands for "take them from the stack itself" */
} reader;

static void push_value(lua_State *L, reader *tape);

static void push_table(lua_State *L, reader *tape, size_t elements, size_t pairs) {
  enum { SIZE_HINT = 1 << 24 };
  luaL_checkstack(L, 4, "result is nested too deeply");
  lua_createtable(L, (int)(elements < SIZE_HINT ? elements : SIZE_HINT),
                  (int)(pairs < SIZE_HINT ? pairs : SIZE_HINT));
  for (size_t i = 1; i <= elements; i++) {
    push_value(L, tape);
    lua_rawseti(L, -2, (lua_Integer)i);
  }
  for (size_t i = 0; i < pairs; i++) {
    push_value(L, tape);
    push_value(L, tape);
    lua_rawset(L, -3);
  }
}

static void push_value(lua_State *L, reader *tape) {
  wane_call *call = tape->call;
  wane_value *value = &call->values[tape->next++];
  switch (value->kind) {
    case WANE_NIL:
      lua_pushnil(L);
      break;
    case WANE_BOOLEAN:
      lua_pushboolean(L, value->integer != 0);
      break;
    case WANE_INTEGER:
      lua_pushinteger(L, (lua_Integer)value->integer);
      break;
    case WANE_NUMBER:
      /* Which NaN it is depends on how it came about; the positive one prints as "nan". */
      lua_pushnumber(L, value->number == value->number ? value->number : (lua_Number)NAN);
      break;
    case WANE_STRING:
      lua_pushlstring(L, call->bytes + value->integer, value->length);
      break;
    case WANE_OBJECT:
      wane_push_box(L, call->module, value->noun, &value->object, (int)value->length);
      for (int i = 1; i <= (int)value->length; i++) {
        push_value(L, tape);
        lua_setiuservalue(L, -2, i);
      }
      break;
    case WANE_STACK:
      lua_pushvalue(L, tape->references ? ++tape->references : (int)value->integer);
      break;
    case WANE_MEMBER:
      wane_push_member(L, call->state, (uint32_t)value->integer);
      break;
    case WANE_TABLE:
      push_table(L, tape, value->length, (size_t)value->integer);
      break;
  }
}

void wane_tape_push_plain(wane_call *call) {
  reader tape = {.call = call};
  luaL_checkstack(call->L, (int)call->results + 1, "too many results");
  for (uint32_t i = 0; i < call->results; i++) push_value(call->L, &tape);
}

/* Arguments: the call, then the stack values that the tape refers to, in its order. */
static int push_protected(lua_State *L) {
  wane_call *call = lua_touserdata(L, 1);
  reader tape = {.call = call, .references = 1};
  luaL_checkstack(L, (int)call->results + 1, "too many results");
  for (uint32_t i = 0; i < call->results; i++) push_value(L, &tape);
  return (int)call->results;
}

int wane_tape_push(wane_call *call) {
  lua_State *L = call->L;
  int references = 0;
  for (size_t i = 0; i < call->value_count; i++) references += call->values[i].kind == WANE_STACK;
  /* lua_checkstack fails without raising; the pushes below then have the room they need. */
  if (!lua_checkstack(L, references + (int)call->results + 4)) {
    lua_pushnil(L);
    return LUA_ERRMEM;
  }
  lua_pushcfunction(L, push_protected);
  lua_pushlightuserdata(L, call);
  for (size_t i = 0; i < call->value_count; i++) {
    if (call->values[i].kind == WANE_STACK) lua_pushvalue(L, (int)call->values[i].integer);
  }
  return lua_pcall(L, references + 1, (int)call->results, 0);
}
