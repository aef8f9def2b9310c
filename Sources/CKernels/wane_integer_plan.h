#ifndef WANE_INTEGER_PLAN_H
#define WANE_INTEGER_PLAN_H

#include "wane_integer.h"

#include "wane_dispatch.h"

#include <stddef.h>

/* How a shape is computed.

   Products. In NHWC the elements of one kernel row are one run of memory, so the sum over k splits
   into segments: kernel_height segments of kernel_width * channels products (with dilation along
   the row: kernel_height * kernel_width segments of `channels`). A segment is padded with zero
   weights to quads of four products, which is what one 32-bit lane of vpdpbusd takes.

   Packed weights: i8 [blocks of 16 output channels][segments][quads][16 channels][4 products].

   Input. A band of output rows at a time, what it reads is staged in scratch with its padding, so
   that the kernels see no border, and widened to i16 for AVX2. Pixels are listed by the offset of
   their first element in the stage; so a tile of pixels may span rows.

   A 1 x 1 convolution without padding or stride is a product of matrices: its pixels are one long
   row. */

enum {
  WANE_INTEGER_BLOCK = 16,        /* output channels in a block of packed weights */
  WANE_INTEGER_QUAD = 4,          /* products in a lane */
  WANE_INTEGER_STAGE = 128 << 10, /* bytes of staged input to aim at: a quarter of a small L2 */
  WANE_INTEGER_SLACK = 64,        /* bytes readable after the stage: quads overhang their segment */
  WANE_INTEGER_MATRIX_ROWS = 48,  /* pixels of a band of a matrix product */
};

typedef struct {
  int depthwise;
  size_t outputs, blocks;                 /* output channels; blocks of 16 of them */
  size_t segments, segment_length, quads; /* products of a segment; quads of a segment */
  size_t images, in_height, in_width;     /* as seen after merging a matrix product into one row */
  size_t out_height, out_width;
  size_t stage_width; /* pixels of a staged row, padding included */
  size_t band_rows;   /* output rows of a band */
  size_t stage_rows;  /* input rows that a full band reads */
  size_t window;      /* 2 with fused pooling, else 1 */
} wane_integer_plan;

/* Rows of input that `rows` output rows read. */
static inline size_t wane_integer_reach(const wane_integer_shape *s, size_t rows) {
  return (rows - 1) * (size_t)s->stride_height +
         (size_t)(s->kernel_height - 1) * (size_t)s->dilation_height + 1;
}

static inline int wane_integer_is_matrix(const wane_integer_shape *s) {
  return s->out_channels > 0 && s->kernel_height == 1 && s->kernel_width == 1 &&
         s->stride_height == 1 && s->stride_width == 1 && s->pad_top == 0 && s->pad_left == 0 &&
         s->out_height == s->height && s->out_width == s->width && s->max_pool != 2;
}

static inline wane_integer_plan wane_integer_plan_make(const wane_integer_shape *s) {
  wane_integer_plan p = {0};
  p.depthwise = s->out_channels == 0;
  p.outputs = (size_t)(p.depthwise ? s->channels : s->out_channels);
  p.blocks = (p.outputs + WANE_INTEGER_BLOCK - 1) / WANE_INTEGER_BLOCK;
  p.window = s->max_pool == 2 ? 2 : 1;
  if (p.depthwise) {
    p.segments = (size_t)s->kernel_height * (size_t)s->kernel_width;
    p.segment_length = 1;
  } else if (s->dilation_width == 1) {
    p.segments = (size_t)s->kernel_height;
    p.segment_length = (size_t)s->kernel_width * (size_t)s->channels;
  } else {
    p.segments = (size_t)s->kernel_height * (size_t)s->kernel_width;
    p.segment_length = (size_t)s->channels;
  }
  p.quads = (p.segment_length + WANE_INTEGER_QUAD - 1) / WANE_INTEGER_QUAD;
  p.images = (size_t)s->batch;
  p.in_height = (size_t)s->height;
  p.in_width = (size_t)s->width;
  p.out_height = (size_t)s->out_height;
  p.out_width = (size_t)s->out_width;
  if (wane_integer_is_matrix(s)) {
    /* Each pixel is a row of its own; bands are cut as from an image one pixel wide. */
    p.in_height = p.images * p.in_height * p.in_width;
    p.out_height = p.in_height;
    p.images = 1;
    p.in_width = p.out_width = 1;
    p.stage_width = 1;
    p.band_rows =
        p.out_height < WANE_INTEGER_MATRIX_ROWS ? p.out_height : (size_t)WANE_INTEGER_MATRIX_ROWS;
    p.stage_rows = p.band_rows;
    return p;
  }
  p.stage_width = (p.out_width - 1) * (size_t)s->stride_width +
                  (size_t)(s->kernel_width - 1) * (size_t)s->dilation_width + 1;
  size_t row_bytes = 2 * p.stage_width * (size_t)s->channels;
  p.band_rows = p.window;
  while (p.band_rows < p.out_height &&
         wane_integer_reach(s, p.band_rows + p.window) * row_bytes <= WANE_INTEGER_STAGE)
    p.band_rows += p.window;
  p.stage_rows = wane_integer_reach(s, p.band_rows);
  return p;
}

/* Scratch: the stage, two bytes an element, then the offsets of the pixels of a band. */
static inline size_t wane_integer_stage_bytes(const wane_integer_plan *p, size_t channels) {
  size_t bytes = 2 * p->stage_rows * p->stage_width * channels + WANE_INTEGER_SLACK;
  return (bytes + 63) & ~(size_t)63;
}

#endif
