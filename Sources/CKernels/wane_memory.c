/* A size class is (2^e)(4 + q)/4 for q in 0 ..< 4: waste is at most 25 %, and a free list holds
   blocks of one size only. Small blocks are cut from slabs that are never returned; large ones are
   mappings of their own, so that giving one back gives all of it back. One mutex guards everything:
   tensors are allocated at Lua's pace, thousands a second, not in kernels. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "wane_memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

/* The largest request; its class does not overflow. */
static const size_t largest = PTRDIFF_MAX / 2;

enum {
  smallest = 64,
  largest_in_slab = 1 << 16,
  slab_size = 1 << 20,
  page = 4096,
  huge_page = 1 << 21,
  class_count = 256, /* classes are numbered 4 e + q, e < 64 */
};

typedef struct free_block {
  struct free_block *next;
} free_block;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static free_block *free_lists[class_count];
static char *slab_next, *slab_end;
static size_t cache_limit = (size_t)128 << 20;
static size_t cached_large, cached_small;
static int64_t live, peak;
static int64_t failing_after = -1;

static _Thread_local int64_t external;

/* Under AddressSanitizer, what lies behind a block and what has been given back must not be
   touched. Blocks follow each other without a gap, so each has room for a guard. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WANE_MEMORY_GUARDED 1
#endif
#endif
#ifdef WANE_MEMORY_GUARDED
void __asan_poison_memory_region(const volatile void *start, size_t size);
void __asan_unpoison_memory_region(const volatile void *start, size_t size);
enum { guard = WANE_MEMORY_ALIGNMENT };
int wane_memory_is_guarded(void) { return 1; }
void wane_memory_forbid(const void *start, size_t size) {
  __asan_poison_memory_region(start, size);
}
void wane_memory_allow(const void *start, size_t size) {
  __asan_unpoison_memory_region(start, size);
}
#else
enum { guard = 0 };
int wane_memory_is_guarded(void) { return 0; }
void wane_memory_forbid(const void *start, size_t size) { (void)start, (void)size; }
void wane_memory_allow(const void *start, size_t size) { (void)start, (void)size; }
#endif

/* The class that holds `size`, and the size of its blocks; at least `smallest`. */
static int wane_memory_class(size_t size, size_t *block_size) {
  if (size < smallest) size = smallest;
  size_t last = size - 1;
  int exponent = 63 - __builtin_clzll(last | 1);
  size_t quarter = (size_t)1 << (exponent - 2);
  int q = (int)(last >> (exponent - 2)) & 3; /* last is in [ (4+q) quarter, (5+q) quarter ) */
  *block_size = quarter * (size_t)(5 + q);
  if (*block_size <= largest_in_slab) {
    /* Slab blocks must keep the alignment of their slab. */
    *block_size = (*block_size + WANE_MEMORY_ALIGNMENT - 1) & ~(size_t)(WANE_MEMORY_ALIGNMENT - 1);
  } else {
    *block_size = (*block_size + page - 1) & ~(size_t)(page - 1);
  }
  return 4 * exponent + q;
}

static void *wane_memory_map(size_t size) {
  void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
  /* A hint: a first touch costs one fault every 2 MB instead of every 4 KB. */
  if (size >= 2 * (size_t)huge_page) madvise(block, size, MADV_HUGEPAGE);
#endif
  return block;
}

/* Cuts a small block; the rest of an exhausted slab, less than one block, is left unused. */
static void *wane_memory_cut(size_t size) {
  if ((size_t)(slab_end - slab_next) < size) {
    char *slab = wane_memory_map(slab_size);
    if (!slab) return NULL;
    slab_next = slab;
    slab_end = slab + slab_size;
  }
  void *block = slab_next;
  slab_next += size;
  return block;
}

/* Unmaps cached large blocks, the largest classes first, until at most `keep` bytes are cached. */
static void wane_memory_shrink(size_t keep) {
  size_t size;
  for (int kind = wane_memory_class(largest, &size); cached_large > keep; kind--) {
    wane_memory_class(((size_t)1 << (kind / 4)) / 4 * (size_t)(5 + kind % 4), &size);
    if (size <= largest_in_slab) break;
    while (free_lists[kind] && cached_large > keep) {
      free_block *block = free_lists[kind];
      wane_memory_allow(block, size); /* the address may come back as anything */
      free_lists[kind] = block->next;
      cached_large -= size;
      munmap(block, size);
    }
  }
}

