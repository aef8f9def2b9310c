#include "image_decoder.h"

#include <png.h>
#include <string.h>

typedef struct reader {
  const uint8_t *next;
  size_t left;
  wane_image *image;
} reader;

static void fail(png_structp png, png_const_charp message) {
  reader *source = png_get_error_ptr(png);
  wane_image_fail(source->image, message);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void take(png_structp png, png_bytep target, size_t count) {
  reader *source = png_get_io_ptr(png);
  if (count > source->left) png_error(png, "the file ends within the image");
  memcpy(target, source->next, count);
  source->next += count;
  source->left -= count;
}

/* What may jump: only libpng's calls stand here, and nothing is owned. */
static void decode(png_structp png, png_infop info, wane_image *image, uint8_t *pixels) {
  png_set_user_limits(png, 65535, 65535);
  png_read_info(png, info);
  uint32_t height = png_get_image_height(png, info), width = png_get_image_width(png, info);
  if (!pixels) {
    image->height = (int32_t)height;
    image->width = (int32_t)width;
    return;
  }
  if (height != (uint32_t)image->height || width != (uint32_t)image->width)
    png_error(png, "the extents have changed");
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_rowbytes(png, info) != (size_t)width * 3) png_error(png, "has unknown channels");
  for (int pass = 0; pass < passes; pass++)
    for (uint32_t i = 0; i < height; i++) png_read_row(png, pixels + (size_t)i * width * 3, NULL);
  png_read_end(png, NULL);
}

int wane_png_read(const uint8_t *bytes, size_t count, wane_image *image, uint8_t *pixels) {
  reader source = {bytes, count, image};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, fail, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_read_struct(&png, NULL, NULL);
    return wane_image_fail(image, "not enough memory");
  }
  png_set_read_fn(png, &source, take);
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return -1;
  }
  decode(png, info, image, pixels);
  png_destroy_read_struct(&png, &info, NULL);
  return 0;
}
