/* What a test in Swift cannot do: every kernel on buffers that end where the data ends, under the
   address and undefined-behaviour sanitizers; the allocator with injected failures (a switch of the
   whole process); the pool under the thread sanitizer and after a fork. Run by sanitize.sh. Prints
   what failed and returns how many. */

#include "wane_kernels.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      failures++;                                                    \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                \
  } while (0)

static const size_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 257};
enum { length_count = sizeof lengths / sizeof *lengths };

static uint32_t state = 1;
static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

/* Heap blocks of exactly the size of the data. */
static void *block(size_t count, size_t size) {
  void *memory = malloc(count * size);
  if (!memory && count * size) exit(99);
  for (size_t i = 0; i < count * size; i++) ((uint8_t *)memory)[i] = 0;
  return memory;
}

static float *floats(size_t n) {
  static const float awkward[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e30f, -1e-42f, 3e9f};
  float *x = block(n, sizeof *x);
  for (size_t i = 0; i < n; i++)
    x[i] = next() % 16 ? (float)(int32_t)next() * 0x1p-29f : awkward[next() % 8];
  return x;
}

static float *plain(size_t n) {
  float *x = block(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (float)(int32_t)next() * 0x1p-29f;
  return x;
}

static uint8_t *bytes(size_t n) {
  uint8_t *x = block(n, 1);
  for (size_t i = 0; i < n; i++) x[i] = (uint8_t)next();
  return x;
}

static void test_elementwise(size_t n) {
  float *a = floats(n), *b = floats(n), *y = floats(n);
  void (*binary[])(const float *, const float *, float *, size_t) = {
      wane_add_f32,          wane_sub_f32,      wane_mul_f32,       wane_div_f32,
      wane_max_f32,          wane_min_f32,      wane_relu_grad_f32, wane_exp_grad_f32,
      wane_sigmoid_grad_f32, wane_tanh_grad_f32};
  for (size_t i = 0; i < sizeof binary / sizeof *binary; i++) {
    binary[i](a, b, y, n);
    binary[i](y, b, y, n);
  }
  void (*unary[])(const float *, float *, size_t) = {
      wane_abs_f32,  wane_square_f32, wane_sqrt_f32,    wane_log_f32,
      wane_relu_f32, wane_exp_f32,    wane_sigmoid_f32, wane_tanh_f32};
  for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) {
    unary[i](a, y, n);
    unary[i](y, y, n);
  }
  wane_fill_f32(1, y, n);
  wane_scale_f32(a, 2, y, n);
  wane_offset_f32(a, 2, y, n);
  wane_affine_f32(a, 2, 3, y, n);
  wane_reciprocal_f32(a, 2, y, n);
  wane_axpy_f32(2, a, y, n);
  wane_clamp_f32(a, -1, 1, y, n);
  if (n) wane_add_bias_f32(a, b, y, 1, n);
  wane_dropout_f32(a, 0.5f, 1, 2, 3, y, n);
  wane_random_uniform_f32(1, 2, 3, y, n);
  wane_random_normal_f32(1, 2, 3, y, n);
  uint32_t *words = block(n, 4);
  wane_random_u32(1, 2, UINT64_MAX - 5, words, n);
  wane_random_permutation(1, 2, (int32_t *)words, n);
  free(words);
  free(a), free(b), free(y);
}

static void test_casts(size_t n) {
  float *x = floats(n), *y = block(n, 4);
  int32_t *i32 = block(n, 4);
  uint8_t *u8 = block(n, 1);
  int8_t *i8 = block(n, 1);
  wane_cast_f32_i32(x, i32, n);
  wane_cast_f32_u8(x, u8, n);
  wane_cast_f32_i8(x, i8, n);
  wane_cast_i32_u8(i32, u8, n);
  wane_cast_i32_i8(i32, i8, n);
  wane_cast_i32_f32(i32, y, n);
  wane_cast_u8_f32(u8, y, n);
  wane_cast_i8_f32(i8, y, n);
  wane_cast_bool_f32(u8, y, n);
  wane_cast_f32_bool(x, u8, n);
  wane_cast_u8_i32(u8, i32, n);
  wane_cast_i8_i32(i8, i32, n);
  wane_scale_u8_f32(u8, 1, 0, y, n);
  free(x), free(y), free(i32), free(u8), free(i8);
}

