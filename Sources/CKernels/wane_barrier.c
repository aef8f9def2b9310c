/* Sense-reversing barrier (Mellor-Crummey, Scott, 1991): the sense is the parity of a phase
   counter, so the barrier can be used again at once. */

#include "wane_pool.h"

#include "wane_spin.h"

#include <pthread.h>
#include <stdlib.h>

enum { spins = 4000 };

struct wane_barrier {
  _Alignas(64) _Atomic uint32_t phase;
  _Alignas(64) _Atomic int missing;
  int threads;
  int spins;
  pthread_mutex_t mutex;
  pthread_cond_t passed;
};

wane_barrier *wane_barrier_create(int threads) {
  if (threads < 1) return NULL;
  void *memory = NULL;
  if (posix_memalign(&memory, 64, sizeof(wane_barrier))) return NULL;
  wane_barrier *barrier = memory;
  *barrier = (wane_barrier){.threads = threads, .missing = threads};
  barrier->spins = threads <= wane_cpu_count() ? spins : 0;
  pthread_mutex_init(&barrier->mutex, NULL);
  pthread_cond_init(&barrier->passed, NULL);
  return barrier;
}

void wane_barrier_destroy(wane_barrier *barrier) {
  if (!barrier) return;
  pthread_mutex_destroy(&barrier->mutex);
  pthread_cond_destroy(&barrier->passed);
  free(barrier);
}

void wane_barrier_wait(wane_barrier *barrier) {
  if (barrier->threads == 1) return;
  uint32_t phase = atomic_load_explicit(&barrier->phase, memory_order_relaxed);
  if (atomic_fetch_sub_explicit(&barrier->missing, 1, memory_order_acq_rel) == 1) {
    atomic_store_explicit(&barrier->missing, barrier->threads, memory_order_relaxed);
    pthread_mutex_lock(&barrier->mutex);
    atomic_store_explicit(&barrier->phase, phase + 1, memory_order_release);
    pthread_cond_broadcast(&barrier->passed);
    pthread_mutex_unlock(&barrier->mutex);
    return;
  }
  for (int i = 0; i < barrier->spins; i++) {
    if (atomic_load_explicit(&barrier->phase, memory_order_acquire) != phase) return;
    wane_spin_pause();
  }
  pthread_mutex_lock(&barrier->mutex);
  while (atomic_load_explicit(&barrier->phase, memory_order_acquire) == phase)
    pthread_cond_wait(&barrier->passed, &barrier->mutex);
  pthread_mutex_unlock(&barrier->mutex);
}
