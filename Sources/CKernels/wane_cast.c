#include "wane_cast.h"

#include "wane_math.h"

/* One line a conversion: source type, destination type, y[i] from x[i]. */
#define WANE_CAST(name, source, destination, expression)                   \
  WANE_BODY void name##__body(const source *x, destination *y, size_t n) { \
    WANE_VECTORIZE                                                         \
    for (size_t i = 0; i < n; i++) y[i] = (destination)(expression);       \
  }                                                                        \
  WANE_KERNEL(name, (const source *x, destination *y, size_t n), (x, y, n))

/* x cut to low ... high, which a float holds exactly, NaN to 0: what is left converts without
   overflow. */
WANE_BODY int32_t wane_cast_saturate(float x, float low, float high) {
  float number = x == x ? x : 0.0f;
  float raised = number > low ? number : low;
  return (int32_t)(raised < high ? raised : high);
}

/* 2^31 is a float, 2^31 - 1 is not: the largest float below it converts, the rest is chosen. */
WANE_BODY int32_t wane_cast_saturate_i32(float x) {
  int32_t inside = wane_cast_saturate(x, -2147483648.0f, 2147483520.0f);
  return x >= 2147483648.0f ? INT32_MAX : inside;
}

WANE_BODY int32_t wane_cast_clamp(int32_t x, int32_t low, int32_t high) {
  int32_t raised = x > low ? x : low;
  return raised < high ? raised : high;
}

WANE_CAST(wane_cast_f32_i32, float, int32_t, wane_cast_saturate_i32(x[i]))
WANE_CAST(wane_cast_f32_u8, float, uint8_t, wane_cast_saturate(x[i], 0.0f, 255.0f))
WANE_CAST(wane_cast_f32_i8, float, int8_t, wane_cast_saturate(x[i], -128.0f, 127.0f))
WANE_CAST(wane_cast_f32_bool, float, uint8_t, x[i]<0.0f || x[i]> 0.0f)

WANE_CAST(wane_cast_i32_f32, int32_t, float, x[i])
WANE_CAST(wane_cast_u8_f32, uint8_t, float, x[i])
WANE_CAST(wane_cast_i8_f32, int8_t, float, x[i])
WANE_CAST(wane_cast_bool_f32, uint8_t, float, x[i] != 0)

WANE_CAST(wane_cast_i32_u8, int32_t, uint8_t, wane_cast_clamp(x[i], 0, 255))
WANE_CAST(wane_cast_i32_i8, int32_t, int8_t, wane_cast_clamp(x[i], -128, 127))
WANE_CAST(wane_cast_u8_i32, uint8_t, int32_t, x[i])
WANE_CAST(wane_cast_i8_i32, int8_t, int32_t, x[i])

WANE_BODY void wane_scale_u8_f32__body(const uint8_t *x, float scale, float offset, float *y,
                                       size_t n) {
  WANE_VECTORIZE
  for (size_t i = 0; i < n; i++) y[i] = (float)x[i] * scale + offset;
}
WANE_KERNEL(wane_scale_u8_f32, (const uint8_t *x, float scale, float offset, float *y, size_t n),
            (x, scale, offset, y, n))