/* Sets *fresh when the block is known to be zero. */
static void *wane_memory_take(size_t size, bool *fresh) {
  if (size > largest - guard) return NULL;
  size_t block_size;
  int kind = wane_memory_class(size + guard, &block_size);
  bool small = block_size <= largest_in_slab;
  void *block = NULL;
  *fresh = false;

  pthread_mutex_lock(&mutex);
  bool allowed = failing_after != 0;
  if (failing_after > 0) failing_after--;
  if (allowed) {
    if (free_lists[kind]) {
      free_block *first = free_lists[kind];
      wane_memory_allow(first, block_size);
      free_lists[kind] = first->next;
      *(small ? &cached_small : &cached_large) -= block_size;
      block = first;
    } else if (small) {
      block = wane_memory_cut(block_size);
      *fresh = true;
    } else {
      block = wane_memory_map(block_size);
      if (!block && cached_large) {
        wane_memory_shrink(0);
        block = wane_memory_map(block_size);
      }
      *fresh = true;
    }
  }
  if (block) {
    live += (int64_t)block_size;
    if (live > peak) peak = live;
  }
  pthread_mutex_unlock(&mutex);

  if (!block) return NULL;
  wane_memory_forbid((char *)block + size, block_size - size);
  external += (int64_t)block_size;
  return block;
}

void *wane_memory_allocate(size_t size) {
  bool fresh;
  return wane_memory_take(size, &fresh);
}

void *wane_memory_allocate_zeroed(size_t size) {
  bool fresh;
  void *block = wane_memory_take(size, &fresh);
  if (block && !fresh) memset(block, 0, size);
  return block;
}

void wane_memory_release(void *block, size_t size) {
  if (!block) return;
  size_t block_size;
  int kind = wane_memory_class(size + guard, &block_size);
  bool small = block_size <= largest_in_slab;
  wane_memory_allow(block, block_size);

  pthread_mutex_lock(&mutex);
  live -= (int64_t)block_size;
  free_block *freed = block;
  freed->next = free_lists[kind];
  free_lists[kind] = freed;
  wane_memory_forbid(block, block_size);
  if (small) {
    cached_small += block_size;
  } else {
    cached_large += block_size;
    if (cached_large > cache_limit) wane_memory_shrink(cache_limit);
  }
  pthread_mutex_unlock(&mutex);

  wane_external_bytes_add(-(int64_t)block_size);
}

size_t wane_memory_trim(size_t keep) {
  pthread_mutex_lock(&mutex);
  wane_memory_shrink(keep > cached_small ? keep - cached_small : 0);
  size_t left = cached_large + cached_small;
  pthread_mutex_unlock(&mutex);
  return left;
}

size_t wane_memory_set_cache_limit(size_t limit) {
  pthread_mutex_lock(&mutex);
  size_t old = cache_limit;
  cache_limit = limit;
  if (cached_large > cache_limit) wane_memory_shrink(cache_limit);
  pthread_mutex_unlock(&mutex);
  return old;
}

static int64_t wane_memory_read(const int64_t *counter) {
  pthread_mutex_lock(&mutex);
  int64_t value = *counter;
  pthread_mutex_unlock(&mutex);
  return value;
}

int64_t wane_memory_live_bytes(void) { return wane_memory_read(&live); }
int64_t wane_memory_peak_bytes(void) { return wane_memory_read(&peak); }

int64_t wane_memory_cached_bytes(void) {
  pthread_mutex_lock(&mutex);
  int64_t value = (int64_t)(cached_large + cached_small);
  pthread_mutex_unlock(&mutex);
  return value;
}

void wane_memory_reset_peak(void) {
  pthread_mutex_lock(&mutex);
  peak = live;
  pthread_mutex_unlock(&mutex);
}

void wane_memory_fail_after(int64_t count) {
  pthread_mutex_lock(&mutex);
  failing_after = count < 0 ? -1 : count;
  pthread_mutex_unlock(&mutex);
}

void wane_external_bytes_add(int64_t bytes) {
  int64_t sum;
  if (__builtin_add_overflow(external, bytes, &sum)) sum = bytes < 0 ? 0 : INT64_MAX;
  external = sum < 0 ? 0 : sum;
}

int64_t wane_external_bytes_take(void) {
  int64_t bytes = external;
  external = 0;
  return bytes;
}

/* The child of a fork has one thread, the one that forked: it must not inherit a held lock. */
static void wane_memory_lock(void) { pthread_mutex_lock(&mutex); }
static void wane_memory_unlock(void) { pthread_mutex_unlock(&mutex); }

__attribute__((constructor)) static void wane_memory_survive_fork(void) {
  pthread_atfork(wane_memory_lock, wane_memory_unlock, wane_memory_unlock);
}
