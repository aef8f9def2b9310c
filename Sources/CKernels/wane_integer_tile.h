#ifndef WANE_INTEGER_TILE_H
#define WANE_INTEGER_TILE_H

#include "wane_integer_band.h"

/* The inner loops, written once over a small vocabulary. A level defines, for its name
   `arch`:

     wane_lane_<arch>                      a vector of 32-bit sums
     wane_element_<arch>                   the type of a staged element
     wane_lane_zero_<arch>()
     wane_lane_weights_<arch>(packed)      weights of one unit: `lanes` channels, one quad
     wane_lane_input_<arch>(x)             one quad of input in every lane
     wane_lane_dot_<arch>(sums, x, w)      sums + the four products, exact
     wane_lane_store_<arch>(sums, units, to)

   WANE_INTEGER_TILE(arch, target, name, rows, units) then makes the tile of `rows` pixels times
   `units` vectors. `stride` is the distance of the units in the packed weights. All accumulators
   are registers: rows and units are constants and the loops over them unroll. */

#if defined(__clang__)
#define WANE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define WANE_UNROLL _Pragma("GCC unroll 16")
#endif

#define WANE_INTEGER_TILE(arch, target, name, rows, units)                                      \
  target static void name(const wane_integer_band *band, const int32_t *offsets,                \
                          const int8_t *packed, size_t stride,                                  \
                          int32_t(*sums)[WANE_INTEGER_CHANNELS]) {                              \
    const wane_integer_plan *plan = band->plan;                                                 \
    const wane_integer_shape *shape = band->shape;                                              \
    const wane_element_##arch *x[rows];                                                         \
    wane_lane_##arch lanes[rows][units];                                                        \
    WANE_UNROLL                                                                                 \
    for (int r = 0; r < rows; r++) {                                                            \
      x[r] = (const wane_element_##arch *)band->stage + offsets[r];                             \
      WANE_UNROLL                                                                               \
      for (int u = 0; u < units; u++) lanes[r][u] = wane_lane_zero_##arch();                    \
    }                                                                                           \
    /* From one segment to the next: down a row, or along it when dilated. */                   \
    size_t down = (size_t)shape->dilation_height * plan->stage_width * (size_t)shape->channels; \
    size_t along = (size_t)shape->dilation_width * (size_t)shape->channels;                     \
    size_t in_row = plan->segments / (size_t)shape->kernel_height;                              \
    for (size_t kernel_row = 0; kernel_row < (size_t)shape->kernel_height; kernel_row++) {      \
      for (size_t segment = 0; segment < in_row; segment++) {                                   \
        size_t at = kernel_row * down + segment * along;                                        \
        for (size_t quad = 0; quad < plan->quads; quad++, packed += 64, at += 4) {              \
          wane_lane_##arch w[units];                                                            \
          WANE_UNROLL                                                                           \
          for (int u = 0; u < units; u++)                                                       \
            w[u] = wane_lane_weights_##arch(packed + (size_t)u * stride);                       \
          WANE_UNROLL                                                                           \
          for (int r = 0; r < rows; r++) {                                                      \
            wane_lane_##arch input = wane_lane_input_##arch(x[r] + at);                         \
            WANE_UNROLL                                                                         \
            for (int u = 0; u < units; u++)                                                     \
              lanes[r][u] = wane_lane_dot_##arch(lanes[r][u], input, w[u]);                     \
          }                                                                                     \
        }                                                                                       \
      }                                                                                         \
    }                                                                                           \
    WANE_UNROLL                                                                                 \
    for (int r = 0; r < rows; r++) wane_lane_store_##arch(lanes[r], units, sums[r]);            \
  }

#endif
