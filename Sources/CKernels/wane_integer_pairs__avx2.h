#ifndef WANE_INTEGER_PAIRS_AVX2_H
#define WANE_INTEGER_PAIRS_AVX2_H

#include "wane_integer_band.h"

/* Most pairs of products of a sum that are worth rearranging. On Zen 3, 9 products (3 x 3 of one
   channel) take 7.1 us instead of 13.6 for the mission's first layer; 288 products are 6 % slower
   than quads. */
enum { WANE_INTEGER_MOST_PAIRS = 32 };

/* Whether a band has pixels enough to pay for rearranging its weights, and sums short enough. */
static inline int wane_integer_pairs_pay(const wane_integer_band *band) {
  size_t pairs = band->plan->segments * ((band->plan->segment_length + 1) / 2);
  return pairs <= WANE_INTEGER_MOST_PAIRS && band->pixels >= 2 * WANE_INTEGER_PIXELS;
}

#if WANE_X86
void wane_integer_pairs_band__avx2(const wane_integer_band *band);
#endif

#endif
