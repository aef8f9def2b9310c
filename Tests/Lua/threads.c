/* A host with several threads, each with Lua states of its own that train and compress models at
 * the same time. A model's numbers do not depend on what the other threads do. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, STATES = 3 };

static const char *const WORK =
    "local wane = require 'wane'\n"
    "local nn = wane.nn\n"
    "local x = wane.rand({ 128, 8, 8, 1 }, { seed = 1 })\n"
    "local data = wane.data.tensors(x, wane.randint({ 128 }, 0, 3, { seed = 2 }))\n"
    "local model = nn.sequential {\n"
    "  nn.input { 8, 8, 1 }, nn.conv2d { 8, 3, activation = 'relu' }, nn.flatten {},\n"
    "  nn.dense { 4, activation = 'softmax' } }\n"
    "model:fit(data, { epochs = 3, batch_size = 32 })\n"
    "local tiny = wane.pipeline {\n"
    "  { 'prune', sparsity = 0.5, epochs = 1 },\n"
    "  { 'compress', method = 'share', clusters = 8 }, { 'quantize', bits = 4 },\n"
    "}:run(model, { data = data })\n"
    "local path = os.tmpname()\n"
    "tiny:save(path)\n"
    "local loss = wane.load(path):evaluate(data).loss\n"
    "os.remove(path)\n"
    "local closed = wane.rand { 1000 }\n"
    "do local _ <close> = closed end\n"
    "assert(not pcall(function() return closed + 1 end))\n"
    "return ('%.17g'):format(loss)\n";

static void *work(void *argument) {
  char *result = argument;
  for (int i = 0; i < STATES; i++) {
    lua_State *L = luaL_newstate();
    if (!L) return NULL;
    luaL_openlibs(L);
    (void)luaL_dostring(L, WORK); /* an error is a result that differs */
    snprintf(result, 256, "%s", lua_tostring(L, -1));
    lua_close(L);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  char results[THREADS + 1][256] = {{0}};
  work(results[THREADS]); /* alone, to compare with */
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, results[i]);
  int failed = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    printf("%s\n", results[i]);
    failed |= strcmp(results[i], results[THREADS]) != 0;
  }
  double loss;
  return failed || sscanf(results[0], "%lf", &loss) != 1;
}