static void test_rows(size_t columns) {
  enum { rows = 6 };
  size_t n = rows * columns;
  float *x = plain(n), *t = plain(n), *y = block(n, 4), *z = block(n, 4);
  float *loss = block(rows, 4), *per_column = block(columns, 4), *other = block(columns, 4);
  int32_t *labels = block(rows, 4);
  (void)wane_sum_f32(x, n);
  (void)wane_dot_f32(x, t, n);
  (void)wane_sum_squares_f32(x, n);
  (void)wane_sum_abs_f32(x, n);
  (void)wane_count_nonzero_f32(x, n);
  (void)wane_all_finite_f32(x, n);
  wane_row_sum_f32(x, loss, rows, columns);
  wane_column_sum_f32(x, per_column, rows, columns);
  wane_row_max_f32(x, loss, labels, rows, columns);
  wane_softmax_f32(x, y, rows, columns);
  wane_softmax_grad_f32(y, t, z, rows, columns);
  wane_log_softmax_f32(x, y, rows, columns);
  wane_log_softmax_grad_f32(y, t, z, rows, columns);
  if (columns) {
    CHECK(wane_cross_entropy_index_f32(x, labels, loss, z, 1, rows, columns) == rows);
    labels[4] = (int32_t)columns;
    CHECK(wane_cross_entropy_index_f32(x, labels, loss, z, 1, rows, columns) == -5);
    CHECK(wane_cross_entropy_dense_f32(x, x, loss, NULL, 1, rows, columns) == rows);
    wane_distillation_f32(x, t, 3, loss, z, 1, rows, columns);
    wane_squared_error_f32(x, t, loss, z, 1, rows, columns);
    wane_absolute_error_f32(x, t, loss, z, rows, columns);
    wane_huber_f32(x, t, 1, loss, z, rows, columns);
    wane_hinge_f32(x, t, loss, z, rows, columns);
    wane_binary_cross_entropy_f32(x, t, loss, z, rows, columns);
    wane_binary_focal_f32(x, t, 2, -1, loss, z, rows, columns);
    wane_focal_f32(x, t, 2, 0.25f, loss, z, rows, columns);
    wane_divergence_f32(x, t, loss, z, rows, 1, columns);
    wane_cosine_similarity_f32(x, t, loss, z, rows, 1, columns);
    wane_batch_norm_moments_f32(x, per_column, other, rows, columns);
    wane_batch_norm_combine_f32(per_column, other, 2, x, t, 3, columns);
    wane_batch_norm_apply_f32(x, per_column, other, other, y, rows, columns);
    wane_batch_norm_grad_sums_f32(x, t, x, t, per_column, other, rows, columns);
    wane_batch_norm_grad_f32(x, t, x, t, t, per_column, other, rows, z, rows, columns);
  }
  free(x), free(t), free(y), free(z), free(loss), free(per_column), free(other), free(labels);
}

