/* A host whose timer interrupts it all the time while a model works: results are the same as
 * without, and nothing breaks. The handlers run on the host's own stack, as that of Ctrl-C does. */
#define _GNU_SOURCE
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static const char *const WORK =
    "local wane = require 'wane'\n"
    "local nn = wane.nn\n"
    "local x = wane.rand({ 512, 8, 8, 1 }, { seed = 1 })\n"
    "local data = wane.data.tensors(x, wane.randint({ 512 }, 0, 3, { seed = 2 }))\n"
    "local model = nn.sequential {\n"
    "  nn.input { 8, 8, 1 }, nn.conv2d { 16, 3, activation = 'relu' }, nn.conv2d { 16, 3 },\n"
    "  nn.flatten {}, nn.dense { 64 }, nn.dense { 4, activation = 'softmax' } }\n"
    "local history = model:fit(data, { epochs = 4, batch_size = 64 })\n"
    "local sum = 0\n"
    "for i = 1, 100 do sum = sum + model:evaluate(data).loss end\n"
    "local a = wane.rand({ 64, 2048 }, { seed = 3 })\n"
    "for i = 1, 100 do sum = sum + a:matmul(a:transpose()):sum() end\n"
    "return ('%.17g %.17g'):format(history.loss[4], sum)\n";

static volatile sig_atomic_t signals;

static void on_signal(int number) {
  (void)number;
  signals = signals + 1;
}

static int work(char *result, size_t size) {
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  int failed = luaL_dostring(L, WORK);
  snprintf(result, size, "%s", lua_tostring(L, -1));
  lua_close(L);
  return failed;
}

int main(void) {
  char quiet[256], disturbed[256];
  int failed = work(quiet, sizeof quiet);

  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval interval = {{0, 200}, {0, 200}};
  setitimer(ITIMER_REAL, &interval, NULL);
  failed |= work(disturbed, sizeof disturbed);

  printf("%s\n%s\n%d signals\n", quiet, disturbed, (int)signals);
  return failed || strcmp(quiet, disturbed) != 0 || signals < 50;
}
