// Checks of sizes before they reach oneDNN.

#ifndef WANE_DNN_SHAPE_H
#define WANE_DNN_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "wane_dnn.h"

/// A size must lie in [least, 2^31 - 1]: oneDNN keeps sizes in int.
wane_dnn_status wane_dnn_check_range(const char *operation, const char *name, int64_t value,
                                     int64_t least);

/// Whether floats of the product of these sizes take at most `limit` bytes.
bool wane_dnn_bytes_fit(const int64_t *sizes, int count, int64_t limit);

#endif