static void test_optimizers(size_t n) {
  float *w = plain(n), *m = plain(n), *v = block(n, 4), *mask = block(n, 4);
  const float *partials[] = {plain(n), plain(n)};
  wane_gradient gradient = {partials, 2, 1, 0, mask};
  wane_sgd sgd = {0.1f, 0.9f, 1, 0};
  wane_adam adam = {0.1f, 0.9f, 0.999f, 1e-7f, 0, 1};
  wane_sgd_f32(&sgd, &gradient, w, m, n / 2, n);
  wane_adam_f32(&adam, &gradient, w, m, v, NULL, n / 3, n);
  float *u = plain(n);
  wane_rmsprop rmsprop = {0.1f, 0.9f, 0.5f, 1e-7f, 0.1f};
  wane_adagrad adagrad = {0.1f, 1e-7f, 0.1f};
  wane_adadelta adadelta = {0.1f, 0.9f, 1e-7f, 0.1f};
  wane_lion lion = {0.1f, 0.9f, 0.99f, 0.1f};
  gradient.limit = 0.5f;
  wane_adam_f32(&adam, &gradient, w, m, v, u, n / 3, n);
  wane_nadam_f32(&adam, &gradient, w, m, v, n / 3, n);
  wane_rmsprop_f32(&rmsprop, &gradient, w, v, m, u, n / 3, n);
  wane_adagrad_f32(&adagrad, &gradient, w, v, 0, n);
  wane_adadelta_f32(&adadelta, &gradient, w, v, m, n / 2, n);
  wane_lion_f32(&lion, &gradient, w, m, 0, n);
  gradient.mask = NULL;
  sgd.momentum = 0;
  wane_sgd_f32(&sgd, &gradient, w, NULL, 0, n);
  wane_moving_average_f32(w, 0.9f, u, n);
  wane_gradient_gather_f32((float *const[]){m, u}, 2, n / 3, n);
  free(u), free(w), free(m), free(v), free(mask), free((void *)partials[0]),
      free((void *)partials[1]);
}

static void test_grid(size_t outer, size_t channels, size_t inner) {
  size_t n = outer * channels * inner;
  float *x = floats(n), *y = block(n, 4), *scale = block(channels, 4), *other = block(channels, 4);
  int32_t *zero = block(channels, 4);
  uint8_t *q = block(n, 1);
  for (size_t c = 0; c < channels; c++) scale[c] = 0.01f, zero[c] = (int32_t)(next() % 256);
  wane_grid grid = {scale, zero, 0, 255, outer, channels, inner};
  wane_quantize_f32_u8(&grid, x, q);
  wane_dequantize_u8_f32(&grid, q, y);
  wane_fake_quantize_f32(&grid, x, y);
  wane_fake_quantize_grad_f32(&grid, x, x, y);
  grid.zero = NULL;
  grid.low = -128;
  wane_quantize_f32_i8(&grid, x, (int8_t *)q);
  wane_dequantize_i8_f32(&grid, (int8_t *)q, y);
  wane_channel_range_f32(x, outer, channels, inner, scale, other);
  uint64_t *counts = block(3, 8);
  wane_histogram_f32(x, n, -1, 1, counts, 3);
  for (int bits = 1; bits <= 8; bits++) {
    uint8_t *packed = block(wane_bits_size(n, bits), 1);
    CHECK(wane_bits_pack(q, n, bits, packed) == 0);
    CHECK(wane_bits_unpack(packed, n, bits, q) == 0);
    free(packed);
  }
  free(x), free(y), free(scale), free(other), free(zero), free(q), free(counts);
}

static void test_pooling(void) {
  wane_pooling_shape s = {.batch = (int32_t)(next() % 3),
                          .height = 1 + (int32_t)(next() % 9),
                          .width = 1 + (int32_t)(next() % 9),
                          .channels = 1 + (int32_t)(next() % 70),
                          .kernel_height = 1 + (int32_t)(next() % 4),
                          .kernel_width = 1 + (int32_t)(next() % 4),
                          .stride_height = 1 + (int32_t)(next() % 3),
                          .stride_width = 1 + (int32_t)(next() % 3)};
  if (next() % 2) s.kernel_height = s.kernel_width = s.stride_height = s.stride_width = 2;
  s.pad_top = (int32_t)(next() % (uint32_t)s.kernel_height);
  s.pad_left = (int32_t)(next() % (uint32_t)s.kernel_width);
  s.out_height = (s.height + s.pad_top - 1) / s.stride_height + 1;
  s.out_width = (s.width + s.pad_left - 1) / s.stride_width + 1;
  CHECK(wane_pooling_check(&s) == 0);
  size_t in = (size_t)s.batch * (size_t)s.height * (size_t)s.width * (size_t)s.channels;
  size_t out = (size_t)s.batch * (size_t)s.out_height * (size_t)s.out_width * (size_t)s.channels;
  float *x = floats(in), *dx = block(in, 4), *y = block(out, 4);
  uint16_t *index = block(out, 2);
  uint8_t *x8 = bytes(in), *y8 = block(out, 1);
  wane_max_pool_f32(&s, x, y, index);
  wane_max_pool_grad_f32(&s, index, y, dx);
  wane_average_pool_f32(&s, x, y);
  wane_average_pool_grad_f32(&s, y, dx);
  wane_max_pool_u8(&s, x8, y8);
  wane_average_pool_u8(&s, x8, y8);
  free(x), free(dx), free(y), free(index), free(x8), free(y8);
}

