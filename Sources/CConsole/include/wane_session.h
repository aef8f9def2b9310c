/* A Lua state for the `wane` program: what has to be C because it may raise, and signals. */
#ifndef WANE_SESSION_H
#define WANE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "wane_bridge.h"

/* Sets up the standard libraries, the module (for `require` and as a global), the table `arg`,
 * whose index 0 is argv[script], and `help`. Returns a Lua status; an error message stands on the
 * stack. */
int wane_session_open(lua_State *L, const wane_module *module, int argc, char *const *argv,
                      int script, bool ignore_environment);

/* Loads a file ("-" or NULL is standard input), leaving the function or an error message. */
int wane_session_load_file(lua_State *L, const char *path);

/* `name = require(module)`; NULL as name means the module's. Leaves nothing, or an error value. */
int wane_session_require(lua_State *L, const char *module, const char *name);

/* Calls the function below `arguments` values with Ctrl-C enabled. Results replace both; an error
 * is turned into text with a traceback. Returns a Lua status. */
int wane_session_call(lua_State *L, int arguments, int results);

/* Prints the `count` values on top of the stack for a person, through wane.pretty, removes them,
 * and makes the first the global `_`. Returns a Lua status; an error message stands on the stack.
 */
int wane_session_print(lua_State *L, int count, int width, bool color);

/* From now on Ctrl-C asks the running Lua code to stop, and does not end the process until it was
 * ignored three times. */
void wane_session_handle_interrupts(void);

#endif
