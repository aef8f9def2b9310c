// Ways to compute a dense layer.

#ifndef WANE_DNN_DENSE_H
#define WANE_DNN_DENSE_H

#include "dnn_kernel.h"

/// Whether rounding the operands to bf16 is faster than fp32 on this machine.
bool wane_dnn_dense_bf16_pays(const wane_dnn_dense_plan *plan, bool constant_weights);

/// Makes a kernel that rounds its operands to bf16, from its plan.
wane_dnn_status wane_dnn_dense_bf16(wane_dnn_kernel *kernel, bool constant_weights);

#endif