/* Every level must give the bits of the first. */
static void test_integer(uint32_t levels) {
  wane_integer_shape s = {.batch = 1 + (int32_t)(next() % 3),
                          .height = 1 + (int32_t)(next() % 12),
                          .width = 1 + (int32_t)(next() % 12),
                          .channels = 1 + (int32_t)(next() % 20),
                          .out_channels = next() % 4 ? 1 + (int32_t)(next() % 90) : 0,
                          .kernel_height = 1 + (int32_t)(next() % 4),
                          .kernel_width = 1 + (int32_t)(next() % 4),
                          .stride_height = 1 + (int32_t)(next() % 3),
                          .stride_width = 1 + (int32_t)(next() % 3),
                          .dilation_height = 1 + (int32_t)(next() % 2),
                          .dilation_width = 1 + (int32_t)(next() % 2),
                          .pad_top = (int32_t)(next() % 3),
                          .pad_left = (int32_t)(next() % 3),
                          .out_height = 1 + (int32_t)(next() % 6),
                          .out_width = 1 + (int32_t)(next() % 6)};
  if (next() % 4 == 0)
    s = wane_integer_dense((int32_t)(next() % 60), 1 + (int32_t)(next() % 99),
                           1 + (int32_t)(next() % 99));
  if (s.out_channels && s.out_height > 1 && s.out_width > 1 && next() % 2) s.max_pool = 2;
  CHECK(wane_integer_check(&s) == 0);
  size_t outputs = (size_t)(s.out_channels ? s.out_channels : s.channels);
  size_t products =
      (size_t)s.kernel_height * (size_t)s.kernel_width * (s.out_channels ? (size_t)s.channels : 1);
  size_t window = s.max_pool == 2 ? 2 : 1;
  size_t out =
      (size_t)s.batch * ((size_t)s.out_height / window) * ((size_t)s.out_width / window) * outputs;
  uint8_t *x = bytes((size_t)s.batch * (size_t)s.height * (size_t)s.width * (size_t)s.channels);
  int8_t *w = (int8_t *)bytes(products * outputs);
  int32_t *folded = block(outputs, 4);
  float *multiplier = block(outputs, 4);
  for (size_t o = 0; o < outputs; o++) multiplier[o] = 0x1p-10f + (float)o * 0x1p-14f;
  void *packed = NULL, *scratch = NULL;
  if (posix_memalign(&packed, 64, wane_integer_packed_size(&s)) ||
      posix_memalign(&scratch, 64, wane_integer_scratch_size(&s)))
    exit(99);
  wane_integer_pack(&s, w, packed);
  wane_integer_fold_bias(&s, w, NULL, 3, folded);
  wane_integer_layer layer = {packed, folded, multiplier, 3, 100, 7, 250, 1};
  uint8_t *codes[2] = {block(out, 1), block(out, 1)};
  float *values[2] = {block(out, 4), block(out, 4)};
  int first = 1;
  for (uint32_t mask = 0; mask <= levels; mask = 2 * mask + 1) {
    wane_cpu_restrict(mask);
    wane_integer_run_u8(&s, &layer, x, codes[!first], scratch);
    wane_integer_run_f32(&s, &layer, x, values[!first], scratch);
    if (!first)
      CHECK(!memcmp(codes[0], codes[1], out) && !memcmp(values[0], values[1], out * sizeof(float)));
    first = 0;
  }
  free(x), free(w), free(folded), free(multiplier), free(packed), free(scratch);
  for (int i = 0; i < 2; i++) free(codes[i]), free(values[i]);
}

