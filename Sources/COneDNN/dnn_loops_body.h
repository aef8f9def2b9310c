// The loops, written once over the vectors that the including file defines: TARGET, LOOPS,
// LOOPS_NAME, WIDTH, vector, mask and their operations.
//
// A block is 6 by 2 vectors of sums: 12 registers, which with 2 vectors of operands and a broadcast
// fill the 16 of AVX2. 12 independent sums hide the 4 cycles of a multiply-add at 2 a cycle, and 8
// loads for 12 multiply-adds stay below the load ports' limit. The gradient of the weights takes
// TAP_BLOCK taps at once: with the 32 registers of AVX-512 12, which halves the loads of diff_dst
// (a Zen 5 core: 24x24x32 1x1 226 to 247 GFLOP/s, the mission's first layer 227 to 247).

#include <stddef.h>

enum { BLOCK = 6, BLOCK_OUTPUTS = 2 * WIDTH };

#define ALWAYS_INLINE TARGET static inline __attribute__((always_inline))

// Two neighbouring vectors of outputs; `partial` when fewer than two are left.
typedef struct {
  mask low, high;
} pair_mask;

ALWAYS_INLINE pair_mask pair_mask_of(int64_t count) {
  return (pair_mask){mask_of(count), mask_of(count - WIDTH)};
}
ALWAYS_INLINE vector load_low(const float *p, bool partial, pair_mask m) {
  return partial ? load_some(p, m.low) : load(p);
}
ALWAYS_INLINE vector load_high(const float *p, bool partial, pair_mask m) {
  return partial ? load_some(p + WIDTH, m.high) : load(p + WIDTH);
}
ALWAYS_INLINE void store_pair(float *p, bool partial, pair_mask m, vector low, vector high) {
  if (partial) {
    store_some(p, m.low, low);
    store_some(p + WIDTH, m.high, high);
  } else {
    store(p, low);
    store(p + WIDTH, high);
  }
}

#define COUNT(n, block, ...) \
  case n:                    \
    block(n, __VA_ARGS__);   \
    break;
#define COUNTS_1_TO_6(block, ...) \
  COUNT(1, block, __VA_ARGS__)    \
  COUNT(2, block, __VA_ARGS__)    \
  COUNT(3, block, __VA_ARGS__)    \
  COUNT(4, block, __VA_ARGS__)    \
  COUNT(5, block, __VA_ARGS__)    \
  COUNT(6, block, __VA_ARGS__)

/// Instantiates `block(count, ...)` for the counts 1 to BLOCK.
#define FOR_COUNT(count, block, ...) \
  switch (count) { COUNTS_1_TO_6(block, __VA_ARGS__) }

/// The same for the counts 1 to TAP_BLOCK.
#if TAP_BLOCK == 6
#define FOR_TAPS(count, block, ...) FOR_COUNT(count, block, __VA_ARGS__)
#else
#define FOR_TAPS(count, block, ...)   \
  switch (count) {                    \
    COUNTS_1_TO_6(block, __VA_ARGS__) \
    COUNT(7, block, __VA_ARGS__)      \
    COUNT(8, block, __VA_ARGS__)      \
    COUNT(9, block, __VA_ARGS__)      \
    COUNT(10, block, __VA_ARGS__)     \
    COUNT(11, block, __VA_ARGS__)     \
    COUNT(12, block, __VA_ARGS__)     \
  }
#endif

/// Number of blocks of at most `size` that cover `count`, and the borders of nearly equal ones.
static inline int64_t block_count(int64_t count, int64_t size) { return (count + size - 1) / size; }
static inline int64_t block_start(int64_t count, int64_t blocks, int64_t index) {
  const int64_t size = count / blocks, larger = count % blocks;
  return index * size + (index < larger ? index : larger);
}

// Weight gradient

typedef struct {
  const wane_dnn_patches *patches;
  const float *src, *diff_dst;  // Of the tile; diff_dst at the outputs of the block.
  int64_t rows;
  pair_mask outputs;
} gradient_tile;

