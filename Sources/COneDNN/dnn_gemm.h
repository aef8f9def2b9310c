#ifndef WANE_DNN_GEMM_H
#define WANE_DNN_GEMM_H

#include <oneapi/dnnl/dnnl.h>

#include "wane_signals.h"

// dnnl_sgemm with signals held back: its code keeps data where a signal handler's frame falls (see
// wane_signals.h). Nothing else may call it.
static inline dnnl_status_t wane_dnn_sgemm(char transpose_a, char transpose_b, dnnl_dim_t m,
                                           dnnl_dim_t n, dnnl_dim_t k, float scale, const float *a,
                                           dnnl_dim_t a_step, const float *b, dnnl_dim_t b_step,
                                           float c_scale, float *c, dnnl_dim_t c_step) {
  wane_signals_hold();
  const dnnl_status_t status = dnnl_sgemm(transpose_a, transpose_b, m, n, k, scale, a, a_step, b,
                                          b_step, c_scale, c, c_step);
  wane_signals_release();
  return status;
}

#endif
