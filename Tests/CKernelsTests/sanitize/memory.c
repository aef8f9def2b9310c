/* The allocator with injected failures, the pool, and both in the child of a fork. */

#include "sanitize.h"

void sanitize_memory(void) {
  int64_t before = wane_memory_live_bytes();
  wane_external_bytes_take();
  enum { count = 600 };
  static void *blocks[count];
  static size_t sizes[count];
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < count; i++) {
      sizes[i] = next() % 5 ? next() % 5000 : next() % 3000000;
      blocks[i] = wane_memory_allocate(sizes[i]);
      CHECK(blocks[i] && (uintptr_t)blocks[i] % WANE_MEMORY_ALIGNMENT == 0);
      memset(blocks[i], i, sizes[i]);
    }
    for (int i = 0; i < count; i++) {
      uint8_t *b = blocks[i];
      CHECK(sizes[i] == 0 || (b[0] == (uint8_t)i && b[sizes[i] - 1] == (uint8_t)i));
      wane_memory_release(b, sizes[i]);
    }
  }
  CHECK(wane_memory_live_bytes() == before);
  CHECK(wane_external_bytes_take() == 0);

  /* Zeroed blocks are zero although they are used ones. */
  for (size_t size = 1; size < 300000; size = 3 * size + 1) {
    uint8_t *b = wane_memory_allocate(size);
    memset(b, 0xff, size);
    wane_memory_release(b, size);
    b = wane_memory_allocate_zeroed(size);
    for (size_t i = 0; i < size; i++) CHECK(b[i] == 0);
    wane_memory_release(b, size);
  }

  /* A block is at most a quarter larger than asked for (and at least 64 bytes). */
  for (size_t size = 256; size < (size_t)1 << 40; size += size / 3) {
    before = wane_memory_live_bytes();
    void *b = wane_memory_allocate(size);
    if (b) CHECK(wane_memory_live_bytes() - before <= (int64_t)(size + size / 4 + 4096));
    wane_memory_release(b, size);
  }
  CHECK(!wane_memory_allocate(SIZE_MAX));
  CHECK(!wane_memory_allocate((size_t)PTRDIFF_MAX));
  CHECK(!wane_memory_allocate_zeroed(SIZE_MAX / 2));
  wane_memory_release(NULL, 12);

  /* Failure injection. */
  wane_memory_fail_after(2);
  void *a = wane_memory_allocate(10), *b = wane_memory_allocate(1 << 20);
  CHECK(a && b);
  CHECK(!wane_memory_allocate(10) && !wane_memory_allocate_zeroed(1 << 20));
  wane_memory_fail_after(-1);
  void *c = wane_memory_allocate(10);
  CHECK(c);
  wane_memory_release(a, 10), wane_memory_release(b, 1 << 20), wane_memory_release(c, 10);

  /* Caching: blocks are reused, and the limit holds. */
  wane_memory_trim(0);
  a = wane_memory_allocate(4 << 20);
  wane_memory_release(a, 4 << 20);
  b = wane_memory_allocate(4 << 20);
  CHECK(a == b);
  wane_memory_release(b, 4 << 20);
  CHECK(wane_memory_cached_bytes() >= 4 << 20);
  size_t limit = wane_memory_set_cache_limit(1 << 20);
  CHECK(limit == 128 << 20);
  size_t left = wane_memory_trim(0);
  CHECK(left < 8 << 20); /* small blocks alone */
  CHECK(wane_memory_trim(0) == left);
  a = wane_memory_allocate(4 << 20);
  wane_memory_release(a, 4 << 20);
  CHECK((size_t)wane_memory_cached_bytes() <= left + (1 << 20));
  wane_memory_set_cache_limit(limit);

  wane_memory_reset_peak();
  before = wane_memory_live_bytes();
  /* A megabyte with its guard. */
  const size_t whole = (1 << 20) - (wane_memory_is_guarded() ? WANE_MEMORY_ALIGNMENT : 0);
  a = wane_memory_allocate(whole);
  wane_memory_release(a, whole);
  CHECK(wane_memory_peak_bytes() == before + (1 << 20));

  /* The counter of external bytes: new bytes count, bytes freed again do not, old ones do not make
     it negative. */
  wane_external_bytes_take();
  a = wane_memory_allocate(whole);
  CHECK(wane_external_bytes_take() == 1 << 20);
  wane_memory_release(a, whole);
  CHECK(wane_external_bytes_take() == 0);
  wane_external_bytes_add(100);
  wane_external_bytes_add(INT64_MAX);
  CHECK(wane_external_bytes_take() == INT64_MAX);
  wane_external_bytes_add(INT64_MIN);
  CHECK(wane_external_bytes_take() == 0);
}

/* Threads that allocate, and pass blocks on through the pool. */
static void *allocate_and_release(void *argument) {
  uint32_t seed = (uint32_t)(uintptr_t)argument;
  for (int i = 0; i < 2000; i++) {
    seed = seed * 1664525u + 1013904223u;
    size_t size = seed >> (8 + seed % 12);
    uint8_t *b = wane_memory_allocate(size % 200000);
    if (!b) continue;
    b[0] = 1;
    wane_memory_release(b, size % 200000);
  }
  return NULL;
}

typedef struct {
  wane_barrier *barrier;
  int slots[8];
  int threads;
  int errors[8];
} meeting;

static void meet(void *context, int worker) {
  meeting *m = context;
  for (int phase = 1; phase <= 50; phase++) {
    m->slots[worker] = phase;
    wane_barrier_wait(m->barrier);
    for (int i = 0; i < m->threads; i++) m->errors[worker] += m->slots[i] != phase;
    wane_barrier_wait(m->barrier);
  }
}

static void count(void *context, int worker) { ((int *)context)[worker]++; }

void sanitize_pool(void) {
  for (int threads = 1; threads <= 5; threads++) {
    wane_pool *pool = wane_pool_create(threads);
    CHECK(pool);
    int counts[8] = {0};
    for (int i = 0; i < 200; i++) {
      CHECK(wane_pool_run(pool, count, counts) == 0);
      if (i % 50 == 0) usleep(3000);
    }
    for (int i = 0; i < threads; i++) CHECK(counts[i] == 200);
    meeting m = {.barrier = wane_barrier_create(threads), .threads = threads};
    CHECK(wane_pool_run(pool, meet, &m) == 0);
    for (int i = 0; i < threads; i++) CHECK(m.errors[i] == 0);
    wane_barrier_destroy(m.barrier);
    wane_pool_destroy(pool);
  }
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, allocate_and_release, (void *)(i + 1));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* The pool and the allocator in the child of a fork. */
void sanitize_fork(void) {
  wane_pool *pool = wane_pool_create(3);
  int counts[3] = {0};
  wane_pool_run(pool, count, counts);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    void *b = wane_memory_allocate(100);
    wane_memory_release(b, 100);
    int status = wane_pool_run(pool, count, counts);
    wane_pool_destroy(pool);
    _exit(b && status == 0 && counts[0] == 2 && counts[1] == 2 && counts[2] == 2 ? 0 : 1);
  }
  int status = 1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  wane_pool_run(pool, count, counts);
  CHECK(counts[0] == 2 && counts[1] == 2 && counts[2] == 2);
  wane_pool_destroy(pool);
}
