/* One generation number starts a run, one counter ends it. Both are spun on for a while and then
   slept on under the pool's mutex. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "wane_pool.h"

#include "wane_signals.h"
#include "wane_spin.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

enum { most_threads = 1024, spins = 4000 };

struct wane_pool {
  _Alignas(64) _Atomic uint64_t generation; /* grows by one at each run */
  _Alignas(64) _Atomic int running;         /* workers that have not finished the run */
  _Alignas(64) _Atomic int stopping;
  int threads;
  int spins;
  uint64_t forks; /* value of `forks` when the threads were started */
  void (*function)(void *context, int worker);
  void *context;
  pthread_mutex_t run_mutex;   /* one run at a time */
  pthread_mutex_t sleep_mutex; /* guards the two conditions */
  pthread_cond_t start, finish;
  pthread_t *workers; /* threads - 1 */
};

typedef struct {
  wane_pool *pool;
  int worker;
  uint64_t generation; /* the last one that this worker must not run */
} wane_worker_start;

/* The pool whose run this thread is inside of. */
static _Thread_local const wane_pool *current_pool;

/* Threads do not survive a fork; a pool that sees another number here than its own starts them
   again. */
static _Atomic uint64_t forks;
static void wane_pool_count_fork(void) { atomic_fetch_add(&forks, 1); }

__attribute__((constructor)) static void wane_pool_survive_fork(void) {
  pthread_atfork(NULL, NULL, wane_pool_count_fork);
}

static void *wane_worker_main(void *argument) {
  wane_worker_start start = *(wane_worker_start *)argument;
  free(argument);
  wane_pool *pool = start.pool;
  uint64_t seen = start.generation;
  current_pool = pool;
  wane_signals_hold(); /* for good: signals are for the threads of the host */
  for (;;) {
    uint64_t now = seen;
    for (int i = 0; i < pool->spins && now == seen; i++) {
      wane_spin_pause();
      now = atomic_load_explicit(&pool->generation, memory_order_acquire);
    }
    if (now == seen) {
      pthread_mutex_lock(&pool->sleep_mutex);
      while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == seen)
        pthread_cond_wait(&pool->start, &pool->sleep_mutex);
      pthread_mutex_unlock(&pool->sleep_mutex);
    }
    seen = now;
    if (atomic_load_explicit(&pool->stopping, memory_order_relaxed)) return NULL;
    pool->function(pool->context, start.worker);
    if (atomic_fetch_sub_explicit(&pool->running, 1, memory_order_acq_rel) == 1) {
      pthread_mutex_lock(&pool->sleep_mutex);
      pthread_cond_signal(&pool->finish);
      pthread_mutex_unlock(&pool->sleep_mutex);
    }
  }
}

/* Publishes a new generation and wakes the sleepers. */
static void wane_pool_advance(wane_pool *pool) {
  /* Under the mutex, so that no worker tests the generation and then sleeps through the signal. */
  pthread_mutex_lock(&pool->sleep_mutex);
  atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
  pthread_cond_broadcast(&pool->start);
  pthread_mutex_unlock(&pool->sleep_mutex);
}

static void wane_pool_join(wane_pool *pool, int started) {
  atomic_store(&pool->stopping, 1);
  wane_pool_advance(pool);
  for (int i = 0; i < started; i++) pthread_join(pool->workers[i], NULL);
  atomic_store(&pool->stopping, 0);
}

/* Starts all workers or none. */
static bool wane_pool_start(wane_pool *pool) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited by the workers */
  int started = 0;
  uint64_t generation = atomic_load(&pool->generation);
  for (; started < pool->threads - 1; started++) {
    wane_worker_start *start = malloc(sizeof *start);
    if (!start) break;
    *start = (wane_worker_start){pool, started + 1, generation};
    if (pthread_create(&pool->workers[started], NULL, wane_worker_main, start)) {
      free(start);
      break;
    }
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (started == pool->threads - 1) return true;
  wane_pool_join(pool, started);
  return false;
}

static void wane_pool_initialize_locks(wane_pool *pool) {
  pthread_mutex_init(&pool->run_mutex, NULL);
  pthread_mutex_init(&pool->sleep_mutex, NULL);
  pthread_cond_init(&pool->start, NULL);
  pthread_cond_init(&pool->finish, NULL);
}

wane_pool *wane_pool_create(int threads) {
  if (threads < 1 || threads > most_threads) return NULL;
  void *memory = NULL;
  if (posix_memalign(&memory, 64, sizeof(wane_pool))) return NULL;
  wane_pool *pool = memory;
  *pool = (wane_pool){.threads = threads, .forks = atomic_load(&forks)};
  pool->spins = threads <= wane_cpu_count() ? spins : 0;
  pool->workers = calloc((size_t)threads, sizeof *pool->workers);
  wane_pool_initialize_locks(pool);
  if (!pool->workers || !wane_pool_start(pool)) {
    free(pool->workers);
    free(pool);
    return NULL;
  }
  return pool;
}

void wane_pool_destroy(wane_pool *pool) {
  if (!pool) return;
  if (pool->forks == atomic_load(&forks)) {
    wane_pool_join(pool, pool->threads - 1);
    pthread_mutex_destroy(&pool->run_mutex);
    pthread_mutex_destroy(&pool->sleep_mutex);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->finish);
  }
  free(pool->workers);
  free(pool);
}

int wane_pool_threads(const wane_pool *pool) { return pool->threads; }

int wane_pool_run(wane_pool *pool, void (*function)(void *context, int worker), void *context) {
  if (current_pool == pool) return EDEADLK;
  const uint64_t forks_now = atomic_load_explicit(&forks, memory_order_relaxed);
  if (pool->forks != forks_now) {
    /* A child has one thread, so nobody else is here, and the locks' state is that of the parent.
     */
    wane_pool_initialize_locks(pool);
    if (!wane_pool_start(pool)) return EAGAIN;
    pool->forks = forks_now;
  }

  pthread_mutex_lock(&pool->run_mutex);
  const wane_pool *outer = current_pool;
  current_pool = pool;
  pool->function = function;
  pool->context = context;
  atomic_store_explicit(&pool->running, pool->threads - 1, memory_order_relaxed);
  if (pool->threads > 1) wane_pool_advance(pool);
  wane_signals_hold(); /* once for all kernels of the run */
  function(context, 0);
  wane_signals_release();

  int left = atomic_load_explicit(&pool->running, memory_order_acquire);
  for (int i = 0; i < pool->spins && left; i++) {
    wane_spin_pause();
    left = atomic_load_explicit(&pool->running, memory_order_acquire);
  }
  if (left) {
    pthread_mutex_lock(&pool->sleep_mutex);
    while (atomic_load_explicit(&pool->running, memory_order_acquire))
      pthread_cond_wait(&pool->finish, &pool->sleep_mutex);
    pthread_mutex_unlock(&pool->sleep_mutex);
  }
  current_pool = outer;
  pthread_mutex_unlock(&pool->run_mutex);
  return 0;
}
