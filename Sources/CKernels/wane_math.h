#ifndef WANE_MATH_H
#define WANE_MATH_H

#include "wane_dispatch.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Elementary functions without branches or calls, to be inlined into vectorized loops. Each is
   argument reduction plus a Taylor polynomial long enough that its remainder is far below half an
   ulp, so the error is that of the last few roundings. No fused operations: every level gives the
   same bits. */

WANE_BODY float wane_math_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

WANE_BODY uint32_t wane_math_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* sqrtf may set errno, which keeps a loop from being vectorized. */
WANE_BODY float wane_math_sqrt(float x) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(x);
#else
  return sqrtf(x);
#endif
#else
  return sqrtf(x);
#endif
}

/* Adding 1.5 * 2^23 leaves no bits below 1: the sum is rounded to an integer, half to even, and its
   low bits are that integer. For |x| < 2^22. */
static const float wane_math_rounder = 12582912.0f;

/* x rounded to an integer, half to even, for |x| < 2^22. */
WANE_BODY float wane_math_round(float x) { return (x + wane_math_rounder) - wane_math_rounder; }

/* ln 2 = high + low; high has 10 significant bits, so n * high is exact for |n| < 2^14. */
static const float wane_math_ln2_high = 0.693359375f;
static const float wane_math_ln2_low = -2.12194440e-4f;

/* exp(r) - 1 for |r| <= ln(2) / 2. Remainder r^8 / 8! < 2^-27 of the result. */
WANE_BODY float wane_math_expm1_reduced(float r) {
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  return p * r * r + r;
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2). 2^n is added to the exponent field, so results below
   2^-126 are made 0 and those above FLT_MAX infinite by comparison. NaN stays NaN. */
WANE_BODY float wane_math_exp(float x) {
  const float lowest = -87.3365f, highest = 88.7228317f; /* ln 2^-126, ln FLT_MAX */
  float inside = x > lowest ? x : lowest;
  inside = inside < highest ? inside : highest;
  float shifted = inside * 1.44269504f + wane_math_rounder;
  float n = shifted - wane_math_rounder;
  float r = (inside - n * wane_math_ln2_high) - n * wane_math_ln2_low;
  float e = 1.0f + wane_math_expm1_reduced(r);
  uint32_t shift = (wane_math_bits(shifted) - wane_math_bits(wane_math_rounder)) << 23;
  float y = wane_math_float(wane_math_bits(e) + shift);
  y = x < lowest ? 0.0f : y;
  y = x > highest ? INFINITY : y;
  return x == x ? y : x;
}

/* exp(x) - 1 without cancellation, for -20 <= x <= 20. */
WANE_BODY float wane_math_expm1_small(float x) {
  float shifted = x * 1.44269504f + wane_math_rounder;
  float n = shifted - wane_math_rounder;
  float r = (x - n * wane_math_ln2_high) - n * wane_math_ln2_low;
  uint32_t shift = (wane_math_bits(shifted) - wane_math_bits(wane_math_rounder)) << 23;
  float power = wane_math_float(wane_math_bits(1.0f) + shift);
  return power * wane_math_expm1_reduced(r) + (power - 1.0f);
}

/* exp(x) - 1 for x <= 0: -1 from -20 on, which is half an ulp away. NaN stays NaN. */
WANE_BODY float wane_math_expm1_negative(float x) {
  return wane_math_expm1_small(x < -20.0f ? -20.0f : x);
}

/* tanh(x) = (exp(2|x|) - 1) / (exp(2|x|) + 1) with the sign of x; 1 from |x| = 9.02 on. */
WANE_BODY float wane_math_tanh(float x) {
  float magnitude = wane_math_float(wane_math_bits(x) & 0x7fffffffu);
  float inside = magnitude < 10.0f ? magnitude : 10.0f;
  float t = wane_math_expm1_small(2.0f * inside);
  float y = t / (t + 2.0f);
  y = wane_math_float(wane_math_bits(y) | (wane_math_bits(x) & 0x80000000u));
  return x == x ? y : x;
}

WANE_BODY float wane_math_sigmoid(float x) { return 1.0f / (1.0f + wane_math_exp(-x)); }