// Sums of `count` taps by two vectors of outputs over a tile; with_bias adds the sum of diff_dst.
ALWAYS_INLINE void gradient_block(int count, const gradient_tile *tile, bool partial,
                                  bool with_bias, const int64_t *offsets, float *weights_gradient,
                                  float *bias_gradient) {
  const wane_dnn_patches *p = tile->patches;
  const pair_mask m = tile->outputs;
  vector low[TAP_BLOCK], high[TAP_BLOCK], bias_low = zero(), bias_high = zero();
  int64_t offset[TAP_BLOCK];
#pragma clang loop unroll(full)
  for (int t = 0; t < count; t++) {
    const float *sums = weights_gradient + t * p->output_step;
    low[t] = load_low(sums, partial, m);
    high[t] = load_high(sums, partial, m);
    offset[t] = offsets[t];
  }
  const float *src_row = tile->src, *dst = tile->diff_dst;
  for (int64_t row = 0; row < tile->rows; row++, src_row += p->row_step) {
    const float *src = src_row;
    for (int64_t column = 0; column < p->columns; column++) {
      const vector d0 = load_low(dst, partial, m), d1 = load_high(dst, partial, m);
#pragma clang loop unroll(full)
      for (int t = 0; t < count; t++) {
        const vector s = splat(src[offset[t]]);
        low[t] = multiply_add(s, d0, low[t]);
        high[t] = multiply_add(s, d1, high[t]);
      }
      if (with_bias) {
        bias_low = add(bias_low, d0);
        bias_high = add(bias_high, d1);
      }
      src += p->column_step;
      dst += p->output_step;
    }
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < count; t++) {
    store_pair(weights_gradient + t * p->output_step, partial, m, low[t], high[t]);
  }
  if (with_bias) {
    store_pair(bias_gradient, partial, m, add(bias_low, load_low(bias_gradient, partial, m)),
               add(bias_high, load_high(bias_gradient, partial, m)));
  }
}

TARGET static void gradient_full(int64_t count, const gradient_tile *tile, const int64_t *offsets,
                                 float *weights){
    FOR_TAPS(count, gradient_block, tile, false, false, offsets, weights, NULL)} TARGET
    static void gradient_full_bias(int64_t count, const gradient_tile *tile, const int64_t *offsets,
                                   float *weights, float *bias){
        FOR_TAPS(count, gradient_block, tile, false, true, offsets, weights, bias)} TARGET
    static void gradient_partial(int64_t count, const gradient_tile *tile, const int64_t *offsets,
                                 float *weights){
        FOR_TAPS(count, gradient_block, tile, true, false, offsets, weights, NULL)} TARGET
    static void gradient_partial_bias(int64_t count, const gradient_tile *tile,
                                      const int64_t *offsets, float *weights, float *bias){
        FOR_TAPS(count, gradient_block, tile, true, true, offsets, weights, bias)}

TARGET static void convolution_gradient(const wane_dnn_patches *p, const float *diff_dst,
                                        float *weights_gradient, float *bias_gradient) {
  // A tile's slice of diff_dst (2 vectors a position) stays in the first-level cache over all taps,
  // and it is long enough that loading and storing the sums does not count.
  enum { TILE_POSITIONS = 144 };
  const int64_t tile_rows = p->columns >= TILE_POSITIONS ? 1 : TILE_POSITIONS / p->columns;
  const int64_t blocks = block_count(p->taps, TAP_BLOCK);
  for (int64_t row = 0; row < p->rows; row += tile_rows) {
    gradient_tile tile = {.patches = p, .src = p->src + row * p->row_step};
    tile.rows = p->rows - row < tile_rows ? p->rows - row : tile_rows;
    for (int64_t o = 0; o < p->outputs; o += BLOCK_OUTPUTS) {
      const bool partial = p->outputs - o < BLOCK_OUTPUTS;
      tile.diff_dst = diff_dst + row * p->columns * p->output_step + o;
      tile.outputs = pair_mask_of(p->outputs - o);
      for (int64_t b = 0; b < blocks; b++) {
        const int64_t tap = block_start(p->taps, blocks, b);
        const int64_t count = block_start(p->taps, blocks, b + 1) - tap;
        const int64_t *offsets = p->offsets + tap;
        float *weights = weights_gradient + tap * p->output_step + o;
        // The first block of taps sees all of diff_dst, so it sums the bias gradient on the way.
        const bool with_bias = b == 0 && bias_gradient != NULL;
        if (with_bias && partial) {
          gradient_partial_bias(count, &tile, offsets, weights, bias_gradient + o);
        } else if (with_bias) {
          gradient_full_bias(count, &tile, offsets, weights, bias_gradient + o);
        } else if (partial) {
          gradient_partial(count, &tile, offsets, weights);
        } else {
          gradient_full(count, &tile, offsets, weights);
        }
      }
    }
  }
}

