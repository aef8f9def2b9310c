/* Eight codes of b bits are b bytes, so the stream is handled in groups of eight: 64 bits hold one.
 */

#include "wane_bits.h"

#include <errno.h>
#include <string.h>

size_t wane_bits_size(size_t n, int bits) {
  if (bits < 1 || bits > 8) return 0;
  size_t groups = n / 8, rest = n % 8;
  size_t whole;
  if (__builtin_mul_overflow(groups, (size_t)bits, &whole)) return 0;
  return whole + (rest * (size_t)bits + 7) / 8;
}

/* Packs up to eight codes into the low bits of a word. */
static uint64_t wane_bits_gather(const uint8_t *codes, size_t count, int bits) {
  uint64_t mask = (UINT64_C(1) << bits) - 1, word = 0;
  for (size_t i = 0; i < count; i++) word |= (codes[i] & mask) << (i * (size_t)bits);
  return word;
}

static void wane_bits_scatter(uint64_t word, size_t count, int bits, uint8_t *codes) {
  uint64_t mask = (UINT64_C(1) << bits) - 1;
  for (size_t i = 0; i < count; i++) codes[i] = (uint8_t)(word >> (i * (size_t)bits) & mask);
}

/* Little-endian, whatever the machine. */
static void wane_bits_store(uint64_t word, size_t bytes, uint8_t *packed) {
  for (size_t i = 0; i < bytes; i++) packed[i] = (uint8_t)(word >> (8 * i));
}

static uint64_t wane_bits_load(const uint8_t *packed, size_t bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes; i++) word |= (uint64_t)packed[i] << (8 * i);
  return word;
}

int wane_bits_pack(const uint8_t *codes, size_t n, int bits, uint8_t *packed) {
  if (bits < 1 || bits > 8) return EINVAL;
  if (bits == 8) {
    memcpy(packed, codes, n);
    return 0;
  }
  for (; n >= 8; n -= 8, codes += 8, packed += bits)
    wane_bits_store(wane_bits_gather(codes, 8, bits), (size_t)bits, packed);
  wane_bits_store(wane_bits_gather(codes, n, bits), (n * (size_t)bits + 7) / 8, packed);
  return 0;
}

int wane_bits_unpack(const uint8_t *packed, size_t n, int bits, uint8_t *codes) {
  if (bits < 1 || bits > 8) return EINVAL;
  if (bits == 8) {
    memcpy(codes, packed, n);
    return 0;
  }
  for (; n >= 8; n -= 8, codes += 8, packed += bits)
    wane_bits_scatter(wane_bits_load(packed, (size_t)bits), 8, bits, codes);
  wane_bits_scatter(wane_bits_load(packed, (n * (size_t)bits + 7) / 8), n, bits, codes);
  return 0;
}
