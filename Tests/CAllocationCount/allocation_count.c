#define _GNU_SOURCE
#include "allocation_count.h"

#include <dlfcn.h>
#include <errno.h>
#include <features.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static _Thread_local int64_t count, live, peak;

static void *taken(void *block) {
  if (!block) return NULL;
  live += (int64_t)malloc_usable_size(block);
  if (live > peak) peak = live;
  return block;
}

static void given(void *block) {
  if (block) live -= (int64_t)malloc_usable_size(block);
}

void *malloc(size_t size) {
  count++;
  return taken(__libc_malloc(size));
}

void *calloc(size_t items, size_t size) {
  count++;
  return taken(__libc_calloc(items, size));
}

void *realloc(void *block, size_t size) {
  count++;
  size_t before = block ? malloc_usable_size(block) : 0;
  void *result = __libc_realloc(block, size);
  if (result || !size) live -= (int64_t)before;
  return taken(result);
}

void free(void *block) {
  given(block);
  __libc_free(block);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count++;
  return taken(__libc_memalign(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  Dl_info caller;
  bool is_onednn =
      dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, "libdnnl");
  if (!is_onednn) count++;
  *block = taken(__libc_memalign(alignment, size));
  return *block ? 0 : ENOMEM;
}

/* C++'s operator new: the only C++ a program runs is oneDNN. It makes a small table of arguments in
   every execution, and dnnl_sgemm asks for a buffer with posix_memalign; nobody outside can avoid
   that, so it is not counted. */
void *_Znwm(size_t size) {
  void *block = taken(__libc_malloc(size ? size : 1));
  if (!block) abort();
  return block;
}

int64_t allocation_count(void) { return count; }

void allocation_peak_start(void) { live = peak = 0; }

int64_t allocation_peak(void) { return peak; }

#else

int64_t allocation_count(void) { return -1; }

void allocation_peak_start(void) {}

int64_t allocation_peak(void) { return -1; }

#endif
