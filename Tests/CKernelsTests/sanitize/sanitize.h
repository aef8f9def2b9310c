/* What the files of the driver share: numbers, blocks that end where the data ends, and the count
   of what failed. */

#ifndef WANE_SANITIZE_H
#define WANE_SANITIZE_H

#include "wane_kernels.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern int sanitize_failures;

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      sanitize_failures++;                                           \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                \
  } while (0)

static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 257};
enum { length_count = sizeof lengths / sizeof *lengths };

static uint32_t state = 1;
static inline uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

/* Heap blocks of exactly the size of the data. */
static inline void *block(size_t count, size_t size) {
  void *memory = malloc(count * size);
  if (!memory && count * size) exit(99);
  for (size_t i = 0; i < count * size; i++) ((uint8_t *)memory)[i] = 0;
  return memory;
}

static inline float *floats(size_t n) {
  static const float awkward[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e30f, -1e-42f, 3e9f};
  float *x = block(n, sizeof *x);
  for (size_t i = 0; i < n; i++)
    x[i] = next() % 16 ? (float)(int32_t)next() * 0x1p-29f : awkward[next() % 8];
  return x;
}

static inline float *plain(size_t n) {
  float *x = block(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (float)(int32_t)next() * 0x1p-29f;
  return x;
}

static inline uint8_t *bytes(size_t n) {
  uint8_t *x = block(n, 1);
  for (size_t i = 0; i < n; i++) x[i] = (uint8_t)next();
  return x;
}

/* Parts of the driver, each in a file. */
void sanitize_layers(size_t n);
void sanitize_memory(void);
void sanitize_fork(void);
void sanitize_pool(void);

#endif