// Forward

typedef struct {
  const wane_dnn_patches *patches;
  const float *weights, *bias;  // Of the slice of taps, at the outputs of the block.
  int64_t first_tap, end_tap;
  bool relu;
  pair_mask outputs;
} forward_slice;

// `count` neighbouring positions of a row by two vectors of outputs. The first slice of taps starts
// from the bias, later ones continue from what dst has; the last one applies relu.
ALWAYS_INLINE void forward_block(int count, const forward_slice *slice, bool partial,
                                 const float *src, float *dst) {
  const wane_dnn_patches *p = slice->patches;
  const pair_mask m = slice->outputs;
  const int64_t step = p->output_step;
  vector low[BLOCK], high[BLOCK];
  if (slice->first_tap > 0) {
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
      low[i] = load_low(dst + i * step, partial, m);
      high[i] = load_high(dst + i * step, partial, m);
    }
  } else {
    const bool with_bias = slice->bias != NULL;
    const vector b0 = with_bias ? load_low(slice->bias, partial, m) : zero();
    const vector b1 = with_bias ? load_high(slice->bias, partial, m) : zero();
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
      low[i] = b0;
      high[i] = b1;
    }
  }
  const float *weights = slice->weights;
  for (int64_t tap = slice->first_tap; tap < slice->end_tap; tap++, weights += step) {
    const vector w0 = load_low(weights, partial, m), w1 = load_high(weights, partial, m);
    const float *s = src + p->offsets[tap];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
      const vector x = splat(s[i * p->column_step]);
      low[i] = multiply_add(x, w0, low[i]);
      high[i] = multiply_add(x, w1, high[i]);
    }
  }
  const bool relu = slice->relu && slice->end_tap == p->taps;
#pragma clang loop unroll(full)
  for (int i = 0; i < count; i++) {
    if (relu) {
      low[i] = positive(low[i]);
      high[i] = positive(high[i]);
    }
    store_pair(dst + i * step, partial, m, low[i], high[i]);
  }
}

TARGET static void forward_full(int64_t count, const forward_slice *slice, const float *src,
                                float *dst){
    FOR_COUNT(count, forward_block, slice, false, src, dst)} TARGET
    static void forward_partial(int64_t count, const forward_slice *slice, const float *src,
                                float *dst){FOR_COUNT(count, forward_block, slice, true, src, dst)}

TARGET static void forward_row(const forward_slice *slice, bool partial, const float *src,
                               float *dst) {
  const wane_dnn_patches *p = slice->patches;
  const int64_t blocks = block_count(p->columns, BLOCK);
  for (int64_t b = 0; b < blocks; b++) {
    const int64_t column = block_start(p->columns, blocks, b);
    const int64_t count = block_start(p->columns, blocks, b + 1) - column;
    const float *s = src + column * p->column_step;
    float *d = dst + column * p->output_step;
    if (partial) {
      forward_partial(count, slice, s, d);
    } else {
      forward_full(count, slice, s, d);
    }
  }
}

