#ifndef WANE_GRID_H
#define WANE_GRID_H

#include "wane_quantize.h"

#include "wane_math.h"

/* Walks over the elements of a grid in pieces of at most WANE_GRID_PIECE contiguous elements, each
   with a scale and a zero point for every element, so that a kernel has one inner loop, whatever
   the axis. */
enum { WANE_GRID_PIECE = 256 };

typedef struct {
  size_t offset, count; /* this piece: elements offset ..< offset + count */
  const float *scale;   /* [count] */
  const int32_t *zero;  /* [count] */
  size_t run, done;     /* rows (channels last) or runs of one channel begun, elements of it done */
  float scale_store[WANE_GRID_PIECE];
  int32_t zero_store[WANE_GRID_PIECE];
} wane_grid_piece;

WANE_BODY void wane_grid_begin(wane_grid_piece *piece) {
  piece->run = piece->done = 0;
  piece->count = 0;
}

/* Moves to the next piece; 0 at the end. */
WANE_BODY int wane_grid_next(const wane_grid *grid, wane_grid_piece *piece) {
  int across = grid->inner == 1; /* a row has all channels, one element each */
  size_t length = across ? grid->channels : grid->inner;
  size_t runs = across ? grid->outer : grid->outer * grid->channels;
  piece->done += piece->count;
  if (piece->done >= length) {
    piece->run++;
    piece->done = 0;
  }
  if (piece->run >= runs || length == 0) return 0;
  size_t left = length - piece->done;
  piece->count = left < WANE_GRID_PIECE ? left : WANE_GRID_PIECE;
  piece->offset = piece->run * length + piece->done;
  if (across) {
    piece->scale = grid->scale + piece->done;
    if (grid->zero) {
      piece->zero = grid->zero + piece->done;
    } else {
      for (size_t i = 0; i < piece->count; i++) piece->zero_store[i] = 0;
      piece->zero = piece->zero_store;
    }
    return 1;
  }
  if (piece->done == 0) {
    size_t channel = piece->run % grid->channels;
    float scale = grid->scale[channel];
    int32_t zero = grid->zero ? grid->zero[channel] : 0;
    for (size_t i = 0; i < piece->count; i++) piece->scale_store[i] = scale;
    for (size_t i = 0; i < piece->count; i++) piece->zero_store[i] = zero;
  }
  piece->scale = piece->scale_store;
  piece->zero = piece->zero_store;
  return 1;
}

/* round(x / scale), cut to low - zero ... high - zero. The bounds are integers, so cutting before
   rounding gives the same, and the rounding trick needs small numbers. NaN counts as 0. */
WANE_BODY float wane_grid_step(float x, float scale, int32_t zero, int32_t low, int32_t high) {
  float least = (float)(low - zero), most = (float)(high - zero);
  float t = x / scale;
  t = t == t ? t : 0.0f;
  t = t > least ? t : least;
  t = t < most ? t : most;
  return wane_math_round(t);
}

#endif
