// The one CPU engine, and the rule that oneDNN never starts threads of its own.

#ifndef WANE_DNN_ENGINE_H
#define WANE_DNN_ENGINE_H

#include <oneapi/dnnl/dnnl.h>

#include "wane_dnn.h"

/// The shared engine, made at the first call.
wane_dnn_status wane_dnn_engine(dnnl_engine_t *engine);

/// Sets the calling thread to one OpenMP thread and returns what it had. oneDNN reads the number
/// both when it plans and when it runs; with 1 it never enters a parallel region, so libgomp makes
/// no threads. The number belongs to the calling thread, which may be the host's: give it back.
int wane_dnn_enter(void);
void wane_dnn_leave(int previous);

#endif