TARGET static void convolution_forward(const wane_dnn_patches *p, const float *weights,
                                       const float *bias, bool relu, float *dst) {
  // The weights of a slice of taps for one block of outputs stay in the first-level cache while
  // they meet every position of the tile; the tile's pixels stay in the second level over all
  // slices.
  enum { SLICE_TAPS = 384, TILE_POSITIONS = 256 };
  const int64_t tile_rows = p->columns >= TILE_POSITIONS ? 1 : TILE_POSITIONS / p->columns;
  for (int64_t top = 0; top < p->rows; top += tile_rows) {
    const int64_t bottom = p->rows - top < tile_rows ? p->rows : top + tile_rows;
    for (int64_t o = 0; o < p->outputs; o += BLOCK_OUTPUTS) {
      const bool partial = p->outputs - o < BLOCK_OUTPUTS;
      forward_slice slice = {.patches = p,
                             .bias = bias != NULL ? bias + o : NULL,
                             .relu = relu,
                             .outputs = pair_mask_of(p->outputs - o)};
      for (int64_t tap = 0; tap < p->taps; tap += SLICE_TAPS) {
        slice.weights = weights + tap * p->output_step + o;
        slice.first_tap = tap;
        slice.end_tap = p->taps - tap < SLICE_TAPS ? p->taps : tap + SLICE_TAPS;
        for (int64_t row = top; row < bottom; row++) {
          forward_row(&slice, partial, p->src + row * p->row_step,
                      dst + row * p->columns * p->output_step + o);
        }
      }
    }
  }
}

// Matrix times vector

enum { ROW_VECTORS = 8 };

// `vectors` vectors of outputs, each summed in `chains` independent parts so that at least 8
// multiply-adds are in flight. Only the last vector can be partial.
ALWAYS_INLINE void dense_block(int vectors, int chains, bool partial, const float *src,
                               const float *weights, const float *bias, bool relu, int64_t inputs,
                               int64_t outputs, int64_t left, float *dst) {
  vector sums[ROW_VECTORS];
  const mask last = mask_of(left - (vectors - 1) * WIDTH);
#pragma clang loop unroll(full)
  for (int i = 0; i < vectors * chains; i++) sums[i] = zero();
  int64_t input = 0;
  for (; input + chains <= inputs; input += chains) {
#pragma clang loop unroll(full)
    for (int c = 0; c < chains; c++) {
      const vector x = splat(src[input + c]);
      const float *w = weights + (input + c) * outputs;
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        const vector wv =
            partial && v == vectors - 1 ? load_some(w + v * WIDTH, last) : load(w + v * WIDTH);
        sums[c * vectors + v] = multiply_add(x, wv, sums[c * vectors + v]);
      }
    }
  }
  for (; input < inputs; input++) {
    const vector x = splat(src[input]);
    const float *w = weights + input * outputs;
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const vector wv =
          partial && v == vectors - 1 ? load_some(w + v * WIDTH, last) : load(w + v * WIDTH);
      sums[v] = multiply_add(x, wv, sums[v]);
    }
  }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    const bool some = partial && v == vectors - 1;
    vector sum = sums[v];
#pragma clang loop unroll(full)
    for (int c = 1; c < chains; c++) sum = add(sum, sums[c * vectors + v]);
    if (bias != NULL) {
      const float *b = bias + v * WIDTH;
      sum = add(sum, some ? load_some(b, last) : load(b));
    }
    if (relu) sum = positive(sum);
    if (some) {
      store_some(dst + v * WIDTH, last, sum);
    } else {
      store(dst + v * WIDTH, sum);
    }
  }
}

TARGET static void dense_row(const float *src, const float *weights, const float *bias, bool relu,
                             int64_t inputs, int64_t outputs, float *dst) {
  for (int64_t o = 0; o < outputs;) {
    const int64_t left = outputs - o;
    const float *w = weights + o, *b = bias != NULL ? bias + o : NULL;
    float *d = dst + o;
    if (left >= 8 * WIDTH) {
      dense_block(8, 1, false, src, w, b, relu, inputs, outputs, left, d);
      o += 8 * WIDTH;
    } else if (left >= 4 * WIDTH) {
      dense_block(4, 2, false, src, w, b, relu, inputs, outputs, left, d);
      o += 4 * WIDTH;
    } else if (left > WIDTH) {
      dense_block(2, 4, true, src, w, b, relu, inputs, outputs, left, d);
      o += 2 * WIDTH;
    } else {
      dense_block(1, 8, true, src, w, b, relu, inputs, outputs, left, d);
      o += WIDTH;
    }
  }
}

const wane_dnn_loops LOOPS = {
    .convolution_gradient = convolution_gradient,
    .convolution_forward = convolution_forward,
    .dense_row = dense_row,
    .name = LOOPS_NAME,
    .vector_width = WIDTH,
};
