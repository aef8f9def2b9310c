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

WANE_BODY uint32_t wane_cast_word(float x) {
  union {
    float number;
    uint32_t word;
  } both = {.number = x};
  return both.word;
}

WANE_BODY float wane_cast_number(uint32_t word) {
  union {
    uint32_t word;
    float number;
  } both = {.word = word};
  return both.number;
}

/* Biases are 127 and 15; the fraction loses 13 bits. All cases are computed and one is chosen, so
   that the loop has no branches. */
WANE_BODY uint16_t wane_cast_to_f16(float x) {
  uint32_t word = wane_cast_word(x), sign = word & 0x80000000u, size = word ^ sign;
  uint32_t special = size > 0x7F800000u ? 0x7E00u : 0x7C00u;
  /* Adding 1/2 moves the last bit of a number below 2^-14 to where the sum is rounded. */
  uint32_t small = wane_cast_word(wane_cast_number(size) + 0.5f) - 0x3F000000u;
  uint32_t normal = (size - (112u << 23) + 0xFFFu + ((size >> 13) & 1)) >> 13;
  uint32_t finite = size < 0x38800000u ? small : normal;
  return (uint16_t)((size >= 0x47800000u ? special : finite) | sign >> 16);
}

WANE_BODY float wane_cast_from_f16(uint16_t x) {
  uint32_t size = (uint32_t)(x & 0x7FFF) << 13, exponent = size & 0x0F800000u;
  uint32_t normal = size + (112u << 23);
  uint32_t special = normal + (112u << 23);
  uint32_t small =
      wane_cast_word(wane_cast_number(normal + (1u << 23)) - wane_cast_number(113u << 23));
  uint32_t finite = exponent == 0 ? small : normal;
  return wane_cast_number((exponent == 0x0F800000u ? special : finite) | (uint32_t)(x & 0x8000)
                                                                             << 16);
}

WANE_BODY uint16_t wane_cast_to_bf16(float x) {
  uint32_t word = wane_cast_word(x);
  uint32_t rounded = (word + 0x7FFFu + ((word >> 16) & 1)) >> 16;
  return (uint16_t)(x == x ? rounded : word >> 16 | 0x40u);
}

WANE_CAST(wane_cast_f32_f16, float, uint16_t, wane_cast_to_f16(x[i]))
WANE_CAST(wane_cast_f16_f32, uint16_t, float, wane_cast_from_f16(x[i]))
WANE_CAST(wane_cast_f32_bf16, float, uint16_t, wane_cast_to_bf16(x[i]))
WANE_CAST(wane_cast_bf16_f32, uint16_t, float, wane_cast_number((uint32_t)x[i] << 16))

WANE_BODY void wane_scale_u8_f32__body(const uint8_t *x, float scale, float offset, float *y,
                                       size_t n) {
  WANE_VECTORIZE
  for (size_t i = 0; i < n; i++) y[i] = (float)x[i] * scale + offset;
}
WANE_KERNEL(wane_scale_u8_f32, (const uint8_t *x, float scale, float offset, float *y, size_t n),
            (x, scale, offset, y, n))
