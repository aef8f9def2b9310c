#include "image_decoder.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

/* Both begin with what the library knows. */
typedef struct errors {
  struct jpeg_error_mgr manager;
  jmp_buf out;
  wane_image *image;
} errors;

static void stop(j_common_ptr state, const char *message) {
  errors *own = (errors *)state->err;
  wane_image_fail(own->image, message);
  longjmp(own->out, 1);
}

static void fail(j_common_ptr state) {
  char message[JMSG_LENGTH_MAX];
  state->err->format_message(state, message);
  stop(state, message);
}

/* Warnings pass, except that the data end early: the library would make the rest up. */
static void note(j_common_ptr state, int level) {
  int code = state->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
    stop(state, "the file ends within the image");
}

static void be_silent(j_common_ptr state) { (void)state; }

/* A progressive file may repeat scans of a few bytes each, every one as dear as the image. */
static void count_scans(j_common_ptr state) {
  enum { most_scans = 100 };
  if (!state->is_decompressor) return;
  if (((j_decompress_ptr)state)->input_scan_number > most_scans)
    stop(state, "has more than 100 scans");
}

/* What may jump: only the library's calls stand here, and nothing is owned. */
static void decode(struct jpeg_decompress_struct *state, const uint8_t *bytes, size_t count,
                   int channels, wane_image *image, uint8_t *pixels) {
  jpeg_mem_src(state, bytes, count);
  jpeg_read_header(state, TRUE);
  if (!pixels) {
    image->height = (int32_t)state->image_height;
    image->width = (int32_t)state->image_width;
    return;
  }
  if (state->image_height != (JDIMENSION)image->height ||
      state->image_width != (JDIMENSION)image->width)
    stop((j_common_ptr)state, "the extents have changed");
  state->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(state);
  while (state->output_scanline < state->output_height) {
    JSAMPROW row = pixels + (size_t)state->output_scanline * state->output_width * (size_t)channels;
    jpeg_read_scanlines(state, &row, 1);
  }
  jpeg_finish_decompress(state);
}

int wane_jpeg_read(const uint8_t *bytes, size_t count, int channels, wane_image *image,
                   uint8_t *pixels) {
  struct jpeg_decompress_struct state;
  struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
  errors own = {.image = image};
  state.err = jpeg_std_error(&own.manager);
  own.manager.error_exit = fail;
  own.manager.emit_message = note;
  own.manager.output_message = be_silent;
  /* Before the state exists there is nothing to destroy, and destroying it is safe then. */
  state.mem = NULL;
  if (setjmp(own.out)) {
    jpeg_destroy_decompress(&state);
    return -1;
  }
  jpeg_create_decompress(&state);
  state.progress = &progress;
  decode(&state, bytes, count, channels, image, pixels);
  jpeg_destroy_decompress(&state);
  return 0;
}