static void test_memory(void) {
  int64_t before = wane_memory_live_bytes();
  wane_external_bytes_take();
  enum { count = 600 };
  static void *blocks[count];
  static size_t sizes[count];
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < count; i++) {
      sizes[i] = next() % 5 ? next() % 5000 : next() % 3000000;
      blocks[i] = wane_memory_allocate(sizes[i]);
      CHECK(blocks[i] && (uintptr_t)blocks[i] % WANE_MEMORY_ALIGNMENT == 0);
      memset(blocks[i], i, sizes[i]);
    }
    for (int i = 0; i < count; i++) {
      uint8_t *b = blocks[i];
      CHECK(sizes[i] == 0 || (b[0] == (uint8_t)i && b[sizes[i] - 1] == (uint8_t)i));
      wane_memory_release(b, sizes[i]);
    }
  }
  CHECK(wane_memory_live_bytes() == before);
  CHECK(wane_external_bytes_take() == 0);

  /* Zeroed blocks are zero although they are used ones. */
  for (size_t size = 1; size < 300000; size = 3 * size + 1) {
    uint8_t *b = wane_memory_allocate(size);
    memset(b, 0xff, size);
    wane_memory_release(b, size);
    b = wane_memory_allocate_zeroed(size);
    for (size_t i = 0; i < size; i++) CHECK(b[i] == 0);
    wane_memory_release(b, size);
  }

  /* A block is at most a quarter larger than asked for (and at least 64 bytes). */
  for (size_t size = 256; size < (size_t)1 << 40; size += size / 3) {
    before = wane_memory_live_bytes();
    void *b = wane_memory_allocate(size);
    if (b) CHECK(wane_memory_live_bytes() - before <= (int64_t)(size + size / 4 + 4096));
    wane_memory_release(b, size);
  }
  CHECK(!wane_memory_allocate(SIZE_MAX));
  CHECK(!wane_memory_allocate((size_t)PTRDIFF_MAX));
  CHECK(!wane_memory_allocate_zeroed(SIZE_MAX / 2));
  wane_memory_release(NULL, 12);

  /* Failure injection. */
  wane_memory_fail_after(2);
  void *a = wane_memory_allocate(10), *b = wane_memory_allocate(1 << 20);
  CHECK(a && b);
  CHECK(!wane_memory_allocate(10) && !wane_memory_allocate_zeroed(1 << 20));
  wane_memory_fail_after(-1);
  void *c = wane_memory_allocate(10);
  CHECK(c);
  wane_memory_release(a, 10), wane_memory_release(b, 1 << 20), wane_memory_release(c, 10);

  /* Caching: blocks are reused, and the limit holds. */
  wane_memory_trim(0);
  a = wane_memory_allocate(4 << 20);
  wane_memory_release(a, 4 << 20);
  b = wane_memory_allocate(4 << 20);
  CHECK(a == b);
  wane_memory_release(b, 4 << 20);
  CHECK(wane_memory_cached_bytes() >= 4 << 20);
  size_t limit = wane_memory_set_cache_limit(1 << 20);
  CHECK(limit == 128 << 20);
  size_t left = wane_memory_trim(0);
  CHECK(left < 8 << 20); /* small blocks alone */
  CHECK(wane_memory_trim(0) == left);
  a = wane_memory_allocate(4 << 20);
  wane_memory_release(a, 4 << 20);
  CHECK((size_t)wane_memory_cached_bytes() <= left + (1 << 20));
  wane_memory_set_cache_limit(limit);

  wane_memory_reset_peak();
  before = wane_memory_live_bytes();
  a = wane_memory_allocate(1 << 20);
  wane_memory_release(a, 1 << 20);
  CHECK(wane_memory_peak_bytes() == before + (1 << 20));

  /* The counter of external bytes: new bytes count, bytes freed again do not, old ones do not make
     it negative. */
  wane_external_bytes_take();
  a = wane_memory_allocate(1 << 20);
  CHECK(wane_external_bytes_take() == 1 << 20);
  wane_memory_release(a, 1 << 20);
  CHECK(wane_external_bytes_take() == 0);
  wane_external_bytes_add(100);
  wane_external_bytes_add(INT64_MAX);
  CHECK(wane_external_bytes_take() == INT64_MAX);
  wane_external_bytes_add(INT64_MIN);
  CHECK(wane_external_bytes_take() == 0);
}

