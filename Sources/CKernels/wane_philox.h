#ifndef WANE_PHILOX_H
#define WANE_PHILOX_H

#include "wane_dispatch.h"

#include <stdint.h>

/* The ten rounds of Philox4x32 (Salmon et al., 2011, section 4.3), to be inlined into vectorized
   loops. The multipliers and the key's Weyl increments (the golden ratio and sqrt(3) - 1, times
   2^32) are the paper's. */
WANE_BODY void wane_philox(uint64_t block, uint64_t stream, uint64_t seed, uint32_t words[4]) {
  uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
  uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0;
    uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/* Kernels work on chunks of this many blocks, kept on the stack: words[4 * i + j] is word j of
   block i. */
enum { WANE_PHILOX_CHUNK = 64 };

WANE_BODY void wane_philox_chunk(uint64_t seed, uint64_t stream, uint64_t first, uint32_t *words) {
  WANE_VECTORIZE
  for (int i = 0; i < WANE_PHILOX_CHUNK; i++)
    wane_philox(first + (uint64_t)i, stream, seed, words + 4 * i);
}

#endif
