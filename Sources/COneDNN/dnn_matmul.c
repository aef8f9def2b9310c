// Batches of matrix products of two activations.

#include <stdio.h>

#include "dnn_error.h"
#include "dnn_kernel.h"
#include "dnn_product.h"
#include "dnn_shape.h"

static wane_dnn_status check_shape(const wane_dnn_matmul *s) {
  wane_dnn_status status = wane_dnn_check_range("matmul", "batch", s->batch, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("matmul", "m", s->m, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("matmul", "n", s->n, 1);
  if (status == WANE_DNN_OK) status = wane_dnn_check_range("matmul", "k", s->k, 1);
  if (status != WANE_DNN_OK) return status;
  const int64_t a[] = {s->batch, s->m, s->k}, b[] = {s->batch, s->k, s->n};
  const int64_t c[] = {s->batch, s->m, s->n}, limit = INT64_MAX / 4;
  if (!wane_dnn_bytes_fit(a, 3, limit) || !wane_dnn_bytes_fit(b, 3, limit) ||
      !wane_dnn_bytes_fit(c, 3, limit)) {
    return wane_dnn_fail(WANE_DNN_INVALID,
                         "matmul: %lld products of %lld x %lld x %lld are too large",
                         (long long)s->batch, (long long)s->m, (long long)s->k, (long long)s->n);
  }
  return WANE_DNN_OK;
}

static wane_dnn_status run_matmul(wane_dnn_kernel *kernel, void *const *slots) {
  const wane_dnn_matmul_plan *p = &kernel->plan.matmul;
  const wane_dnn_matmul *s = &p->shape;
  const float *a = slots[SLOT_SRC], *b = slots[SLOT_WEIGHTS];
  float *c = slots[SLOT_DST];
  for (int64_t i = 0; i < s->batch; i++) {
    const wane_dnn_status status = wane_dnn_product(
        "matmul", s->transpose_a != 0, s->transpose_b != 0, s->m, s->n, s->k, a + i * s->m * s->k,
        s->shared_b != 0 ? b : b + i * s->k * s->n, c + i * s->m * s->n);
    if (status != WANE_DNN_OK) return status;
  }
  wane_dnn_finish_rows(c, p->bias ? slots[SLOT_BIAS] : NULL, p->relu, s->batch * s->m, s->n);
  return WANE_DNN_OK;
}

wane_dnn_status wane_dnn_matmul_create(const wane_dnn_matmul *shape, uint32_t flags,
                                       wane_dnn_kernel **kernel) {
  *kernel = NULL;
  if ((flags & ~(WANE_DNN_BIAS | WANE_DNN_RELU)) != 0) {
    return wane_dnn_fail(WANE_DNN_INVALID, "matmul: flags 0x%x are not among the allowed 0x3",
                         (unsigned)flags);
  }
  wane_dnn_status status = check_shape(shape);
  if (status != WANE_DNN_OK) return status;
  wane_dnn_kernel *made;
  status = wane_dnn_kernel_new("matmul", &made);
  if (status != WANE_DNN_OK) return status;
  wane_dnn_matmul_plan *plan = &made->plan.matmul;
  plan->shape = *shape;
  plan->bias = (flags & WANE_DNN_BIAS) != 0;
  plan->relu = (flags & WANE_DNN_RELU) != 0;
  // Rows of all products that share b form one tall matrix, unless they are stored as columns.
  if (shape->shared_b != 0 && shape->transpose_a == 0 && shape->batch * shape->m <= INT32_MAX) {
    plan->shape.m = shape->batch * shape->m;
    plan->shape.batch = 1;
  }
  made->run = run_matmul;
  made->required = 1u << SLOT_SRC | 1u << SLOT_WEIGHTS | 1u << SLOT_DST;
  if (plan->bias) made->required |= 1u << SLOT_BIAS;
  snprintf(made->implementation, sizeof made->implementation, "sgemm");
  *kernel = made;
  return WANE_DNN_OK;
}
