#include "wane_random.h"

#include "wane_math.h"
#include "wane_philox.h"

#include <string.h>

enum { chunk = 4 * WANE_PHILOX_CHUNK };

void wane_random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]) {
  wane_philox(counter[0] | (uint64_t)counter[1] << 32, counter[2] | (uint64_t)counter[3] << 32,
              key[0] | (uint64_t)key[1] << 32, words);
}

/* Every fill makes whole chunks from the block that holds its first element, and copies out the
   part that was asked for: pieces of any cut agree. */
#define WANE_RANDOM_FILL(type, convert)                 \
  uint64_t first = offset / 4;                          \
  size_t skip = (size_t)(offset % 4);                   \
  uint32_t words[chunk];                                \
  type values[chunk];                                   \
  while (n > 0) {                                       \
    wane_philox_chunk(seed, stream, first, words);      \
    convert(words, values);                             \
    size_t count = chunk - skip < n ? chunk - skip : n; \
    memcpy(y, values + skip, count * sizeof *y);        \
    y += count;                                         \
    n -= count;                                         \
    skip = 0;                                           \
    first += WANE_PHILOX_CHUNK;                         \
  }

WANE_BODY void wane_random_as_words(const uint32_t *words, uint32_t *values) {
  memcpy(values, words, chunk * sizeof *values);
}

WANE_BODY void wane_random_as_uniform(const uint32_t *words, float *values) {
  WANE_VECTORIZE
  for (int i = 0; i < chunk; i++) values[i] = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
}

WANE_BODY void wane_random_as_normal(const uint32_t *words, float *values) {
  WANE_VECTORIZE
  for (int i = 0; i < chunk / 2; i++) {
    /* Half a step above 0, so the logarithm is finite; split, because only signed 32-bit integers
       convert in one instruction below AVX-512. */
    uint32_t word = words[2 * i];
    float u = (float)(int32_t)(word >> 16) * 0x1p-16f +
              ((float)(int32_t)(word & 0xffff) * 0x1p-32f + 0x1p-33f);
    float turn = (float)(int32_t)(words[2 * i + 1] >> 8) * 0x1p-24f;
    float radius = wane_math_sqrt(-2.0f * wane_math_log(u));
    float cosine, sine;
    wane_math_turn(turn, &cosine, &sine);
    values[2 * i] = radius * cosine;
    values[2 * i + 1] = radius * sine;
  }
}

WANE_BODY void wane_random_u32__body(uint64_t seed, uint64_t stream, uint64_t offset, uint32_t *y,
                                     size_t n){
    WANE_RANDOM_FILL(uint32_t, wane_random_as_words)} WANE_KERNEL(wane_random_u32,
                                                                  (uint64_t seed, uint64_t stream,
                                                                   uint64_t offset, uint32_t *y,
                                                                   size_t n),
                                                                  (seed, stream, offset, y, n))

    WANE_BODY void wane_random_uniform_f32__body(uint64_t seed, uint64_t stream, uint64_t offset,
                                                 float *y, size_t n){
        WANE_RANDOM_FILL(float,
                         wane_random_as_uniform)} WANE_KERNEL(wane_random_uniform_f32,
                                                              (uint64_t seed, uint64_t stream,
                                                               uint64_t offset, float *y, size_t n),
                                                              (seed, stream, offset, y, n))

        WANE_BODY
    void wane_random_normal_f32__body(uint64_t seed, uint64_t stream, uint64_t offset, float *y,
                                      size_t n){
        WANE_RANDOM_FILL(float, wane_random_as_normal)} WANE_KERNEL(wane_random_normal_f32,
                                                                    (uint64_t seed, uint64_t stream,
                                                                     uint64_t offset, float *y,
                                                                     size_t n),
                                                                    (seed, stream, offset, y, n))

    /* Position i swaps with j = floor(r (i + 1) / 2^64) <= i, r the two words at 2 i: uneven by
       less than 2^-32. */
    void wane_random_permutation(uint64_t seed, uint64_t stream, int32_t *y, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t words[4];
    wane_philox(i / 2, stream, seed, words);
    uint64_t r = words[2 * (i % 2)] | (uint64_t)words[2 * (i % 2) + 1] << 32;
    size_t j = (size_t)(((unsigned __int128)r * (i + 1)) >> 64);
    y[i] = y[j];
    y[j] = (int32_t)i;
  }
}
