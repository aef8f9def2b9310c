#include "dnn_shape.h"

#include "dnn_error.h"

wane_dnn_status wane_dnn_check_range(const char *operation, const char *name, int64_t value,
                                     int64_t least) {
  if (value >= least && value <= INT32_MAX) return WANE_DNN_OK;
  return wane_dnn_fail(WANE_DNN_INVALID, "%s: %s must be in [%lld, %lld], got %lld", operation,
                       name, (long long)least, (long long)INT32_MAX, (long long)value);
}

bool wane_dnn_bytes_fit(const int64_t *sizes, int count, int64_t limit) {
  int64_t bytes = (int64_t)sizeof(float);
  for (int i = 0; i < count; i++) {
    if (__builtin_mul_overflow(bytes, sizes[i], &bytes)) return false;
  }
  return bytes <= limit;
}
