#ifndef WANE_INTEGER_BLOCKS_H
#define WANE_INTEGER_BLOCKS_H

#include "wane_integer_tile.h"

/* Levels whose vector is a whole block, 16 lanes for 16 channels: tiles of 6 or 1 pixels times 4, 2
   or 1 blocks. The portable level and AVX-512 VNNI differ in the vocabulary alone, so the tests of
   the one test the loops of the other. */
#define WANE_INTEGER_BLOCK_TILES(arch, target)                                                     \
  WANE_INTEGER_TILE(arch, target, wane_integer_6x4__##arch, 6, 4)                                  \
  WANE_INTEGER_TILE(arch, target, wane_integer_6x2__##arch, 6, 2)                                  \
  WANE_INTEGER_TILE(arch, target, wane_integer_6x1__##arch, 6, 1)                                  \
  WANE_INTEGER_TILE(arch, target, wane_integer_1x4__##arch, 1, 4)                                  \
  WANE_INTEGER_TILE(arch, target, wane_integer_1x2__##arch, 1, 2)                                  \
  WANE_INTEGER_TILE(arch, target, wane_integer_1x1__##arch, 1, 1)                                  \
                                                                                                   \
  target static void wane_integer_tile__##arch(                                                    \
      const wane_integer_band *band, const int32_t *offsets, size_t rows, const int8_t *packed,    \
      size_t blocks, int32_t(*sums)[WANE_INTEGER_CHANNELS]) {                                      \
    size_t stride =                                                                                \
        band->plan->segments * band->plan->quads * WANE_INTEGER_BLOCK * WANE_INTEGER_QUAD;         \
    if (rows == 1) {                                                                               \
      if (blocks == 4)                                                                             \
        wane_integer_1x4__##arch(band, offsets, packed, stride, sums);                             \
      else if (blocks == 2)                                                                        \
        wane_integer_1x2__##arch(band, offsets, packed, stride, sums);                             \
      else                                                                                         \
        wane_integer_1x1__##arch(band, offsets, packed, stride, sums);                             \
      return;                                                                                      \
    }                                                                                              \
    /* Too few pixels: the last one is computed again. */                                          \
    int32_t padded[WANE_INTEGER_ROWS];                                                             \
    if (rows < WANE_INTEGER_ROWS) {                                                                \
      for (size_t r = 0; r < WANE_INTEGER_ROWS; r++) padded[r] = offsets[r < rows ? r : rows - 1]; \
      offsets = padded;                                                                            \
    }                                                                                              \
    if (blocks == 4)                                                                               \
      wane_integer_6x4__##arch(band, offsets, packed, stride, sums);                               \
    else if (blocks == 2)                                                                          \
      wane_integer_6x2__##arch(band, offsets, packed, stride, sums);                               \
    else                                                                                           \
      wane_integer_6x1__##arch(band, offsets, packed, stride, sums);                               \
  }                                                                                                \
                                                                                                   \
  target void wane_integer_band__##arch(const wane_integer_band *band) {                           \
    wane_integer_band_loop(band, wane_integer_tile__##arch, 4);                                    \
  }

#endif
