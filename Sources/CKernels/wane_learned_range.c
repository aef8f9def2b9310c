#include "wane_learned_range.h"

#include "wane_dispatch.h"
#include "wane_math.h"

WANE_BODY float wane_range_slope(float x, float scale, float least, float most, float part) {
  float t = x / scale;
  t = t == t ? t : 0.0f;
  float c = t > least ? t : least;
  c = c < most ? c : most;
  float code = wane_math_round(c);
  return c == t ? (code - t) * part : code;
}

WANE_BODY float wane_range_scale_grad_f32__body(const float *x, const float *dy, size_t n,
                                                float scale, int32_t least, int32_t most,
                                                int within) {
  float sums[WANE_LANES] = {0}, low = (float)least, high = (float)most;
  float part = within ? 1.0f : 0.0f;
  size_t whole = n - n % WANE_LANES;
  for (size_t i = 0; i < whole; i += WANE_LANES)
    for (size_t k = 0; k < WANE_LANES; k++)
      sums[k] += dy[i + k] * wane_range_slope(x[i + k], scale, low, high, part);
  for (size_t k = 0; whole + k < n; k++)
    sums[k] += dy[whole + k] * wane_range_slope(x[whole + k], scale, low, high, part);
  float sum = 0;
  for (size_t k = 0; k < WANE_LANES; k++) sum += sums[k];
  return sum;
}
WANE_KERNEL_RETURNING(float, wane_range_scale_grad_f32,
                      (const float *x, const float *dy, size_t n, float scale, int32_t least,
                       int32_t most, int within),
                      (x, dy, n, scale, least, most, within))
