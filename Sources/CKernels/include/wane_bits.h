#ifndef WANE_BITS_H
#define WANE_BITS_H

#include <stddef.h>
#include <stdint.h>

/* Codes of 1 to 8 bits, packed without gaps: code i takes bits i * bits ..< (i + 1) * bits of the
   stream, whose bit j is bit j % 8 of byte j / 8. The unused bits of the last byte are 0. */

/* Bytes that n codes take: ceil(n * bits / 8); 0 when bits is not in 1 ... 8 or the product
   overflows. */
size_t wane_bits_size(size_t n, int bits);

/* Only the low `bits` bits of each code are stored. They return 0, or EINVAL when bits is
   not in 1 ... 8. */
int wane_bits_pack(const uint8_t *codes, size_t n, int bits, uint8_t *packed);
int wane_bits_unpack(const uint8_t *packed, size_t n, int bits, uint8_t *codes);

#endif
