#ifndef WANE_POOL_H
#define WANE_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Worker threads that run one function together, and the barrier they meet at.

   Training enters a parallel region every few microseconds, so workers spin for a bounded time
   before they sleep; they do not spin when the pool has more threads than the machine has
   processors. Workers block all signals: Ctrl-C reaches the thread that runs Lua. */

#ifdef __clang__
#pragma clang assume_nonnull begin
#else
#define _Nullable
#endif

typedef struct wane_pool wane_pool;
typedef struct wane_barrier wane_barrier;

/* Processors that this process may use: the affinity mask, limited by the cgroup's quota (v1 and
   v2, rounded up); at least 1. */
int wane_cpu_count(void);

/* A pool of `threads` workers, the caller of `wane_pool_run` among them, so `threads - 1` threads
   are started. NULL when `threads` is not in 1...1024 or a thread cannot be started. */
wane_pool *_Nullable wane_pool_create(int threads);

/* Stops and joins the workers, and frees the pool. NULL is ignored. Not during a run. */
void wane_pool_destroy(wane_pool *_Nullable pool);

/* The number of workers. */
int wane_pool_threads(const wane_pool *pool);

/* Calls `function(context, worker)` once for each worker, 0 ..< threads, at the same time; the
   caller is worker 0. Returns when all have returned: 0, or an errno value when nothing was run:
   EDEADLK when called from inside a run of the same pool, EAGAIN when the workers could not be
   started again in the child of a fork. Calls from several threads wait for each other. */
int wane_pool_run(wane_pool *pool, void (*function)(void *_Nullable context, int worker),
                  void *_Nullable context);

/* A barrier for `threads` workers of one run. NULL when there is no memory. */
wane_barrier *_Nullable wane_barrier_create(int threads);
void wane_barrier_destroy(wane_barrier *_Nullable barrier);

/* Returns once all workers have called it. What they wrote before is visible after. */
void wane_barrier_wait(wane_barrier *barrier);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
