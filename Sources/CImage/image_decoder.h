#ifndef WANE_IMAGE_DECODER_H
#define WANE_IMAGE_DECODER_H

#include "wane_image.h"

/* Keeps a library's reason in the image, and returns -1. */
int wane_image_fail(wane_image *image, const char *message);

/* With `pixels` NULL only the extents are read. */
int wane_png_read(const uint8_t *bytes, size_t count, wane_image *image, uint8_t *pixels);
int wane_jpeg_read(const uint8_t *bytes, size_t count, int channels, wane_image *image,
                   uint8_t *pixels);

#endif
