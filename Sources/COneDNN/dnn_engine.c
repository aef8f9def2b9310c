#include "dnn_engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "dnn_error.h"

// Declared here instead of including <omp.h>, which belongs to one compiler's own directory.
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(dnnl_engine_t) shared_engine;

wane_dnn_status wane_dnn_engine(dnnl_engine_t *engine) {
  dnnl_engine_t made = atomic_load_explicit(&shared_engine, memory_order_acquire);
  wane_dnn_status status = WANE_DNN_OK;
  if (made == NULL) {
    // A mutex rather than pthread_once: a failure for want of memory can be tried again.
    pthread_mutex_lock(&engine_lock);
    made = atomic_load_explicit(&shared_engine, memory_order_relaxed);
    if (made == NULL) {
      // No registration of generated code with profilers: it costs at creation and opens files.
      (void)dnnl_set_jit_profiling_flags(DNNL_JIT_PROFILE_NONE);
      status = wane_dnn_check(dnnl_engine_create(&made, dnnl_cpu, 0), "oneDNN engine");
      if (status == WANE_DNN_OK) {
        atomic_store_explicit(&shared_engine, made, memory_order_release);
      }
    }
    pthread_mutex_unlock(&engine_lock);
  }
  *engine = made;
  return status;
}

int wane_dnn_enter(void) {
  const int previous = omp_get_max_threads();
  if (previous != 1) omp_set_num_threads(1);
  return previous;
}

void wane_dnn_leave(int previous) {
  if (previous != 1) omp_set_num_threads(previous);
}

wane_dnn_status wane_dnn_thread_init(void) {
  (void)wane_dnn_enter();
  dnnl_engine_t engine;
  return wane_dnn_engine(&engine);
}

static char version_text[48];

static void write_version(void) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(version_text, sizeof version_text, "oneDNN %d.%d.%d", version->major, version->minor,
           version->patch);
}

const char *wane_dnn_version(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, write_version);
  return version_text;
}
