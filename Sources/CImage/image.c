#include "image_decoder.h"

#include <string.h>

int wane_image_fail(wane_image *image, const char *message) {
  size_t length = strlen(message);
  if (length >= WANE_IMAGE_MESSAGE) length = WANE_IMAGE_MESSAGE - 1;
  memmove(image->message, message, length);
  image->message[length] = 0;
  return -1;
}

static int is_png(const uint8_t *bytes, size_t count) {
  static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  return count >= sizeof signature && !memcmp(bytes, signature, sizeof signature);
}

static int is_jpeg(const uint8_t *bytes, size_t count) {
  return count >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

int wane_image_measure(const uint8_t *bytes, size_t count, wane_image *image) {
  image->height = image->width = 0;
  image->message[0] = 0;
  int status;
  if (is_png(bytes, count))
    status = wane_png_read(bytes, count, image, NULL);
  else if (is_jpeg(bytes, count))
    status = wane_jpeg_read(bytes, count, 3, image, NULL);
  else
    return wane_image_fail(image, "is neither a PNG nor a JPEG image");
  if (status) return status;
  if (image->height < 1 || image->width < 1 || image->height > 65535 || image->width > 65535)
    return wane_image_fail(image, "has extents beyond 65535");
  /* Deflate makes at most 1032 bytes of one (zlib's technical notes), each of 8 pixels at most;
     JPEG's blocks, of 256 pixels at most, take a bit or more. */
  enum { most_pixels_of_a_byte = 1032 * 8 };
  if ((uint64_t)image->height * (uint64_t)image->width > (uint64_t)count * most_pixels_of_a_byte)
    return wane_image_fail(image, "is too short for its extents");
  return 0;
}

int wane_image_decode(const uint8_t *bytes, size_t count, int channels, wane_image *image,
                      uint8_t *pixels) {
  if (!is_png(bytes, count)) return wane_jpeg_read(bytes, count, channels, image, pixels);
  int status = wane_png_read(bytes, count, image, pixels);
  if (status || channels == 3) return status;
  size_t number = (size_t)image->height * (size_t)image->width;
  /* 0.299, 0.587 and 0.114 times 2^16. In place: what is written lies before what is read. */
  for (size_t i = 0; i < number; i++)
    pixels[i] = (uint8_t)((pixels[3 * i] * 19595u + pixels[3 * i + 1] * 38470u +
                           pixels[3 * i + 2] * 7471u + 0x8000u) >>
                          16);
  return 0;
}
