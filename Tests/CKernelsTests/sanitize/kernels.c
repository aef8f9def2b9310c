/* What a test in Swift cannot do: every kernel on buffers that end where the data ends, under the
   address and undefined-behaviour sanitizers; the allocator with injected failures (a switch of the
   whole process); the pool under the thread sanitizer and after a fork. Run by run.sh. Prints
   what failed and returns how many. */

#include "sanitize.h"

int sanitize_failures;

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
  wane_max_pool_selection_f32(&s, index, x, y);
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
        sanitize_layers(lengths[i]);
        test_grid(1, 1, lengths[i]);
        test_grid(2, 3, lengths[i]);
        if (lengths[i]) test_grid(3, lengths[i], 1);
      }
      for (int i = 0; i < 300; i++) test_pooling();
    }
    for (int i = 0; i < 400; i++) test_integer(levels);
    wane_cpu_restrict(~0u);
    sanitize_memory();
    sanitize_fork();
  }
  sanitize_pool();
  printf(sanitize_failures ? "%d failures\n" : "no failures\n", sanitize_failures);
  return sanitize_failures > 0;
}
