/* The kernels of layers and losses. */

#include "sanitize.h"

static void test_order(size_t columns) {
  size_t rows = 1 + next() % 3, count = next() % 40;
  float *x = floats(rows * columns), *values = block(rows * columns, 4);
  int32_t *positions = block(rows * columns, 4), *scratch = block(columns, 4);
  wane_cumulative_sum_f32(x, values, (int)(next() % 2), rows, columns);
  wane_sort_f32(x, next() % 2 ? values : NULL, positions, scratch, (int)(next() % 2), 1, rows,
                columns);
  if (columns) wane_extreme_position_f32(x, scratch, (int)(next() % 2), 0, 1, columns);
  int32_t *places = block(rows * count, 4);
  for (size_t i = 0; i < rows * count; i++) places[i] = (int32_t)(next() % (columns + 3)) - 1;
  float *taken = block(rows * count, 4);
  wane_take_along_f32(x, places, 0, taken, rows, columns, count);
  wane_put_along_f32(taken, places, 0, values, rows, columns, count);
  free(x), free(values), free(positions), free(scratch), free(places), free(taken);
}

static void test_embedding(size_t columns) {
  size_t rows = 1 + next() % 5, count = next() % 20;
  float *table = floats(rows * columns), *y = block(count * columns, 4);
  int32_t *wide = block(count, 4);
  uint8_t *narrow = block(count, 1);
  for (size_t i = 0; i < count; i++) {
    wide[i] = (int32_t)(next() % (rows + 2)) - 1;
    narrow[i] = (uint8_t)(next() % (rows + 1));
  }
  wane_embedding_i32_f32(table, rows, columns, wide, count, y);
  wane_embedding_grad_i32_f32(wide, y, count, table, rows, columns);
  wane_embedding_u8_f32(table, rows, columns, narrow, count, y);
  wane_embedding_grad_u8_f32(narrow, y, count, table, rows, columns);
  free(table), free(y), free(wide), free(narrow);
}

static void test_group_norm(size_t width) {
  wane_group_norm_shape s = {.samples = next() % 3,
                             .positions = 1 + next() % 4,
                             .groups = 1 + next() % 3,
                             .epsilon = 1e-3f,
                             .centred = (int32_t)(next() % 2)};
  s.channels = s.groups * (width + 1);
  size_t n = s.samples * s.positions * s.channels;
  float *x = plain(n), *y = block(n, 4), *dy = plain(n);
  float *gamma = plain(s.channels), *dgamma = block(s.channels, 4), *dbeta = block(s.channels, 4);
  wane_group_norm_f32(&s, x, gamma, next() % 2 ? gamma : NULL, y);
  wane_group_norm_grad_f32(&s, x, gamma, dy, dy, dgamma, next() % 2 ? dbeta : NULL);
  free(x), free(y), free(dy), free(gamma), free(dgamma), free(dbeta);
}

static void test_recurrent(size_t units) {
  size_t rows = next() % 4, n = rows * units;
  float *gates = floats(4 * n), *inner = floats(3 * n), *bias = plain(6 * units);
  float *before = plain(n), *cell = block(n, 4), *state = block(n, 4);
  float *dstate = plain(n), *dcell = plain(n), *dsums = block(4 * n, 4), *dinner = block(3 * n, 4);
  wane_lstm_step_f32(gates, bias, before, cell, state, rows, units);
  wane_lstm_step_grad_f32(gates, before, cell, dstate, dcell, dsums, rows, units);
  wane_gru_step_f32(gates, inner, bias, before, cell, state, rows, units);
  wane_gru_step_grad_f32(gates, cell, before, dstate, dsums, dinner, rows, units);
  wane_copy_rows_f32(before, units, state, units, rows, units);
  wane_add_rows_f32(before, units, state, units, rows, units);
  wane_transpose_f32(before, state, rows, units);
  free(gates), free(inner), free(bias), free(before), free(cell), free(state);
  free(dstate), free(dcell), free(dsums), free(dinner);
}

