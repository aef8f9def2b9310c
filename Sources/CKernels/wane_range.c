/* What calibration looks at: ranges and histograms. */

#include "wane_quantize.h"

#include "wane_lanes.h"

#include <string.h>

/* Lowers minimum and raises maximum lane by lane; comparisons with NaN are false. */
WANE_BODY void wane_range_f32__body(const float *x, size_t n, float *minimum, float *maximum) {
  float least[WANE_LANES], most[WANE_LANES];
  for (int l = 0; l < WANE_LANES; l++) least[l] = *minimum, most[l] = *maximum;
  size_t i = 0;
  for (; i + WANE_LANES <= n; i += WANE_LANES) {
    for (int l = 0; l < WANE_LANES; l++) {
      least[l] = x[i + l] < least[l] ? x[i + l] : least[l];
      most[l] = x[i + l] > most[l] ? x[i + l] : most[l];
    }
  }
  for (int l = 0; i < n; i++, l++) {
    least[l] = x[i] < least[l] ? x[i] : least[l];
    most[l] = x[i] > most[l] ? x[i] : most[l];
  }
  for (int l = 0; l < WANE_LANES; l++) {
    *minimum = least[l] < *minimum ? least[l] : *minimum;
    *maximum = most[l] > *maximum ? most[l] : *maximum;
  }
}
WANE_KERNEL(wane_range_f32, (const float *x, size_t n, float *minimum, float *maximum),
            (x, n, minimum, maximum))

WANE_BODY void wane_channel_range_f32__body(const float *x, size_t outer, size_t channels,
                                            size_t inner, float *minimum, float *maximum) {
  for (size_t o = 0; o < outer; o++) {
    if (inner == 1) {
      const float *row = x + o * channels;
      WANE_VECTORIZE
      for (size_t c = 0; c < channels; c++) {
        minimum[c] = row[c] < minimum[c] ? row[c] : minimum[c];
        maximum[c] = row[c] > maximum[c] ? row[c] : maximum[c];
      }
      continue;
    }
    for (size_t c = 0; c < channels; c++)
      wane_range_f32__body(x + (o * channels + c) * inner, inner, minimum + c, maximum + c);
  }
}
WANE_KERNEL(wane_channel_range_f32,
            (const float *x, size_t outer, size_t channels, size_t inner, float *minimum,
             float *maximum),
            (x, outer, channels, inner, minimum, maximum))

/* Bin numbers are computed in vectors, counted one by one. */
WANE_BODY void wane_histogram_f32__body(const float *x, size_t n, float low, float high,
                                        uint64_t *counts, size_t bins) {
  enum { piece = 256 };
  if (bins == 0) return;
  if (bins > INT32_MAX) bins = INT32_MAX;
  double width = ((double)high - (double)low) / (double)bins;
  double last = (double)(bins - 1);
  int32_t bin[piece];
  for (size_t begin = 0; begin < n; begin += piece) {
    size_t count = n - begin < piece ? n - begin : piece;
    const float *from = x + begin;
    for (size_t i = 0; i < count; i++) {
      double position = ((double)from[i] - (double)low) / width;
      position = position > 0.0 ? position : 0.0;
      position = position < last ? position : last;
      int32_t number = (int32_t)position;
      bin[i] = from[i] == from[i] ? number : -1;
    }
    for (size_t i = 0; i < count; i++)
      if (bin[i] >= 0) counts[bin[i]]++;
  }
}
WANE_KERNEL(wane_histogram_f32,
            (const float *x, size_t n, float low, float high, uint64_t *counts, size_t bins),
            (x, n, low, high, counts, bins))
