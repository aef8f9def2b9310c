#include "dnn_error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[256];

const char *wane_dnn_last_error(void) { return last_error; }

wane_dnn_status wane_dnn_fail(wane_dnn_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return status;
}

wane_dnn_status wane_dnn_check(dnnl_status_t status, const char *operation) {
  switch (status) {
    case dnnl_success:
      return WANE_DNN_OK;
    case dnnl_out_of_memory:
      return wane_dnn_fail(WANE_DNN_OUT_OF_MEMORY, "%s: not enough memory", operation);
    case dnnl_invalid_arguments:
      return wane_dnn_fail(WANE_DNN_INVALID, "%s: oneDNN rejects the arguments", operation);
    case dnnl_unimplemented:
#if DNNL_VERSION_MAJOR >= 3
    case dnnl_last_impl_reached:
#else
    case dnnl_iterator_ends:
#endif
      return wane_dnn_fail(WANE_DNN_UNSUPPORTED, "%s: oneDNN has no implementation", operation);
    default:
      return wane_dnn_fail(WANE_DNN_FAILED, "%s: oneDNN failed with status %d", operation,
                           (int)status);
  }
}
