#ifndef WANE_CAST_H
#define WANE_CAST_H

#include <stddef.h>
#include <stdint.h>

/* Conversions between element types. From float to an integer: towards zero, saturating, NaN
   becomes 0. A bool is a byte, 0 or 1; on reading, any byte other than 0 is true. Source and
   destination must not overlap. */

void wane_cast_f32_i32(const float *x, int32_t *y, size_t n);
void wane_cast_f32_u8(const float *x, uint8_t *y, size_t n);
void wane_cast_f32_i8(const float *x, int8_t *y, size_t n);
void wane_cast_f32_bool(const float *x, uint8_t *y, size_t n);

void wane_cast_i32_f32(const int32_t *x, float *y, size_t n);
void wane_cast_u8_f32(const uint8_t *x, float *y, size_t n);
void wane_cast_i8_f32(const int8_t *x, float *y, size_t n);
void wane_cast_bool_f32(const uint8_t *x, float *y, size_t n);

/* Between integers: saturating. (u8 and i8 widen to i32 through these two.) */
void wane_cast_i32_u8(const int32_t *x, uint8_t *y, size_t n);
void wane_cast_i32_i8(const int32_t *x, int8_t *y, size_t n);
void wane_cast_u8_i32(const uint8_t *x, int32_t *y, size_t n);
void wane_cast_i8_i32(const int8_t *x, int32_t *y, size_t n);

/* Floats of 16 bits: IEEE 754 half precision, and the upper half of an f32. To the nearest, ties to
   even; NaN stays NaN. */
void wane_cast_f32_f16(const float *x, uint16_t *y, size_t n);
void wane_cast_f16_f32(const uint16_t *x, float *y, size_t n);
void wane_cast_f32_bf16(const float *x, uint16_t *y, size_t n);
void wane_cast_bf16_f32(const uint16_t *x, float *y, size_t n);

/* y = x * scale + offset: images stay bytes in memory and become floats here. */
void wane_scale_u8_f32(const uint8_t *x, float scale, float offset, float *y, size_t n);

#endif