/* log(x) = e ln 2 + log(m), m in [sqrt(1/2), sqrt(2)), and with f = m - 1, s = f / (2 + f):
     log(1 + f) = 2 atanh(s) = 2 s + s R,  R = 2 s^2 / 3 + 2 s^4 / 5 + ...,  2 s = f - s f,
   so log(1 + f) = f - s (f - R), whose second term is small. Remainder 2 s^11 / 11, below 2^-29. */
WANE_BODY float wane_math_log(float x) {
  float normal = x < FLT_MIN ? x * 8388608.0f : x; /* 2^23 */
  uint32_t bits = wane_math_bits(normal);
  /* Moves the cut between exponents from 1 to sqrt(1/2), 0x3f3504f3. */
  uint32_t moved = bits + (0x3f800000u - 0x3f3504f3u);
  float exponent = (float)((int32_t)(moved >> 23) - 127);
  exponent = x < FLT_MIN ? exponent - 23.0f : exponent;
  float m = wane_math_float((moved & 0x007fffffu) + 0x3f3504f3u);
  float f = m - 1.0f;
  float s = f / (2.0f + f);
  float z = s * s;
  float r = 2.0f / 9;
  r = r * z + 2.0f / 7;
  r = r * z + 2.0f / 5;
  r = r * z + 2.0f / 3;
  r = r * z;
  float y = exponent * wane_math_ln2_high + (f - (s * (f - r) - exponent * wane_math_ln2_low));
  y = x == 0.0f ? -INFINITY : y;
  y = x < 0.0f ? NAN : y;
  y = x > FLT_MAX ? INFINITY : y;
  return x == x ? y : x;
}

/* log(1 + u) for 0 <= u <= 1, to the last digits of small u: 2 atanh(s), s = u / (2 + u) <= 1 / 3.
   Remainder 2 s^17 / 17, below 2^-29. */
WANE_BODY float wane_math_log1p_unit(float u) {
  float s = u / (2.0f + u);
  float z = s * s;
  float p = 2.0f / 15;
  p = p * z + 2.0f / 13;
  p = p * z + 2.0f / 11;
  p = p * z + 2.0f / 9;
  p = p * z + 2.0f / 7;
  p = p * z + 2.0f / 5;
  p = p * z + 2.0f / 3;
  return p * z * s + 2.0f * s;
}

/* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). */
WANE_BODY float wane_math_softplus(float x) {
  float magnitude = wane_math_float(wane_math_bits(x) & 0x7fffffffu);
  return (x > 0.0f ? x : 0.0f) + wane_math_log1p_unit(wane_math_exp(-magnitude));
}

/* The normal distribution's density and distribution function at x. The latter is
   erfc(-x / sqrt(2)) / 2 with erfc(z) = (a1 t + ... + a5 t^5) exp(-z^2), t = 1 / (1 + p z), for
   z >= 0: Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 7.1.26, within 1.5e-7.
 */
WANE_BODY void wane_math_normal(float x, float *density, float *below) {
  float magnitude = wane_math_float(wane_math_bits(x) & 0x7fffffffu);
  float e = wane_math_exp(-0.5f * (x * x));
  float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * magnitude);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  float tail = 0.5f * (p * t) * e;
  *density = 0.39894228f * e;
  *below = x > 0.0f ? 1.0f - tail : tail;
}

/* cos and sin of 2 pi u for 0 <= u <= 1: a quarter turn k and the angle within it, |a| <= pi / 4,
   where the Taylor remainders a^11 / 11! and a^10 / 10! are below 2^-25. */
WANE_BODY void wane_math_turn(float u, float *cosine, float *sine) {
  float shifted = 4.0f * u + wane_math_rounder;
  float k = shifted - wane_math_rounder;
  uint32_t quarter = wane_math_bits(shifted);
  float a = (4.0f * u - k) * 1.57079633f;
  float z = a * a;
  float s = 1.0f / 362880;
  s = s * z - 1.0f / 5040;
  s = s * z + 1.0f / 120;
  s = s * z - 1.0f / 6;
  s = s * z * a + a;
  float c = 1.0f / 40320;
  c = c * z - 1.0f / 720;
  c = c * z + 1.0f / 24;
  c = c * z - 0.5f;
  c = c * z + 1.0f;
  float x = quarter & 1 ? s : c;
  float y = quarter & 1 ? c : s;
  *cosine = wane_math_float(wane_math_bits(x) ^ (((quarter + 1) & 2) << 30));
  *sine = wane_math_float(wane_math_bits(y) ^ ((quarter & 2) << 30));
}

#endif
