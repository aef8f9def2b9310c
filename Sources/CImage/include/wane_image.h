#ifndef WANE_IMAGE_H
#define WANE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* PNG and JPEG images in memory, told by content. What libpng and libjpeg jump out of stays in
   here; a caller sees 0 or, with a message, -1. */

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

enum { WANE_IMAGE_MESSAGE = 200 };

typedef struct wane_image {
  int32_t height, width;
  char message[WANE_IMAGE_MESSAGE];
} wane_image;

/* Reads the extents, each in 1...65535. A file that is too short for as many pixels, however well
   compressed, is refused here, so that the extents may be used to ask for memory. */
int wane_image_measure(const uint8_t *bytes, size_t count, wane_image *image);

/* Decodes to 1 (grey) or 3 channels (red, green, blue) of a byte each, rows from the top. An alpha
   channel is dropped, 16 bits are rounded to 8, colours become grey by the weights of ITU-R BT.601.
   `pixels` has room for height x width x 3 bytes whatever the channels, and `image` is as
   `wane_image_measure` left it. A file that is damaged or cut short is refused. */
int wane_image_decode(const uint8_t *bytes, size_t count, int channels, wane_image *image,
                      uint8_t *pixels);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
