#ifndef WANE_MEMORY_H
#define WANE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Tensor storage: a size-class pool over mmap.

   glibc's aligned allocation does not reuse freed blocks of this pattern, and a fresh page costs
   microseconds at its first touch; so blocks are kept by size class (four classes per doubling, at
   most 25 % above the request) and given out again, last freed first. Freed bytes beyond the cache
   limit go back to the system. All functions may be called from any thread, and none aborts. */

#ifdef __clang__
#pragma clang assume_nonnull begin
#else
#define _Nullable
#endif

/* Alignment of every block, in bytes: one cache line, one zmm register. */
enum { WANE_MEMORY_ALIGNMENT = 64 };

/* A block of at least `size` bytes, aligned to 64, contents undefined; NULL when the system has
   none or the size is absurd (above PTRDIFF_MAX / 2). Size 0 gives a valid, distinct block. */
void *_Nullable wane_memory_allocate(size_t size);

/* The same, filled with zero bytes. */
void *_Nullable wane_memory_allocate_zeroed(size_t size);

/* Gives a block back. `size` must be the size it was asked for with. NULL is ignored. */
void wane_memory_release(void *_Nullable block, size_t size);

/* Returns cached blocks to the system until at most `keep` bytes of them are left. Blocks of 64 KB
   and less are never returned, so the result, the bytes still cached, may be larger. */
size_t wane_memory_trim(size_t keep);

/* Sets how many freed bytes may be kept for reuse (at first 128 MB) and returns the old limit. */
size_t wane_memory_set_cache_limit(size_t limit);

/* Bytes in live blocks (rounded up to their classes), their highest value since the start or the
   last reset, and freed bytes that are kept for reuse. */
int64_t wane_memory_live_bytes(void);
int64_t wane_memory_peak_bytes(void);
int64_t wane_memory_cached_bytes(void);
void wane_memory_reset_peak(void);

/* Makes every allocation after the next `count` fail, in every thread; a negative count ends that.
   For tests of the out-of-memory paths. */
void wane_memory_fail_after(int64_t count);

/* Whether this was compiled with AddressSanitizer. Then every block has a guard behind it, blocks
   that were given back must not be touched, and the two functions below forbid and allow parts of a
   block. Otherwise they do nothing. */
int wane_memory_is_guarded(void);
void wane_memory_forbid(const void *start, size_t size);
void wane_memory_allow(const void *start, size_t size);

/* What Lua's collector must be told.

   A userdata of 24 bytes may hold megabytes. `wane_memory_allocate` adds the size of the block to a
   counter of the calling thread and `wane_memory_release` subtracts it, never below zero, so that
   what a call allocates and frees again does not count. The Lua boundary takes the counter after
   each call and hands it to the collector. `wane_external_bytes_add` is for memory that comes from
   elsewhere (or, with a negative number, that Lua should not be charged for). */
void wane_external_bytes_add(int64_t bytes);

/* Bytes allocated on this thread since the last take, not counting those freed again; sets the
   counter to zero. */
int64_t wane_external_bytes_take(void);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
