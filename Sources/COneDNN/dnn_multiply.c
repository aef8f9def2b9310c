// Single products of parts of matrices.

#include "dnn_error.h"
#include "dnn_gemm.h"
#include "dnn_shape.h"

static wane_dnn_status check_step(const char *name, int64_t step, int64_t row) {
  const wane_dnn_status status = wane_dnn_check_range("multiply", name, step, 1);
  if (status != WANE_DNN_OK || step >= row) return status;
  return wane_dnn_fail(WANE_DNN_INVALID, "multiply: %s %lld is shorter than a row of %lld", name,
                       (long long)step, (long long)row);
}

wane_dnn_status wane_dnn_multiplication_check(const wane_dnn_multiplication *s) {
  wane_dnn_status status = wane_dnn_check_range("multiply", "m", s->m, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("multiply", "n", s->n, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("multiply", "k", s->k, 1);
  if (status == WANE_DNN_OK) {
    status = check_step("a_step", s->a_step, s->transpose_a != 0 ? s->m : s->k);
  }
  if (status == WANE_DNN_OK) {
    status = check_step("b_step", s->b_step, s->transpose_b != 0 ? s->k : s->n);
  }
  if (status == WANE_DNN_OK) status = check_step("c_step", s->c_step, s->n);
  return status;
}

wane_dnn_status wane_dnn_multiply(const wane_dnn_multiplication *s, float scale, const float *a,
                                  const float *b, float *c) {
  return wane_dnn_check(
      wane_dnn_sgemm(s->transpose_a != 0 ? 'T' : 'N', s->transpose_b != 0 ? 'T' : 'N', s->m, s->n,
                     s->k, scale, a, s->a_step, b, s->b_step, s->accumulate != 0 ? 1.0f : 0.0f, c,
                     s->c_step),
      "multiply");
}
