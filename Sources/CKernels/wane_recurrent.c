#include "wane_recurrent.h"

#include "wane_math.h"

#include <string.h>

WANE_BODY void wane_lstm_step_f32__body(float *gates, const float *bias, const float *before,
                                        float *cell, float *state, size_t rows, size_t units) {
  for (size_t r = 0; r < rows; r++) {
    float *gi = gates + 4 * r * units, *gf = gi + units, *gg = gf + units, *go = gg + units;
    const float *bi = bias, *bf = bi + units, *bg = bf + units, *bo = bg + units;
    const float *from = before + r * units;
    float *c = cell + r * units, *h = state + r * units;
    WANE_VECTORIZE
    for (size_t u = 0; u < units; u++) {
      float i = wane_math_sigmoid(gi[u] + bi[u]);
      float f = wane_math_sigmoid(gf[u] + bf[u]);
      float g = wane_math_tanh(gg[u] + bg[u]);
      float o = wane_math_sigmoid(go[u] + bo[u]);
      float next = f * from[u] + i * g;
      gi[u] = i;
      gf[u] = f;
      gg[u] = g;
      go[u] = o;
      c[u] = next;
      h[u] = o * wane_math_tanh(next);
    }
  }
}
WANE_KERNEL(wane_lstm_step_f32,
            (float *gates, const float *bias, const float *before, float *cell, float *state,
             size_t rows, size_t units),
            (gates, bias, before, cell, state, rows, units))

WANE_BODY void wane_lstm_step_grad_f32__body(const float *gates, const float *before,
                                             const float *cell, const float *dstate, float *dcell,
                                             float *dsums, size_t rows, size_t units) {
  for (size_t r = 0; r < rows; r++) {
    const float *gi = gates + 4 * r * units, *gf = gi + units, *gg = gf + units, *go = gg + units;
    float *di = dsums + 4 * r * units, *df = di + units, *dg = df + units, *d_o = dg + units;
    const float *from = before + r * units, *c = cell + r * units, *dh = dstate + r * units;
    float *dc = dcell + r * units;
    WANE_VECTORIZE
    for (size_t u = 0; u < units; u++) {
      float i = gi[u], f = gf[u], g = gg[u], o = go[u];
      float t = wane_math_tanh(c[u]);
      float change = dc[u] + dh[u] * o * (1.0f - t * t);
      di[u] = change * g * (i * (1.0f - i));
      df[u] = change * from[u] * (f * (1.0f - f));
      dg[u] = change * i * (1.0f - g * g);
      d_o[u] = dh[u] * t * (o * (1.0f - o));
      dc[u] = change * f;
    }
  }
}
WANE_KERNEL(wane_lstm_step_grad_f32,
            (const float *gates, const float *before, const float *cell, const float *dstate,
             float *dcell, float *dsums, size_t rows, size_t units),
            (gates, before, cell, dstate, dcell, dsums, rows, units))

WANE_BODY void wane_gru_step_f32__body(float *gates, const float *inner, const float *bias,
                                       const float *before, float *carry, float *state, size_t rows,
                                       size_t units) {
  for (size_t r = 0; r < rows; r++) {
    float *gz = gates + 3 * r * units, *gr = gz + units, *gg = gr + units;
    const float *nz = inner + 3 * r * units, *nr = nz + units, *ng = nr + units;
    const float *bz = bias, *br = bz + units, *bg = br + units;
    const float *mz = bg + units, *mr = mz + units, *mg = mr + units;
    const float *from = before + r * units;
    float *kept = carry + r * units, *h = state + r * units;
    WANE_VECTORIZE
    for (size_t u = 0; u < units; u++) {
      float z = wane_math_sigmoid((gz[u] + bz[u]) + (nz[u] + mz[u]));
      float reset = wane_math_sigmoid((gr[u] + br[u]) + (nr[u] + mr[u]));
      float n = ng[u] + mg[u];
      float g = wane_math_tanh((gg[u] + bg[u]) + reset * n);
      gz[u] = z;
      gr[u] = reset;
      gg[u] = g;
      kept[u] = n;
      h[u] = z * from[u] + (1.0f - z) * g;
    }
  }
}
WANE_KERNEL(wane_gru_step_f32,
            (float *gates, const float *inner, const float *bias, const float *before, float *carry,
             float *state, size_t rows, size_t units),
            (gates, inner, bias, before, carry, state, rows, units))

WANE_BODY void wane_gru_step_grad_f32__body(const float *gates, const float *carry,
                                            const float *before, float *dstate, float *dgates,
                                            float *dinner, size_t rows, size_t units) {
  for (size_t r = 0; r < rows; r++) {
    const float *gz = gates + 3 * r * units, *gr = gz + units, *gg = gr + units;
    float *dz = dgates + 3 * r * units, *dr = dz + units, *dg = dr + units;
    float *ez = dinner + 3 * r * units, *er = ez + units, *eg = er + units;
    const float *kept = carry + r * units, *from = before + r * units;
    float *dh = dstate + r * units;
    WANE_VECTORIZE
    for (size_t u = 0; u < units; u++) {
      float z = gz[u], reset = gr[u], g = gg[u], d = dh[u];
      float candidate = d * (1.0f - z) * (1.0f - g * g);
      float update = d * (from[u] - g) * (z * (1.0f - z));
      float forget = candidate * kept[u] * (reset * (1.0f - reset));
      dz[u] = update;
      dr[u] = forget;
      dg[u] = candidate;
      ez[u] = update;
      er[u] = forget;
      eg[u] = candidate * reset;
      dh[u] = d * z;
    }
  }
}
WANE_KERNEL(wane_gru_step_grad_f32,
            (const float *gates, const float *carry, const float *before, float *dstate,
             float *dgates, float *dinner, size_t rows, size_t units),
            (gates, carry, before, dstate, dgates, dinner, rows, units))

void wane_copy_rows_f32(const float *x, size_t x_step, float *y, size_t y_step, size_t rows,
                        size_t columns) {
  for (size_t r = 0; r < rows; r++) memcpy(y + r * y_step, x + r * x_step, columns * sizeof *y);
}

WANE_BODY void wane_add_rows_f32__body(const float *x, size_t x_step, float *y, size_t y_step,
                                       size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, x += x_step, y += y_step) {
    WANE_VECTORIZE
    for (size_t c = 0; c < columns; c++) y[c] += x[c];
  }
}
WANE_KERNEL(wane_add_rows_f32,
            (const float *x, size_t x_step, float *y, size_t y_step, size_t rows, size_t columns),
            (x, x_step, y, y_step, rows, columns))

void wane_transpose_f32(const float *x, float *y, size_t rows, size_t columns) {
  enum { tile = 16 }; /* One cache line of each side. */
  for (size_t r = 0; r < rows; r += tile) {
    size_t height = rows - r < tile ? rows - r : tile;
    for (size_t c = 0; c < columns; c += tile) {
      size_t width = columns - c < tile ? columns - c : tile;
      for (size_t j = 0; j < width; j++)
        for (size_t i = 0; i < height; i++)
          y[(c + j) * rows + (r + i)] = x[(r + i) * columns + (c + j)];
    }
  }
}