/* Threads that allocate, and pass blocks on through the pool. */
static void *allocate_and_release(void *argument) {
  uint32_t seed = (uint32_t)(uintptr_t)argument;
  for (int i = 0; i < 2000; i++) {
    seed = seed * 1664525u + 1013904223u;
    size_t size = seed >> (8 + seed % 12);
    uint8_t *b = wane_memory_allocate(size % 200000);
    if (!b) continue;
    b[0] = 1;
    wane_memory_release(b, size % 200000);
  }
  return NULL;
}

typedef struct {
  wane_barrier *barrier;
  int slots[8];
  int threads;
  int errors[8];
} meeting;

static void meet(void *context, int worker) {
  meeting *m = context;
  for (int phase = 1; phase <= 50; phase++) {
    m->slots[worker] = phase;
    wane_barrier_wait(m->barrier);
    for (int i = 0; i < m->threads; i++) m->errors[worker] += m->slots[i] != phase;
    wane_barrier_wait(m->barrier);
  }
}

static void count(void *context, int worker) { ((int *)context)[worker]++; }

static void test_pool(void) {
  for (int threads = 1; threads <= 5; threads++) {
    wane_pool *pool = wane_pool_create(threads);
    CHECK(pool);
    int counts[8] = {0};
    for (int i = 0; i < 200; i++) {
      CHECK(wane_pool_run(pool, count, counts) == 0);
      if (i % 50 == 0) usleep(3000);
    }
    for (int i = 0; i < threads; i++) CHECK(counts[i] == 200);
    meeting m = {.barrier = wane_barrier_create(threads), .threads = threads};
    CHECK(wane_pool_run(pool, meet, &m) == 0);
    for (int i = 0; i < threads; i++) CHECK(m.errors[i] == 0);
    wane_barrier_destroy(m.barrier);
    wane_pool_destroy(pool);
  }
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, allocate_and_release, (void *)(i + 1));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

/* The pool and the allocator in the child of a fork. */
static void test_fork(void) {
  wane_pool *pool = wane_pool_create(3);
  int counts[3] = {0};
  wane_pool_run(pool, count, counts);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    void *b = wane_memory_allocate(100);
    wane_memory_release(b, 100);
    int status = wane_pool_run(pool, count, counts);
    wane_pool_destroy(pool);
    _exit(b && status == 0 && counts[0] == 2 && counts[1] == 2 && counts[2] == 2 ? 0 : 1);
  }
  int status = 1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  wane_pool_run(pool, count, counts);
  CHECK(counts[0] == 2 && counts[1] == 2 && counts[2] == 2);
  wane_pool_destroy(pool);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "all";
  if (strcmp(what, "threads")) {
    uint32_t levels = wane_cpu_restrict(~0u);
    for (uint32_t mask = 0; mask <= levels; mask = 2 * mask + 1) {
      wane_cpu_restrict(mask);
      printf("level %s\n", wane_cpu_name());
      for (size_t i = 0; i < length_count; i++) {
        test_elementwise(lengths[i]);
        test_casts(lengths[i]);
        test_rows(lengths[i]);
        test_optimizers(lengths[i]);
        test_grid(1, 1, lengths[i]);
        test_grid(2, 3, lengths[i]);
        if (lengths[i]) test_grid(3, lengths[i], 1);
      }
      for (int i = 0; i < 300; i++) test_pooling();
    }
    for (int i = 0; i < 400; i++) test_integer(levels);
    wane_cpu_restrict(~0u);
    test_memory();
    test_fork();
  }
  test_pool();
  printf(failures ? "%d failures\n" : "no failures\n", failures);
  return failures > 0;
}
