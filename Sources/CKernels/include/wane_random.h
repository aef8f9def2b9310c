#ifndef WANE_RANDOM_H
#define WANE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
   numbers: as easy as 1, 2, 3", 2011).

   Element i of the stream (seed, stream) depends on those three numbers alone, so any piece of it
   can be filled by any thread in any order: a call fills y[0 ..< n] with elements
   offset ..< offset + n.

     key     = (seed low, seed high)
     counter = (b low, b high, stream low, stream high)       b = i / 4
     u32(i)  = word i % 4 of Philox(counter, key) */

/* The block function itself: four words from a counter and a key. */
void wane_random_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]);

/* u32(i). */
void wane_random_u32(uint64_t seed, uint64_t stream, uint64_t offset, uint32_t *y, size_t n);

/* Uniform in [0, 1), a multiple of 2^-24: (u32(i) >> 8) * 2^-24. */
void wane_random_uniform_f32(uint64_t seed, uint64_t stream, uint64_t offset, float *y, size_t n);

/* Standard normal (Box and Muller, 1958): elements 2j and 2j + 1 are the cosine and sine branch of
   the words u32(2j), u32(2j + 1). At most 6.7 in magnitude. */
void wane_random_normal_f32(uint64_t seed, uint64_t stream, uint64_t offset, float *y, size_t n);

/* A permutation of 0 ..< n (Fisher and Yates; Durstenfeld, 1964). n is at most INT32_MAX. */
void wane_random_permutation(uint64_t seed, uint64_t stream, int32_t *y, size_t n);

#endif
