// The last failure of each thread, as text.

#ifndef WANE_DNN_ERROR_H
#define WANE_DNN_ERROR_H

#include <oneapi/dnnl/dnnl.h>

#include "wane_dnn.h"

/// Stores the text and returns the status, so that a failing function ends with `return
/// wane_dnn_fail(...)`.
wane_dnn_status wane_dnn_fail(wane_dnn_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/// Translates a oneDNN status; `operation` is what was tried. OK stays OK.
wane_dnn_status wane_dnn_check(dnnl_status_t status, const char *operation);

#endif