static void test_losses(size_t columns) {
  size_t rows = next() % 4, n = rows * columns;
  float *x = floats(n), *t = plain(n), *loss = block(rows, 4);
  float *gradient = next() % 2 ? block(n, 4) : NULL;
  wane_absolute_error_f32(x, t, loss, gradient, rows, columns);
  wane_huber_f32(x, t, 1, loss, gradient, rows, columns);
  wane_hinge_f32(x, t, loss, gradient, rows, columns);
  wane_binary_cross_entropy_f32(x, t, loss, gradient, rows, columns);
  wane_binary_focal_f32(x, t, 2, 0.25f, loss, gradient, rows, columns);
  wane_focal_f32(x, t, 2, 0.25f, loss, gradient, rows, columns);
  wane_divergence_f32(x, t, loss, gradient, rows, 1, columns);
  wane_cosine_similarity_f32(x, t, loss, gradient, rows, 1, columns);
  free(x), free(t), free(loss), free(gradient);
}

static void fill_axis(size_t size, size_t out, int32_t *low, int32_t *high, float *weight) {
  for (size_t i = 0; i < out; i++) {
    low[i] = (int32_t)(next() % size);
    high[i] = (int32_t)(next() % size);
    weight[i] = (float)(next() % 4) / 4;
  }
}

static void test_resample(size_t channels) {
  wane_resample_shape s = {.batch = next() % 3,
                           .height = 1 + next() % 4,
                           .width = 1 + next() % 4,
                           .channels = channels,
                           .out_height = 1 + next() % 6,
                           .out_width = 1 + next() % 6};
  int32_t *low[2], *high[2];
  float *weight[2];
  for (int i = 0; i < 2; i++) {
    size_t out = i ? s.out_width : s.out_height;
    low[i] = block(out, 4), high[i] = block(out, 4), weight[i] = block(out, 4);
    fill_axis(i ? s.width : s.height, out, low[i], high[i], weight[i]);
  }
  s.vertical = (wane_resample_axis){.low = low[0], .high = high[0], .weight = weight[0]};
  s.horizontal = (wane_resample_axis){.low = low[1], .high = high[1], .weight = weight[1]};
  float *x = floats(s.batch * s.height * s.width * channels);
  float *y = block(s.batch * s.out_height * s.out_width * channels, 4);
  wane_resample_f32(&s, x, y);
  wane_resample_grad_f32(&s, y, x);
  for (int i = 0; i < 2; i++) free(low[i]), free(high[i]), free(weight[i]);
  free(x), free(y);
}

/* Warped images, mixed, with noise, and resized. */
static void test_augment(int32_t channels) {
  wane_augmentation options = {.flip_horizontal = 1,
                               .flip_vertical = 1,
                               .shift_height = 0.7f,
                               .shift_width = 0.7f,
                               .rotate = 180,
                               .zoom_low = 0.3f,
                               .zoom_high = 3,
                               .cutout = 0.6f,
                               .noise = 0.1f,
                               .mixup = 0.5f,
                               .fill = (int32_t)(next() % 3)};
  int32_t height = 1 + (int32_t)(next() % 9), width = 1 + (int32_t)(next() % 9);
  size_t n = (size_t)height * (size_t)width * (size_t)channels;
  uint8_t *x8 = bytes(n), *y8 = block(n, 1);
  float *x = plain(n), *y = block(n, 4);
  wane_warp warp;
  wane_augment_draw(&options, next(), next(), next(), height, width, &warp);
  wane_warp_u8(x8, height, width, channels, &warp, y8);
  wane_warp_f32(x, height, width, channels, &warp, y);
  wane_mix_u8(y8, x8, 0.7f, (int64_t)n);
  wane_mix_f32(y, x, 0.7f, (int64_t)n);
  wane_noise_u8(1, 2, next(), options.noise, y8, (int64_t)n);
  wane_noise_f32(1, 2, next(), options.noise, y, (int64_t)n);
  int32_t rows = 1 + (int32_t)(next() % 12), columns = 1 + (int32_t)(next() % 12);
  uint8_t *resized = block((size_t)rows * (size_t)columns * (size_t)channels, 1);
  wane_resize_u8(x8, height, width, channels, resized, rows, columns);
  free(x8), free(y8), free(x), free(y), free(resized);
}

void sanitize_layers(size_t n) {
  test_order(n);
  test_embedding(n);
  test_group_norm(n);
  test_recurrent(n);
  if (n) test_losses(n);
  for (int i = 0; i < 5; i++) {
    test_resample(n);
    test_augment((int32_t)(n % 5) + 1);
  }
}
